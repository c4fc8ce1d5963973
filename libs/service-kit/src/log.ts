import type { LoggerService } from '@nestjs/common';
import pino, { type Logger } from 'pino';
import { traceId } from './trace';

/** Lines wait until there are so many bytes of them, or so long, ms: a write for each would cost as much as making it. */
const BATCH_BYTES = 4_096;
const BATCH_MS = 100;
/** Lines from this level on are written at once. */
const URGENT = pino.levels.values.error ?? Number.POSITIVE_INFINITY;

type Output = ReturnType<typeof pino.destination>;
let opened: Output | undefined;

/** Standard output, the same for all loggers of this process. */
function openOutput(): Output {
  if (opened) return opened;
  const output = pino.destination({ fd: 1, minLength: BATCH_BYTES });
  // Not flushSync, which waits until the disk has it, and the disk is PostgreSQL's.
  setInterval(() => output.flush(), BATCH_MS).unref();
  process.once('exit', () => output.flushSync());
  opened = output;
  return output;
}

/**
 * Structured log lines on standard output, each with the trace id of the request that caused it. They are written in batches;
 * an error, and the end of the process, writes at once what is waiting. Only a process that is killed loses some.
 */
export function createLogger(service: string, level: string): Logger {
  const output = openOutput();
  return pino(
    {
      level,
      base: { service, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => ({ trace_id: traceId() }),
      hooks: {
        logMethod(args, method, lineLevel) {
          method.apply(this, args);
          if (lineLevel >= URGENT) output.flush();
        },
      },
    },
    output,
  );
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
