import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { metrics } from './metrics';

export interface Management {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * What operators ask a process, on a port of its own that is never public: `/health/live`, `/health/ready` (200 when
 * `ready` resolves, else 503), `/metrics` (Prometheus).
 */
export async function startManagement(host: string, port: number, ready: () => Promise<unknown>): Promise<Management> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'application/json') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url) {
      case '/health/live':
        return answer(200, '{"status":"ok"}');
      case '/health/ready':
        return ready().then(
          () => answer(200, '{"status":"ok"}'),
          () => answer(503, '{"status":"unavailable"}'),
        );
      case '/metrics':
        return metrics.metrics().then(
          (text) => answer(200, text, metrics.contentType),
          () => answer(500, '{"status":"unavailable"}'),
        );
      default:
        return answer(404, '{"status":"not found"}');
    }
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
