import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { OneQError } from '@oneq/contracts';
import { createLogger, endOnSignal, inTrace, NestLog, runMain, startManagement } from '@oneq/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppModule } from './app.module';
import { readConfig } from './config';
import { serveDocuments } from './docs/openapi';
import { Readiness } from './health/readiness';
import { BODY_LIMIT_BYTES, readBodies, readQuery } from './http/body';
import { spareBoundFunctions } from './http/bound-functions';
import {
  CONNECTION_LIMITS,
  endConnectionsWhenStopping,
  refuseConnection,
  refuseExpectations,
} from './http/connections';
import { shedLoad } from './http/overload';
import { sendProblem } from './http/problem';
import { limitAddresses } from './http/rate-limit';
import { observeRequests } from './http/requests';
import { checkRoutes } from './http/routes';
import { setSecurityHeaders } from './http/security-headers';
import { loseReplies } from './http/test-code';

/** Longest path segment that still meets its own 404. */
const PATH_SEGMENT_MAX = 2_000;

runMain('gateway', async () => {
  spareBoundFunctions();
  const config = readConfig();
  const log = createLogger('gateway', config.LOG_LEVEL);
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    maxParamLength: PATH_SEGMENT_MAX,
    querystringParser: readQuery,
    http: CONNECTION_LIMITS,
    ...CONNECTION_LIMITS,
    clientErrorHandler: refuseConnection,
    trustProxy: config.TRUST_PROXY,
    // While stopping, requests that are already here are answered, not refused.
    return503OnClosing: false,
    // A path that is not even valid percent-encoding is no path of ours.
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) =>
      inTrace(undefined, () => sendProblem(new OneQError('NOT_FOUND'), request, reply, config.PUBLIC_URL)),
  });
  const server: FastifyInstance = adapter.getInstance();
  // Before everything that may refuse a request, so that refusals have these headers too.
  setSecurityHeaders(server, config.PUBLIC_URL);
  observeRequests(server, log);
  limitAddresses(server, config.RATE_LIMIT_PER_SECOND);
  endConnectionsWhenStopping(server);
  refuseExpectations(server);
  checkRoutes(server);
  shedLoad(server);
  loseReplies(server, config);
  server.addHook('preSerialization', (_request, reply, payload, done) => {
    reply.header('content-type', 'application/json;charset=UTF-8'); // as the specification writes it
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store'); // keys and tokens
    done(null, payload);
  });

  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, log), adapter, {
    logger: new NestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  readBodies(server);
  serveDocuments(app, config.PUBLIC_URL);
  await app.listen(config.PORT, config.HOST);
  const readiness = app.get(Readiness);
  const management = await startManagement(config.METRICS_HOST, config.METRICS_PORT, () => readiness.check());
  endOnSignal(app, log, () => management.close());
  log.info({ mode: config.MODE, url: config.PUBLIC_URL }, 'listening');
});
