import { unavailable } from '@oneq/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
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
  const refuses = ({ routeOptions: { url } }: FastifyRequest) => {
    if (running < AT_ONCE_MAX || isExempt(url)) return false;
    requestsShed.inc();
    return true;
  };
  const refusal = () => unavailable('final', 'too many requests at once');
  // Before anything of it is read: under a flood, what refusals cost is taken from the work.
  server.addHook('onRequest', (request, _reply, done) => {
    if (refuses(request)) done(refusal());
    else done();
  });
  server.addHook('preValidation', (request, reply, done) => {
    if (refuses(request)) return done(refusal());
    if (isExempt(request.routeOptions.url)) return done();
    running += 1;
    reply.raw.once('close', () => {
      running -= 1;
    });
    done();
  });
}

function isExempt(url = ''): boolean {
  return url.startsWith('/health/') || url.endsWith('/live');
}
