import { ClientNats } from '@nestjs/microservices';
import { type Message, OneQError, type Question, type Reply, unavailable } from '@oneq/contracts';
import { type Msg, type NatsConnection, nuid } from 'nats';
import { Affinity, type AskedProcess, PROCESS_HEADER, UNANSWERED_MAX } from './affinity';
import { Gathering } from './gathering';
import type { Logger } from './log';
import { natsOptions } from './nats-options';
import { inPackets, MESSAGES_MAX, readPacket } from './packets';
import { deadline, traceparent } from './trace';

/** Longest time a caller waits in all, ms. */
const TOTAL_DEADLINE_MS = 5_000;
/** Longest time for one attempt, ms; above the services' statement time-out, so that theirs strikes first. */
export const ATTEMPT_DEADLINE_MS = 3_000;
/** Below this rest, ms, a further attempt is not worth making. */
const ATTEMPT_WORTH_MS = 100;

/** A question, and who waits for its answer. */
interface Asked {
  readonly question: Omit<Question, 'id'>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: OneQError) => void;
}

interface Waiting extends Asked {
  readonly timer: NodeJS.Timeout;
  readonly message: Message<object, unknown>;
  /** Who was asked in particular. */
  process?: AskedProcess;
}

/**
 * Asks the services over NATS. The connection is Nest's client; asking is our own, because Nest's has no deadline (a lost
 * reply would hang for ever), and subscribes and unsubscribes for each message. Here what is asked at the same moment travels
 * together and all answers arrive at one subscription; a caller is told at once when nobody listens or the connection is gone,
 * and gets the service's typed error again.
 *
 * A lost answer is *unknown*, never failed: the message is sent once more within the deadline, which is safe because
 * every message is idempotent by a natural key.
 */
export class MessageClient {
  private readonly nats: ClientNats;
  /** Nobody else's subjects end like this one's inbox. */
  private readonly inbox = nuid.next();
  private readonly questions = new Gathering<Message<object, unknown>, Asked>((message, asked) =>
    this.send(message, asked),
  );
  /** By service. */
  private affinities: Record<string, Affinity> = {};
  /** By the number of the question. No map: one whose entries come and go keeps them for as long as V8 keeps its former tables. */
  private waiting: Record<number, Waiting> = {};
  private sent = 0;
  private connected = false;

  /**
   * @param inboxPrefix the only subjects on which this client's NATS user may receive replies
   * @param unansweredMax questions that one process of a service has to answer at a time before others are asked; with 0
   * NATS picks one at random each time
   */
  constructor(
    url: string,
    name: string,
    private readonly inboxPrefix: string,
    private readonly log: Logger,
    private readonly unansweredMax = UNANSWERED_MAX,
  ) {
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
    connection.subscribe(this.inboxFor('*', '*'), {
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
        return (await this.attempt(message, request, Math.min(rest, ATTEMPT_DEADLINE_MS), idempotency)) as Answer;
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
   * @param heard called with each thing that is told
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
        // What is told at the same moment travels together.
        let payloads: unknown[];
        try {
          payloads = readPacket(message.data);
        } catch {
          this.log.warn({ subject }, 'heard what cannot be read');
          return;
        }
        payloads.forEach(heard);
      },
    });
    // The new connection hears only when the server has taken the subscription again; what comes first is missed as well.
    // Should it break before, there will be another.
    this.nats.on('reconnect', () => void connection.flush().then(missed, () => undefined));
  }

  /** @throws {OneQError} the service's, or final when nothing was sent */
  private attempt(
    message: Message<object, unknown>,
    request: object,
    timeoutMs: number,
    idempotency: string | undefined,
  ): Promise<unknown> {
    if (!this.connected) return Promise.reject(unavailable('final', 'not connected to NATS'));
    const question = { data: request, deadline: Date.now() + timeoutMs, traceparent: traceparent(), idempotency };
    return new Promise((resolve, reject) => {
      this.questions.add(message, { question, resolve, reject });
    });
  }

  private send(message: Message<object, unknown>, asked: readonly Asked[]): void {
    let first = this.sent + 1;
    for (const { packet, count } of inPackets(asked.map((one) => this.expect(message, one)))) {
      const process = message.isHeavy ? undefined : this.affinityTo(message).next();
      if (process) this.expectFrom(process, first, first + count - 1);
      const subject = process ? `${message.subject}.${process.id}` : message.subject;
      this.publish(subject, packet, first, first + count - 1);
      first += count;
    }
  }

  /** The question with its number, for whose answer somebody waits from now on. */
  private expect(message: Message<object, unknown>, asked: Asked): Question {
    this.sent += 1;
    const id = this.sent;
    const timer = setTimeout(() => {
      const late = this.taken(id);
      if (late?.process) this.affinityTo(message).forget(late.process);
      late?.reject(new OneQError('UPSTREAM_TIMEOUT'));
    }, asked.question.deadline - Date.now());
    this.waiting[id] = { ...asked, message, timer };
    return { id, ...asked.question };
  }

  private expectFrom(process: AskedProcess, first: number, last: number): void {
    process.unanswered += last - first + 1;
    for (let id = first; id <= last; id += 1) {
      const waiting = this.waiting[id];
      if (waiting) waiting.process = process;
    }
  }

  private affinityTo({ subject }: Message<object, unknown>): Affinity {
    const service = serviceOf(subject);
    this.affinities[service] ??= new Affinity(this.unansweredMax);
    return this.affinities[service];
  }

  /**
   * Where a service's answers come. It names the service, which may answer there and nowhere else, at any time: were it allowed
   * a subject for each request that it gets (`allow_responses`), nats-server would keep all of a minute and look through them
   * for every further one once they are 4,096.
   */
  private inboxFor(service: string, questions: string): string {
    return `${this.inboxPrefix}.${service}.${this.inbox}.${questions}`;
  }

  /** The answers come to a subject that names the questions by their first and last number. */
  private publish(subject: string, packet: Uint8Array, first: number, last: number): void {
    try {
      if (!this.connected) throw new Error('not connected to NATS');
      const reply = this.inboxFor(serviceOf(subject), `${first}-${last}`);
      this.nats.unwrap<NatsConnection>().publish(subject, packet, { reply });
    } catch (error) {
      this.refuse(first, last, error); // closed, or too large: nothing left
    }
  }

  private settle(message: Msg): void {
    // Where it came to names who sent it: NATS lets a service write to inboxes of its own name alone.
    const service = serviceOf(message.subject.slice(this.inboxPrefix.length + 1));
    // NATS itself answers without a body that nobody listens on the subject.
    if (message.data.length === 0) {
      const [first, last] = message.subject
        .slice(message.subject.lastIndexOf('.') + 1)
        .split('-')
        .map(Number);
      this.nobodyListens(first ?? 0, Math.min(last ?? 0, (first ?? 0) + MESSAGES_MAX - 1), service);
      return;
    }
    let replies: Reply[];
    try {
      replies = readPacket(message.data) as Reply[];
    } catch (error) {
      this.log.error({ err: error }, 'unreadable answer'); // whoever waits for it will not have heard
      return;
    }
    for (const { id, response, err } of replies) {
      const waiting = this.taken(id, service); // none: too late, told twice, or not for this service to tell
      if (waiting && !waiting.process) this.prefer(waiting.message, message);
      if (err === undefined || err === null) waiting?.resolve(response);
      else waiting?.reject(OneQError.fromWire(err));
    }
  }

  /** Whoever is asked in particular and gone has heard nothing: these questions are for the others. */
  private nobodyListens(first: number, last: number, service: string): void {
    for (let id = first; id <= last; id += 1) {
      const waiting = this.taken(id, service);
      if (waiting?.process) {
        this.affinityTo(waiting.message).forget(waiting.process);
        const { message, question, resolve, reject } = waiting;
        this.questions.add(message, { question, resolve, reject });
      } else waiting?.reject(unavailable('final', 'nobody listens'));
    }
  }

  private prefer(message: Message<object, unknown>, answer: Msg): void {
    const id = answer.headers?.get(PROCESS_HEADER);
    if (id) this.affinityTo(message).answeredBy(id);
  }

  /** These questions reached nobody. */
  private refuse(first: number, last: number, reason: unknown): void {
    for (let id = first; id <= last; id += 1) this.taken(id)?.reject(unavailable('final', reason));
  }

  /** @param service whose answer it must be waiting for */
  private taken(id: number, service?: string): Waiting | undefined {
    const waiting = this.waiting[id];
    if (!waiting || (service !== undefined && service !== serviceOf(waiting.message.subject))) return undefined;
    delete this.waiting[id];
    clearTimeout(waiting.timer);
    if (waiting.process) waiting.process.unanswered -= 1;
    return waiting;
  }

  /** Nobody knows what became of the messages that are on their way. */
  private giveUp(): void {
    const waiting = Object.values(this.waiting);
    this.waiting = {};
    this.affinities = {};
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(unavailable('unknown', 'connection to NATS lost'));
    }
  }
}

const serviceOf = (subject: string) => subject.slice(0, subject.indexOf('.'));

function isTransportError(error: OneQError): boolean {
  return error.code === 'SERVICE_UNAVAILABLE' || error.code === 'UPSTREAM_TIMEOUT';
}
