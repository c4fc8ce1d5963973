import { EventEmitter, once } from 'node:events';
import { NatsContext, type NatsOptions, ServerNats } from '@nestjs/microservices';
import type { Question, Reply, WireError } from '@oneq/contracts';
import { headers, type Msg, type NatsConnection, nuid, type Subscription } from 'nats';
import { firstValueFrom, isObservable } from 'rxjs';
import { PROCESS_HEADER } from './affinity';
import type { Announcer } from './announcer';
import { Gathering } from './gathering';
import type { Logger } from './log';
import { messagesDropped, messagesHandled } from './metrics';
import { inPackets, readPacket } from './packets';
import { inTrace } from './trace';

/** Longest wait for handlers in progress when the process ends, ms; above every statement's own time-out. */
const DRAIN_TIMEOUT_MS = 5_000;

/**
 * Nest's NATS server with what payments need beyond it:
 * - a queue group, without which every replica would execute every command; who asks may also ask one process in particular, on
 *   the same subjects with the process's name at their end, which it tells with each answer;
 * - a message whose deadline has passed is dropped before it touches the database: nobody waits for it any more;
 * - on shutdown nothing accepted is lost: subscriptions drain, handlers finish, replies are flushed, then it closes.
 */
export class DrainingNatsServer extends ServerNats implements Announcer {
  private readonly open: Subscription[] = [];
  private readonly process = nuid.next();
  private readonly signature = headers();
  /** By the message that asked. */
  private readonly answers = new Gathering<Msg, Reply>((message, replies) => this.sendAnswers(message, replies));
  private readonly announcements = new Gathering<string, object>((subject, told) =>
    this.sendAnnouncements(subject, told),
  );
  private readonly progress = new EventEmitter();
  private inFlight = 0;
  private connected = false;

  constructor(
    options: Required<NatsOptions>['options'] & { queue: string },
    private readonly log: Logger,
  ) {
    super(options);
    this.signature.set(PROCESS_HEADER, this.process);
  }

  /** Whether messages can arrive now. */
  isConnected(): boolean {
    return this.connected;
  }

  announce(subject: string, payload: object): void {
    if (this.connected) this.announcements.add(subject, payload);
  }

  private sendAnnouncements(subject: string, payloads: readonly object[]): void {
    try {
      for (const { packet } of inPackets(payloads)) this.unwrap<NatsConnection>().publish(subject, packet);
    } catch (error) {
      this.log.debug({ err: error, subject }, 'could not announce'); // the connection has just gone
    }
  }

  override start(callback: (error?: unknown) => void): void {
    const client = this.unwrap<NatsConnection>();
    this.bindEvents(client);
    // The service listens only when the server has heard of its subscriptions.
    client.flush().then(() => {
      this.connected = true;
      callback();
    }, callback);
  }

  override async handleStatusUpdates(client: NatsConnection): Promise<void> {
    this.on('disconnect', () => {
      this.connected = false;
    });
    this.on('reconnect', () => {
      this.connected = true;
    });
    await super.handleStatusUpdates(client);
  }

  override bindEvents(client: NatsConnection): void {
    const subscribe: NatsConnection['subscribe'] = (subject, options) => {
      const subscription = client.subscribe(subject, options);
      const own = client.subscribe(`${subject}.${this.process}`, { callback: options?.callback });
      this.open.push(subscription, own);
      return subscription;
    };
    super.bindEvents({ subscribe });
  }

  /** In place of Nest's way through streams, which handlers that answer once do not need. */
  override async handleMessage(channel: string, message: Msg): Promise<void> {
    const questions = readQuestions(message);
    if (!questions) this.log.error({ subject: channel }, 'unreadable message');
    else await Promise.all(questions.map((question) => this.handle(channel, message, question)));
  }

  private async handle(subject: string, message: Msg, question: Question): Promise<void> {
    const { id, data, deadline, traceparent, idempotency } = question;
    const handler = this.messageHandlers.get(subject);
    if (!handler) throw new Error(`subscribed to ${subject}, which nothing handles`);
    if (Date.now() > deadline) {
      messagesDropped.inc({ subject });
      this.log.warn({ subject }, 'dropped a message whose deadline had passed');
      return;
    }
    this.inFlight += 1;
    const since = performance.now();
    let code = 'OK';
    let reply: Reply;
    try {
      const result: unknown = await inTrace(
        traceparent,
        () => handler(data, new NatsContext([subject, message.headers])),
        deadline,
        idempotency,
      );
      // The error filter answers with a stream.
      reply = { id, response: isObservable(result) ? await firstValueFrom(result) : result };
    } catch (err) {
      code = (err as Partial<WireError>).code ?? 'INTERNAL_ERROR';
      reply = { id, err };
    }
    messagesHandled.observe({ subject, code }, (performance.now() - since) / 1_000);
    this.answers.add(message, reply);
  }

  private sendAnswers(message: Msg, replies: readonly Reply[]): void {
    try {
      for (const { packet } of inPackets(replies)) message.respond(packet, { headers: this.signature });
    } catch (error) {
      this.log.warn({ err: error, subject: message.subject }, 'could not answer'); // the connection has just gone
    }
    this.inFlight -= replies.length;
    this.progress.emit('finished');
  }

  override async close(): Promise<void> {
    const open = this.open.splice(0);
    const client = open.length > 0 ? this.unwrap<NatsConnection>() : undefined;
    if (client && !client.isClosed()) {
      const timeout = AbortSignal.timeout(DRAIN_TIMEOUT_MS);
      const over = once(timeout, 'abort');
      const inTime = (work: Promise<unknown>) => Promise.race([work, over]);
      await inTime(
        Promise.all(open.map((subscription) => (subscription.isClosed() ? undefined : subscription.drain()))),
      );
      while (this.inFlight > 0 && !timeout.aborted) {
        await once(this.progress, 'finished', { signal: timeout }).catch(() => {});
      }
      this.announcements.end();
      if (this.inFlight > 0) this.log.error({ in_flight: this.inFlight }, 'stopped with handlers still running');
      await inTime(client.drain());
    }
    await super.close();
  }
}

/** undefined for what is no packet of questions. */
function readQuestions(message: Msg): Question[] | undefined {
  try {
    const questions = readPacket(message.data);
    return questions.every(isQuestion) ? questions : undefined;
  } catch {
    return undefined;
  }
}

function isQuestion(value: unknown): value is Question {
  const { id, deadline } = (value ?? {}) as Partial<Question>;
  return typeof id === 'number' && typeof deadline === 'number';
}
