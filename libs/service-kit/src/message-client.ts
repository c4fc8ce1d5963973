import { ClientNats, NatsRecordBuilder } from '@nestjs/microservices';
import {
  DEADLINE_HEADER,
  IDEMPOTENCY_HEADER,
  type Message,
  OneQError,
  TRACEPARENT_HEADER,
  unavailable,
} from '@oneq/contracts';
import { headers, type NatsConnection } from 'nats';
import { firstValueFrom, merge, Subject, throwError, timeout } from 'rxjs';
import { mergeMap } from 'rxjs/operators';
import type { Logger } from './log';
import { natsOptions } from './nats-options';
import { deadline, traceparent } from './trace';

/** Longest time a caller waits in all, ms. */
const TOTAL_DEADLINE_MS = 5_000;
/** Longest time for one attempt, ms; above the services' statement time-out, so that theirs strikes first. */
const ATTEMPT_DEADLINE_MS = 3_000;
/** Below this rest, ms, a further attempt is not worth making. */
const ATTEMPT_WORTH_MS = 100;

/**
 * Asks the services over NATS. It is Nest's client with what that lacks: a deadline (a lost reply would hang for
 * ever), an answer at once when nobody listens or the connection is gone, and the service's typed error again.
 *
 * A lost answer is *unknown*, never failed: the message is sent once more within the deadline, which is safe because
 * every message is idempotent by a natural key.
 */
export class MessageClient {
  private readonly nats: ClientNats;
  private readonly connectionLost = new Subject<void>();

  /** @param inboxPrefix the only subjects on which this client's NATS user may receive replies */
  constructor(
    url: string,
    name: string,
    inboxPrefix: string,
    private readonly log: Logger,
  ) {
    this.nats = new ClientNats(natsOptions(url, name, inboxPrefix));
    this.nats.on('disconnect', () => {
      log.warn('connection to NATS lost');
      this.connectionLost.next();
    });
    this.nats.on('reconnect', () => log.info('connected to NATS again'));
  }

  /** Connects; waits for as long as NATS is not there. */
  async connect(): Promise<void> {
    await this.nats.connect();
  }

  async close(): Promise<void> {
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
        return await this.attempt(message, request, Math.min(rest, ATTEMPT_DEADLINE_MS), idempotency);
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

  private async attempt<Request extends object, Answer>(
    message: Message<Request, Answer>,
    request: Request,
    timeoutMs: number,
    idempotency: string | undefined,
  ): Promise<Answer> {
    const carried = headers();
    carried.set(DEADLINE_HEADER, String(Date.now() + timeoutMs));
    const parent = traceparent();
    if (parent) carried.set(TRACEPARENT_HEADER, parent);
    if (idempotency) carried.set(IDEMPOTENCY_HEADER, idempotency);
    const record = new NatsRecordBuilder(request).setHeaders(carried).build();
    const lost$ = this.connectionLost.pipe(mergeMap(() => throwError(() => unavailable('unknown'))));
    try {
      return await firstValueFrom(
        merge(this.nats.send<Answer>(message.subject, record), lost$).pipe(timeout(timeoutMs)),
      );
    } catch (error) {
      throw translate(error);
    }
  }
}

function isTransportError(error: OneQError): boolean {
  return error.code === 'SERVICE_UNAVAILABLE' || error.code === 'UPSTREAM_TIMEOUT';
}

function translate(error: unknown): OneQError {
  if (error instanceof OneQError) return error;
  if (error instanceof Error) {
    if (error.name === 'TimeoutError') return new OneQError('UPSTREAM_TIMEOUT', {}, { cause: error });
    // NATS told that nobody listens on the subject.
    if (error.name === 'EmptyResponseException' || error.constructor.name === 'EmptyResponseException') {
      return unavailable('final', error);
    }
    if ('code' in error && !('extras' in error)) return unavailable('unknown', error);
  }
  // What Nest's client refuses with while the connection is down: nothing was sent.
  if (typeof error === 'string' && error.startsWith('Error: Connection lost')) return unavailable('final', error);
  return OneQError.fromWire(error);
}
