import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import helmet from 'helmet';

/**
 * Gives every answer helmet's headers. They are the same for all, so helmet is asked once and not for each request.
 * @param publicUrl where the gateway is reached
 */
export function setSecurityHeaders(server: FastifyInstance, publicUrl: string): void {
  const headers: Record<string, string> = {};
  const answer = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader() {},
  };
  const protect = helmet({
    // Payer pages set their own, stricter policy; upgrading would break plain-http addresses of a local network.
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null, frameAncestors: ["'none'"] } },
    frameguard: { action: 'deny' },
    strictTransportSecurity: publicUrl.startsWith('https:'),
  });
  protect({} as IncomingMessage, answer as unknown as ServerResponse, () => undefined);
  server.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}
