import { ClientNats } from '@nestjs/microservices';
import {
  DEADLINE_HEADER,
  IDEMPOTENCY_HEADER,
  type Message,
  OneQError,
  TRACEPARENT_HEADER,
  unavailable,
} from '@oneq/contracts';
import { createInbox, headers, type Msg, type NatsConnection } from 'nats';
import type { Logger } from './log';
import { natsOptions } from './nats-options';
import { deadline, traceparent } from './trace';

/** Longest time a caller waits in all, ms. */
const TOTAL_DEADLINE_MS = 5_000;
/** Longest time for one attempt, ms; above the services' statement time-out, so that theirs strikes first. */
const ATTEMPT_DEADLINE_MS = 3_000;
/** Below this rest, ms, a further attempt is not worth making. */
const ATTEMPT_WORTH_MS = 100;

/** Somebody who waits for the answer to one message. */
interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: OneQError) => void;
  readonly timer: NodeJS.Timeout;
}

/** What Nest's server answers with. */
interface AnswerPacket {
  readonly err?: unknown;
  readonly response?: unknown;
}

/**
 * Asks the services over NATS. The connection is Nest's client; asking is our own, because Nest's has no deadline (a lost
 * reply would hang for ever), and subscribes and unsubscribes for each message. Here all answers arrive at one subscription; a
 * caller is told at once when nobody listens or the connection is gone, and gets the service's typed error again.
 *
 * A lost answer is *unknown*, never failed: the message is sent once more within the deadline, which is safe because
 * every message is idempotent by a natural key.
 */
export class MessageClient {
  private readonly nats: ClientNats;
  private readonly inbox: string;
  private readonly waiting = new Map<string, Waiting>();
  private sent = 0;
  private connected = false;

  /** @param inboxPrefix the only subjects on which this client's NATS user may receive replies */
  constructor(
    url: string,
    name: string,
    inboxPrefix: string,
    private readonly log: Logger,
  ) {
    this.inbox = createInbox(inboxPrefix);
    this.nats = new ClientNats(natsOptions(url, name, inboxPrefix));
    this.nats.on('disconnect', () => {
      log.warn('connection to NATS lost');
      this.connected = false;
      this.giveUp();
    });
    this.nats.on('reconnect', () => {
      log.info('connected to NATS again');
      this.connected = true;
    });
  }

  /** Connects; waits for as long as NATS is not there. */
  async connect(): Promise<void> {
    const connection: NatsConnection = await this.nats.connect();
    connection.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (error) this.log.error({ err: error }, 'cannot hear answers');
        else this.settle(message);
      },
    });
    this.connected = true;
  }

  async close(): Promise<void> {
    this.connected = false;
    this.giveUp();
    await this.nats.close();
  }

  /**
   * The service's answer.
   * @param deadlineMs longest wait in all; less when the request in progress ends before
   * @param idempotency what the service knows the request by, when it came with an Idempotency-Key
   * @throws {OneQError} the service's own error; SERVICE_UNAVAILABLE (final when nobody got the message, else unknown);
   * UPSTREAM_TIMEOUT (unknown)
   */
  async ask<Request extends object, Answer>(
    message: Message<Request, Answer>,
    request: Request,
    deadlineMs = TOTAL_DEADLINE_MS,
    idempotency?: string,
  ): Promise<Answer> {
    const end = Math.min(Date.now() + deadlineMs, deadline());
    let lost: OneQError | undefined;
    for (;;) {
      const rest = end - Date.now();
      if (rest < ATTEMPT_WORTH_MS) throw lost ?? unavailable('final', 'no time left to ask');
      try {
        return (await this.attempt(
          message.subject,
          request,
          Math.min(rest, ATTEMPT_DEADLINE_MS),
          idempotency,
        )) as Answer;
      } catch (error) {
        if (!(error instanceof OneQError) || !isTransportError(error)) throw error;
        // Once an attempt may have been executed, a later one that never left does not make the outcome final.
        if (lost) throw lost;
        if (error.outcome === 'final') throw error;
        lost = error;
      }
    }
  }

  /**
   * Hears what is told on a subject, at most once and without promise.
   * @param heard called with each message that is JSON
   * @param missed called when the connection is back after a loss: what was told meanwhile is gone
   */
  hear(subject: string, heard: (payload: unknown) => void, missed: () => void): void {
    const connection = this.nats.unwrap<NatsConnection>();
    connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) {
          this.log.error({ err: error, subject }, 'cannot hear');
          return;
        }
        let payload: unknown;
        try {
          payload = message.json();
        } catch {
          this.log.warn({ subject }, 'heard what is no JSON');
          return;
        }
        heard(payload);
      },
    });
    // The new connection hears only when the server has taken the subscription again; what comes first is missed as well.
    // Should it break before, there will be another.
    this.nats.on('reconnect', () => void connection.flush().then(missed, () => undefined));
  }

  /** @throws {OneQError} the service's, or final when nothing was sent */
  private attempt(
    subject: string,
    request: object,
    timeoutMs: number,
    idempotency: string | undefined,
  ): Promise<unknown> {
    if (!this.connected) return Promise.reject(unavailable('final', 'not connected to NATS'));
    this.sent += 1;
    const id = this.sent.toString(36);
    const carried = headers();
    carried.set(DEADLINE_HEADER, String(Date.now() + timeoutMs));
    const parent = traceparent();
    if (parent) carried.set(TRACEPARENT_HEADER, parent);
    if (idempotency) carried.set(IDEMPOTENCY_HEADER, idempotency);
    return new Promise((resolve, reject) => {
      try {
        const packet = JSON.stringify({ pattern: subject, data: request, id });
        this.nats.unwrap<NatsConnection>().publish(subject, packet, { reply: `${this.inbox}.${id}`, headers: carried });
      } catch (error) {
        reject(unavailable('final', error)); // closed, or too large: nothing left
        return;
      }
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new OneQError('UPSTREAM_TIMEOUT'));
      }, timeoutMs);
      this.waiting.set(id, { resolve, reject, timer });
    });
  }

  private settle(message: Msg): void {
    const id = message.subject.slice(this.inbox.length + 1);
    const waiting = this.waiting.get(id);
    if (!waiting) return; // too late, or told twice
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    // NATS itself answers without a body that nobody listens on the subject.
    if (message.data.length === 0) {
      waiting.reject(unavailable('final', 'nobody listens'));
      return;
    }
    try {
      const { err, response } = JSON.parse(message.string()) as AnswerPacket;
      if (err === undefined || err === null) waiting.resolve(response);
      else waiting.reject(OneQError.fromWire(err));
    } catch (error) {
      waiting.reject(unavailable('unknown', error));
    }
  }

  /** Nobody knows what became of the messages that are on their way. */
  private giveUp(): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(unavailable('unknown', 'connection to NATS lost'));
    }
    this.waiting.clear();
  }
}

function isTransportError(error: OneQError): boolean {
  return error.code === 'SERVICE_UNAVAILABLE' || error.code === 'UPSTREAM_TIMEOUT';
}
