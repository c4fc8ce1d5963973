/** A class whose instances are messages: it is what the receiving side validates against. */
export type MessageClass<T extends object> = new () => T;

/**
 * One request a service answers over NATS: the subject, what is asked and what is answered.
 * Both sides import the same constant, so that subject and types cannot drift apart.
 */
export interface Message<Request extends object, Answer> {
  readonly subject: string;
  readonly request: MessageClass<Request>;
  /** Keeps a processor busy for long, so that each is for whichever process is next: spread over all of them. */
  readonly isHeavy?: boolean;
  /** Only there to carry the type. */
  readonly answer?: Answer;
}

/**
 * Declares a message. Every message must be safe to deliver twice: the gateway asks once more when an answer is lost.
 */
export function message<Answer>() {
  return <Request extends object>(
    subject: string,
    request: MessageClass<Request>,
    options: Pick<Message<Request, Answer>, 'isHeavy'> = {},
  ): Message<Request, Answer> => ({ subject, request, ...options });
}

/**
 * A message as it is asked over NATS. What is asked of one subject at the same moment travels together, as JSON lines
 * of these, and each is answered by itself.
 */
export interface Question {
  /** Names it among all that its sender has asked. */
  readonly id: number;
  readonly data: unknown;
  /** The instant (ms since 1970) after which nobody waits for the answer any more. */
  readonly deadline: number;
  /** W3C trace context of the request that caused it. */
  readonly traceparent?: string;
  /** Of a request with an Idempotency-Key: SHA-256 of its scope and of its content, hex, joined by a dot. */
  readonly idempotency?: string;
}

/** What came of a {@link Question}: an answer, or an error. What is answered at the same moment travels together, too. */
export interface Reply {
  readonly id: number;
  readonly response?: unknown;
  readonly err?: unknown;
}

/** The answer of a command that is executed once for each Idempotency-Key. */
export interface Executed<T> {
  readonly answer: T;
  /** Whether this is the first answer again. */
  readonly replayed: boolean;
}
