import { unavailable } from '@oneq/contracts';
import type { FastifyInstance } from 'fastify';
import { Counter } from 'prom-client';

/**
 * Requests answered at the same time. What comes beyond would wait longer than its sender, and everybody with it, so it is
 * refused at once: final, for nothing was done.
 */
const AT_ONCE_MAX = 512;

const requestsShed = new Counter({
  name: 'oneq_http_requests_shed_total',
  help: 'Requests refused because too many were being answered',
});

/**
 * Refuses what is too much. A request counts from when its body is here until its connection is done with it: who is slow
 * to send takes nobody's place. Pages that stay open and health checks do not count.
 */
export function shedLoad(server: FastifyInstance): void {
  let running = 0;
  server.addHook('preValidation', (request, reply, done) => {
    const { url = '' } = request.routeOptions;
    if (url.startsWith('/health/') || url.endsWith('/live')) return done();
    if (running >= AT_ONCE_MAX) {
      requestsShed.inc();
      return done(unavailable('final', 'too many requests at once'));
    }
    running += 1;
    reply.raw.once('close', () => {
      running -= 1;
    });
    done();
  });
}
