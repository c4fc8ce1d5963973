import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** W3C trace context: version 00, trace id, parent id, flags. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const ZERO_TRACE_ID = '0'.repeat(32);

const traces = new AsyncLocalStorage<string>();

/** Runs `work` as part of the trace that a `traceparent` names, or of a new one. */
export function inTrace<T>(traceparent: string | undefined, work: () => T): T {
  const traceId = TRACEPARENT.exec(traceparent ?? '')?.[1];
  return traces.run(traceId && traceId !== ZERO_TRACE_ID ? traceId : randomBytes(16).toString('hex'), work);
}

/** Trace id (32 hex digits) of the request in progress, if any. */
export function traceId(): string | undefined {
  return traces.getStore();
}

/** `traceparent` for a call made on behalf of the request in progress. */
export function traceparent(): string | undefined {
  const id = traceId();
  return id && `00-${id}-${randomBytes(8).toString('hex')}-01`;
}
