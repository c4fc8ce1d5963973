import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Longest time to send a whole request, ms: a slow sender does not keep a connection. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often Node looks for such requests, ms. */
const CHECK_MS = 1_000;
const KEEP_ALIVE_MS = 65_000;

/**
 * Time limits of the HTTP server. They are given when it is created: `headersTimeout` must not be above
 * `requestTimeout`, or Node does not watch over bodies at all.
 */
export const CONNECTION_LIMITS = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
};

/** Statuses of what Node refuses before there is a request. */
const REFUSALS: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/**
 * Answers bytes that are no HTTP request with a problem document, as everything else. While a request on the connection
 * is still owed its answer, nothing is said: a 4xx would be taken for that answer, and its work may be done.
 */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  const owed = (socket as Socket & { _httpMessage?: unknown })._httpMessage;
  if (error.code === 'ECONNRESET' || !socket.writable || owed) {
    socket.destroy();
    return;
  }
  const status = REFUSALS[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Bad Request';
  const body = JSON.stringify({ type: 'about:blank', title, status });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n\r\n${body}`,
    () => socket.destroy(), // a peer that keeps its side open keeps no connection
  );
}

/** Node answers an `Expect` that it does not know by itself, with nothing in it; here with a problem document as well. */
export function refuseExpectations(server: FastifyInstance): void {
  server.server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[417], status: 417 });
    response.writeHead(417, { 'content-type': 'application/problem+json', connection: 'close' }).end(body);
  });
}

/** Once the server stops, each answer is the last of its connection; idle connections would hold it up otherwise. */
export function endConnectionsWhenStopping(server: FastifyInstance): void {
  let stopping = false;
  server.addHook('preClose', async () => {
    stopping = true;
  });
  server.addHook('onSend', async (_request, reply) => {
    if (stopping) reply.header('connection', 'close');
  });
}
