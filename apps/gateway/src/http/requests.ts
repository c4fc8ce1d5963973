import { inTrace, type Logger, traceId, traceparent } from '@oneq/service-kit';
import type { FastifyInstance } from 'fastify';
import { Histogram } from 'prom-client';

const requestsAnswered = new Histogram({
  name: 'oneq_http_request_seconds',
  help: 'Time to answer an HTTP request, by method, route and status',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
});

/** Longest time for one request, ms, whatever it asks of the services. */
const REQUEST_DEADLINE_MS = 5_000;

/** Each request belongs to a trace, is measured, and leaves one log line: the route, never the URL with its token. */
export function observeRequests(server: FastifyInstance, log: Logger): void {
  server.addHook('onRequest', (request, reply, done) => {
    const given = request.headers.traceparent;
    inTrace(typeof given === 'string' ? given : undefined, () => {
      reply.header('x-request-id', traceId());
      done();
    });
  });
  // The time counts from when the body is here: how fast it is sent is not ours.
  server.addHook('preValidation', (_request, _reply, done) => {
    inTrace(traceparent(), done, Date.now() + REQUEST_DEADLINE_MS);
  });
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    const { method } = request;
    const { statusCode, elapsedTime } = reply;
    requestsAnswered.observe({ method, route, status: String(statusCode) }, elapsedTime / 1_000);
    log.info({ method, route, status: statusCode, ms: Math.round(elapsedTime * 10) / 10 }, 'request');
    done();
  });
}
