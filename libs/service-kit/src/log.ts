import type { LoggerService } from '@nestjs/common';
import pino, { type Logger } from 'pino';
import { traceId } from './trace';

/** Structured log lines on standard output, each with the trace id of the request that caused it. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: () => ({ trace_id: traceId() }),
  });
}

/** Nest's own messages, in the same form. Start-up chatter of the framework is kept for `LOG_LEVEL=debug`. */
export class NestLog implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  error(message: unknown, stackOrContext?: string, context?: string): void {
    const err = message instanceof Error ? message : undefined;
    this.logger.error({ err, stack: err ? undefined : stackOrContext, context }, String(message));
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message));
  }

  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message));
  }

  verbose(message: unknown, context?: string): void {
    this.logger.trace({ context }, String(message));
  }
}

/** Injection token of the process's logger. */
export const LOGGER = Symbol('logger');
export type { Logger };
