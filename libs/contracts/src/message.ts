/** A class whose instances are messages: it is what the receiving side validates against. */
export type MessageClass<T extends object> = new () => T;

/**
 * One request a service answers over NATS: the subject, what is asked and what is answered.
 * Both sides import the same constant, so that subject and types cannot drift apart.
 */
export interface Message<Request extends object, Answer> {
  readonly subject: string;
  readonly request: MessageClass<Request>;
  /** Only there to carry the type. */
  readonly answer?: Answer;
}

/**
 * Declares a message. Every message must be safe to deliver twice: the gateway asks once more when an answer is lost.
 */
export function message<Answer>() {
  return <Request extends object>(subject: string, request: MessageClass<Request>): Message<Request, Answer> => ({
    subject,
    request,
  });
}

/** NATS header: the instant (ms since 1970) after which nobody waits for the answer any more. */
export const DEADLINE_HEADER = 'oneq-deadline';
/** NATS header: W3C trace context of the request that caused this message. */
export const TRACEPARENT_HEADER = 'traceparent';
/** NATS header of a request with an Idempotency-Key: SHA-256 of its scope and of its content, hex, joined by a dot. */
export const IDEMPOTENCY_HEADER = 'oneq-idempotency';

/** The answer of a command that is executed once for each Idempotency-Key. */
export interface Executed<T> {
  readonly answer: T;
  /** Whether this is the first answer again. */
  readonly replayed: boolean;
}
