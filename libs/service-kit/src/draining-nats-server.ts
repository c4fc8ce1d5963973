import { EventEmitter, once } from 'node:events';
import { NatsContext, type NatsOptions, ServerNats } from '@nestjs/microservices';
import { DEADLINE_HEADER, IDEMPOTENCY_HEADER, TRACEPARENT_HEADER, type WireError } from '@oneq/contracts';
import type { Msg, NatsConnection, Subscription } from 'nats';
import { firstValueFrom, isObservable } from 'rxjs';
import type { Announcer } from './announcer';
import type { Logger } from './log';
import { messagesDropped, messagesHandled } from './metrics';
import { inTrace } from './trace';

/** Longest wait for handlers in progress when the process ends, ms; above every statement's own time-out. */
const DRAIN_TIMEOUT_MS = 5_000;

/** What Nest's client sends. */
interface Packet {
  readonly id: string;
  readonly data: unknown;
}

/**
 * Nest's NATS server with what payments need beyond it:
 * - a queue group, without which every replica would execute every command;
 * - a message whose deadline has passed is dropped before it touches the database: nobody waits for it any more;
 * - on shutdown nothing accepted is lost: subscriptions drain, handlers finish, replies are flushed, then it closes.
 */
export class DrainingNatsServer extends ServerNats implements Announcer {
  private readonly open: Subscription[] = [];
  private readonly progress = new EventEmitter();
  private inFlight = 0;
  private connected = false;

  constructor(
    options: Required<NatsOptions>['options'] & { queue: string },
    private readonly log: Logger,
  ) {
    super(options);
  }

  /** Whether messages can arrive now. */
  isConnected(): boolean {
    return this.connected;
  }

  announce(subject: string, payload: object): void {
    if (!this.connected) return;
    try {
      this.unwrap<NatsConnection>().publish(subject, JSON.stringify(payload));
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
      this.open.push(subscription);
      return subscription;
    };
    super.bindEvents({ subscribe });
  }

  /** In place of Nest's way through streams, which handlers that answer once do not need. */
  override async handleMessage(channel: string, message: Msg): Promise<void> {
    const deadline = Number(message.headers?.get(DEADLINE_HEADER) || Number.POSITIVE_INFINITY);
    if (Date.now() > deadline) {
      messagesDropped.inc({ subject: channel });
      this.log.warn({ subject: channel }, 'dropped a message whose deadline had passed');
      return;
    }
    const handler = this.messageHandlers.get(channel);
    const packet = readPacket(message);
    if (!handler || !packet) {
      this.log.error({ subject: channel }, 'unreadable message');
      return;
    }
    this.inFlight += 1;
    const since = performance.now();
    let code = 'OK';
    let answer: object;
    try {
      const handle = () => handler(packet.data, new NatsContext([channel, message.headers]));
      const idempotency = message.headers?.get(IDEMPOTENCY_HEADER) || undefined;
      const result: unknown = await inTrace(message.headers?.get(TRACEPARENT_HEADER), handle, deadline, idempotency);
      // The error filter answers with a stream.
      answer = { response: isObservable(result) ? await firstValueFrom(result) : result };
    } catch (err) {
      code = (err as Partial<WireError>).code ?? 'INTERNAL_ERROR';
      answer = { err };
    }
    messagesHandled.observe({ subject: channel, code }, (performance.now() - since) / 1_000);
    try {
      message.respond(JSON.stringify({ ...answer, isDisposed: true, id: packet.id }));
    } catch (error) {
      this.log.warn({ err: error, subject: channel }, 'could not answer'); // the connection has just gone
    }
    this.inFlight -= 1;
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
      if (this.inFlight > 0) this.log.error({ in_flight: this.inFlight }, 'stopped with handlers still running');
      await inTime(client.drain());
    }
    await super.close();
  }
}

/** undefined for what Nest's client would not send. */
function readPacket(message: Msg): Packet | undefined {
  try {
    const packet = JSON.parse(message.string()) as Partial<Packet> | null;
    return typeof packet?.id === 'string' ? (packet as Packet) : undefined;
  } catch {
    return undefined;
  }
}
