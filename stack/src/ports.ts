import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Chosen below every system's range for outgoing connections: a port from that range can be taken by a client at any
 * moment, and a client that reconnects to a dead port in that range can even connect to itself.
 */
const PORT_MIN = 20_000;
const PORT_MAX = 32_767;

/** Why a port cannot be listened on; undefined when it can. */
export type PortProblem = 'in use' | 'not permitted' | undefined;

/** Tries to listen on the port as a service would. `localhost` stands for both loopback addresses. */
export async function portProblem(port: number, host = '127.0.0.1'): Promise<PortProblem> {
  for (const address of host === 'localhost' ? ['127.0.0.1', '::1'] : [host]) {
    const code = await listenError(port, address);
    if (code === 'EADDRINUSE') return 'in use';
    if (code === 'EACCES') return 'not permitted';
  }
  return undefined;
}

/** A free loopback port: `preferred` when that is free. */
export async function freePort(preferred?: number): Promise<number> {
  for (let port = preferred; ; port = undefined) {
    const candidate = port ?? randomInt(PORT_MIN, PORT_MAX + 1);
    if ((await listenError(candidate, '127.0.0.1')) === undefined) return candidate;
  }
}

function listenError(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
