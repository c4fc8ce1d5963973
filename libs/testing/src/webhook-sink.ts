import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A webhook as it arrived. */
export interface Arrival {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly path: string;
}

type Answer = (arrival: Arrival, response: ServerResponse) => void;

/** A merchant's server for webhooks, on loopback. It says 200 unless it is told otherwise. */
export class WebhookSink {
  readonly arrivals: Arrival[] = [];
  answer: Answer = (_arrival, response) => void response.end('ok');

  private constructor(private readonly server: Server) {}

  static async open(): Promise<WebhookSink> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const id = String(request.headers['webhook-id']);
        const body = Buffer.concat(chunks).toString();
        const arrival = { id, headers: request.headers, body, path: request.url ?? '' };
        sink.arrivals.push(arrival);
        sink.answer(arrival, response);
      });
    });
    const sink = new WebhookSink(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  /** What arrived, parsed. */
  get bodies(): Array<{ type: string; timestamp: string; data: Record<string, unknown> }> {
    return this.arrivals.map(({ body }) => JSON.parse(body));
  }

  /** Answers with this status from now on. */
  says(status: number, text = ''): void {
    this.answer = (_arrival, response) => void response.writeHead(status).end(text);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
