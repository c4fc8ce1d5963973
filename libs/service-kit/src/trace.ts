import { AsyncLocalStorage } from 'node:async_hooks';
import { randomFillSync } from 'node:crypto';

/** W3C trace context: version 00, trace id, parent id, flags. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ZERO_TRACE_ID = '0'.repeat(32);

interface Work {
  readonly traceId: string;
  /** ms since 1970 after which nobody waits for the result. */
  readonly deadline: number;
  /** What {@link Once} knows the request by, if it came with an Idempotency-Key. */
  readonly idempotency: string | undefined;
}

const works = new AsyncLocalStorage<Work>();

/** Random bytes for ids, fetched by the page: a system call for each id would cost more than the rest of it. */
const random = Buffer.alloc(4_096);
let randomUsed = random.length;

function randomHex(bytes: number): string {
  if (randomUsed + bytes > random.length) {
    randomFillSync(random);
    randomUsed = 0;
  }
  randomUsed += bytes;
  return random.toString('hex', randomUsed - bytes, randomUsed);
}

/**
 * Runs `work` as part of the trace that a `traceparent` names, or of a new one.
 * @param deadline ms since 1970 after which nobody waits for the result
 */
export function inTrace<T>(
  traceparent: string | undefined,
  work: () => T,
  deadline: number = Number.POSITIVE_INFINITY,
  idempotency?: string,
): T {
  const given = TRACEPARENT.exec(traceparent ?? '')?.[1];
  const traceId = given && given !== ZERO_TRACE_ID ? given : randomHex(16);
  return works.run({ traceId, deadline, idempotency }, work);
}

/** Trace id (32 hex digits) of the request in progress, if any. */
export function traceId(): string | undefined {
  return works.getStore()?.traceId;
}

/** `traceparent` for a call made on behalf of the request in progress. */
export function traceparent(): string | undefined {
  const id = traceId();
  return id && `00-${id}-${randomHex(8)}-01`;
}

/** ms since 1970 after which nobody waits for the work in progress; infinite when nothing is said. */
export function deadline(): number {
  return works.getStore()?.deadline ?? Number.POSITIVE_INFINITY;
}

/** What names the request in progress and its content, if it came with an Idempotency-Key. */
export function idempotency(): string | undefined {
  return works.getStore()?.idempotency;
}

/** `work`, to be called from anywhere, as a part of what is in progress now. */
export function inContextOf<T>(work: () => T): () => T {
  const current = works.getStore();
  return current ? () => works.run(current, work) : work;
}
