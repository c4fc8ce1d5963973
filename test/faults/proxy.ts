import { connect, createServer, type Server, type Socket } from 'node:net';

/** What a proxy does with bytes on their way: hands on what `forward` gives, or cuts the connection off. */
export interface Hop {
  /** Towards the server. */
  forward?(chunk: Buffer): Buffer | 'cut';
  /** Towards the client. */
  back?(chunk: Buffer): Buffer | 'cut';
}

/** Stands between a client and a server and does what networks do. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param hop called for each connection */
  static async before(target: { host?: string; port: number }, hop: () => Hop): Promise<TcpProxy> {
    let proxy: TcpProxy | undefined;
    const server = createServer((client) => {
      const upstream = connect({ host: target.host ?? '127.0.0.1', port: target.port });
      const { forward = same, back = same } = hop();
      const cut = () => {
        client.destroy();
        upstream.destroy();
      };
      for (const socket of [client, upstream]) {
        socket.setNoDelay(true);
        proxy?.sockets.add(socket);
        socket.on('error', cut);
        socket.on('close', () => {
          proxy?.sockets.delete(socket);
          cut();
        });
      }
      pass(client, upstream, forward, cut);
      pass(upstream, client, back, cut);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    proxy = new TcpProxy(server, typeof address === 'object' && address ? address.port : 0);
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const same = (chunk: Buffer) => chunk;

function pass(from: Socket, to: Socket, change: (chunk: Buffer) => Buffer | 'cut', cut: () => void): void {
  from.on('data', (chunk: Buffer) => {
    const changed = change(chunk);
    if (changed === 'cut') cut();
    else if (changed.length > 0 && !to.write(changed)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
}

const CRLF = '\r\n';

/**
 * Cuts a stream of NATS's protocol into its frames and gives each message the number of times that `copies` says: 0
 * loses it, 2 repeats it. What is no message passes as it is.
 */
export function natsFrames(copies: () => number): (chunk: Buffer) => Buffer {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const out: Buffer[] = [];
    for (;;) {
      const lineEnd = rest.indexOf(CRLF);
      if (lineEnd < 0) break;
      const line = rest.subarray(0, lineEnd).toString('latin1');
      const isMessage = /^H?(MSG|PUB) /i.test(line);
      const payload = isMessage ? Number(line.split(' ').at(-1)) + CRLF.length : 0;
      const length = lineEnd + CRLF.length + payload;
      if (rest.length < length) break;
      const frame = rest.subarray(0, length);
      for (let i = isMessage ? copies() : 1; i > 0; i -= 1) out.push(frame);
      rest = rest.subarray(length);
    }
    return Buffer.concat(out);
  };
}
