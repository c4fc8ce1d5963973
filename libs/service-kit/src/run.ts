import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Mode, OneQError } from '@oneq/contracts';
import type { Announcer } from './announcer';
import { ConfigurationError, EXIT_CONFIGURATION } from './config';
import { DrainingNatsServer } from './draining-nats-server';
import { createLogger, type Logger, NestLog } from './log';
import { startManagement } from './management';
import { natsOptions } from './nats-options';
import { MessagePipe, WireErrorFilter } from './rpc';

/** Longest time a process takes to end after it was told to, ms. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

export interface ServiceConfig {
  readonly MODE: Mode;
  readonly NATS_URL: string;
  readonly METRICS_HOST: string;
  readonly METRICS_PORT: number;
  readonly LOG_LEVEL: string;
}

/** What a service stores in; this library has no database. */
interface Store {
  /** Rejects while it does not answer. */
  ping(): Promise<unknown>;
  /** What an error of it means to who asked; undefined for a bug. */
  errorOf(error: unknown): OneQError | undefined;
}

/** Whether this process was forked by a supervisor, with whom it ends. */
const forked = process.send !== undefined;

/** Runs a `main`: a wrong configuration is told in words and ends the process with a code of its own. */
export function runMain(service: string, main: () => Promise<unknown>): void {
  // A supervisor that is killed while this process starts leaves no orphan behind.
  if (forked) process.once('disconnect', endWhileStarting);
  main().catch((error: unknown) => {
    if (error instanceof ConfigurationError) {
      process.stderr.write(`${service}: ${error.message}\n`);
      process.exit(EXIT_CONFIGURATION);
    }
    createLogger(service, 'info').fatal({ err: error }, 'could not start');
    process.exit(1);
  });
}

function endWhileStarting(): never {
  process.exit(1);
}

/**
 * Starts a service that answers messages of one queue group over NATS.
 * @param module makes the service's module from its logger and its way to tell others of what happened
 * @param Store what it stores in, a provider of that module
 */
export async function runService(
  service: string,
  config: ServiceConfig,
  module: (log: Logger, announcer: Announcer) => Type | { module: Type },
  Store: Type<Store>,
): Promise<void> {
  const log = createLogger(service, config.LOG_LEVEL);
  const server = new DrainingNatsServer({ ...natsOptions(config.NATS_URL, service), queue: service }, log);
  const app = await NestFactory.createMicroservice(module(log, server) as Type, {
    strategy: server,
    logger: new NestLog(log),
    abortOnError: false,
  });
  app.useGlobalPipes(new MessagePipe(config.MODE));
  const store = app.get(Store);
  app.useGlobalFilters(new WireErrorFilter(log, (error) => store.errorOf(error)));
  const management = await startManagement(config.METRICS_HOST, config.METRICS_PORT, async () => {
    if (!server.isConnected()) throw new Error('not connected to NATS');
    await store.ping();
  });
  endOnSignal(app, log, () => management.close());
  await app.listen();
  log.info({ mode: config.MODE, metrics_port: management.port }, 'ready');
}

/** Ends the process in order on SIGTERM, SIGINT, or when the supervisor that forked it is gone. */
export function endOnSignal(app: INestApplicationContext, log: Logger, alsoClose: () => Promise<unknown>): void {
  let ending = false;
  const end = (reason: string) => {
    if (ending) return;
    ending = true;
    log.info({ reason }, 'stopping');
    setTimeout(() => {
      log.error('did not stop in time');
      process.exit(1);
    }, SHUTDOWN_TIMEOUT_MS).unref();
    Promise.all([app.close(), alsoClose()]).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'failed while stopping');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  if (forked) {
    process.off('disconnect', endWhileStarting);
    process.once('disconnect', () => end('supervisor gone'));
    if (!process.connected) end('supervisor gone');
  }
}
