import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import {
  CHECKOUT_HINTS,
  type CheckoutHint,
  type CheckoutQuery,
  type CheckoutRoute,
  type CheckoutView,
  OneQError,
  WatchCheckout,
} from '@oneq/contracts';
import { inTrace, LOGGER, type Logger, MessageClient, traceparent } from '@oneq/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Gauge } from 'prom-client';
import { isOver, snapshotOf } from './phase';
import { Presence } from './presence';
import { Redirects } from './redirects';
import type { Snapshot } from './snapshot';

/** A page that wants to know how its payment stands. */
export interface Watcher extends CheckoutQuery {
  readonly via: CheckoutRoute;
}

/** Streams of one page's token; a browser needs one, and some more while it reloads. */
const STREAMS_A_TOKEN_MAX = 4;
/** Streams of this gateway. */
const STREAMS_MAX = 5_000;
/** Bytes that a stream may be behind: a page reads a few hundred a minute, so this one reads no more. */
const BEHIND_MAX = 64 * 1_024;
/** Seconds after which a page that was refused a stream may ask for one again. */
const RETRY_AFTER_SECONDS = 5;
/** What a browser waits before it connects again after a stream broke, ms. */
const RECONNECT_MS = 2_000;
/** Longest time for streams to end when the gateway stops, ms. */
const BYE_MS = 1_000;
/** How long it is remembered that a payment changed, ms: longer than any question for it takes. */
const CHANGED_MS = 10_000;
const CHANGED_MAX = 10_000;

/** How often a stream says that it is alive and looks itself, and over what time all streams look when hints were missed. */
export interface LiveTimes {
  readonly heartbeatMs: number;
  readonly spreadMs: number;
}
/** Injection token, for tests. */
export const LIVE_TIMES = Symbol('live times');
const TIMES: LiveTimes = { heartbeatMs: 15_000, spreadMs: 2_000 };

const HEARTBEAT = 'event: hb\ndata: {}\n\n';
const BYE = 'event: bye\ndata: {}\n\n';

const streamsOpen = new Gauge({ name: 'oneq_live_streams', help: 'Open streams of payer pages' });

/** An open stream; nothing but what it needs, since there are many. */
interface Stream {
  readonly watcher: Watcher;
  readonly tid: string;
  readonly raw: ServerResponse;
  readonly trace: string | undefined;
  readonly since: number;
  /** The last snapshot that was sent, without its time. */
  said: string;
  beat?: NodeJS.Timeout;
  asking: boolean;
  /** A hint came while the answer to a question was on its way: that answer may be too old. */
  again: boolean;
}

/**
 * Tells open pages how their payment stands, as server-sent events. Each message is the whole state, so that nothing is
 * lost by losing one. Hints from payment make it quick; what makes it right is that each heartbeat asks again.
 */
@Injectable()
export class Live implements OnModuleInit, BeforeApplicationShutdown {
  private readonly streams = new Map<string, Set<Stream>>();
  /** When a payment was last said to have changed. */
  private readonly changed = new LRUCache<string, number>({ max: CHANGED_MAX, ttl: CHANGED_MS, ttlResolution: 0 });
  private count = 0;
  private stopping = false;
  private allEnded: (() => void) | undefined;

  constructor(
    private readonly client: MessageClient,
    private readonly presence: Presence,
    private readonly redirects: Redirects,
    @Inject(LOGGER) private readonly log: Logger,
    @Optional() @Inject(LIVE_TIMES) private readonly times: LiveTimes = TIMES,
  ) {}

  onModuleInit(): void {
    this.client.hear(
      CHECKOUT_HINTS,
      (payload) => this.hear(payload),
      () => this.lookAtAll(),
    );
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND for a token that opens nothing */
  async status(watcher: Watcher): Promise<Snapshot> {
    return this.snapshot(await this.ask(watcher), watcher);
  }

  /**
   * Answers with a stream, which ends with the payment's end.
   * @throws {OneQError} PAYMENT_NOT_FOUND; TOO_MANY_REQUESTS; SERVICE_UNAVAILABLE while stopping or full
   */
  async open(watcher: Watcher, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    this.checkRoom();
    const askedAt = performance.now();
    const view = await this.ask(watcher);
    this.checkRoom(); // what was true before the question may be so no more
    const over = isOver(view);
    if (over && request.headers['last-event-id'] === String(view.seq)) {
      reply.status(204).send(); // tells the browser not to come back
      return;
    }
    const ofPayment = this.streams.get(view.tid);
    const ofToken = [...(ofPayment ?? [])].filter((stream) => stream.watcher.token === watcher.token);
    if (ofToken.length >= STREAMS_A_TOKEN_MAX) {
      throw new OneQError('TOO_MANY_REQUESTS', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    const { raw } = begin(reply);
    const snapshot = this.snapshot(view, watcher);
    raw.write(`retry: ${RECONNECT_MS}\n${messageOf(snapshot)}`);
    if (over || request.method === 'HEAD') {
      raw.end();
      return;
    }
    const stream: Stream = {
      watcher,
      tid: view.tid,
      raw,
      trace: traceparent(),
      since: performance.now(),
      said: withoutTime(snapshot),
      asking: false,
      again: false,
    };
    this.keep(stream);
    // A change that was told while this page's question was on its way may not be in the answer.
    if ((this.changed.get(view.tid) ?? 0) >= askedAt) void this.look(stream);
  }

  /** Ends all streams, so that their pages go to another gateway and this one can stop. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    if (this.count === 0) return;
    const ended = new Promise<void>((allEnded) => {
      this.allEnded = allEnded;
      setTimeout(allEnded, BYE_MS).unref();
    });
    for (const stream of this.all()) stream.raw.end(BYE);
    await ended;
    for (const stream of this.all()) stream.raw.destroy();
  }

  private checkRoom(): void {
    if (!this.stopping && this.count < STREAMS_MAX) return;
    throw new OneQError('SERVICE_UNAVAILABLE', { outcome: 'final', retryAfterSeconds: RETRY_AFTER_SECONDS });
  }

  private keep(stream: Stream): void {
    const ofPayment = this.streams.get(stream.tid) ?? new Set();
    this.streams.set(stream.tid, ofPayment.add(stream));
    this.count += 1;
    streamsOpen.set(this.count);
    stream.raw.once('close', () => this.forget(stream));
    this.beatAfter(stream, this.times.heartbeatMs * (0.9 + 0.2 * Math.random()));
    if (stream.raw.destroyed) this.forget(stream);
  }

  private forget(stream: Stream): void {
    clearTimeout(stream.beat);
    const ofPayment = this.streams.get(stream.tid);
    if (!ofPayment?.delete(stream)) return;
    if (ofPayment.size === 0) this.streams.delete(stream.tid);
    this.count -= 1;
    streamsOpen.set(this.count);
    if (this.count === 0) this.allEnded?.();
    // A request whose answer was read to its end is logged where all are; this one went away before.
    if (stream.raw.writableFinished) return;
    const ms = Math.round(performance.now() - stream.since);
    inTrace(stream.trace, () => this.log.info({ method: 'GET', route: '/pay/live', status: 200, ms }, 'request'));
  }

  private hear(payload: unknown): void {
    if (!isHint(payload)) return;
    const { tid, page } = payload;
    if (page === null) {
      this.changed.set(tid, performance.now());
      for (const stream of this.streams.get(tid) ?? []) void this.look(stream);
      return;
    }
    const news = page === 'phone' && !this.presence.opened(tid);
    this.presence.seen(tid, page);
    if (!news) return;
    for (const stream of this.streams.get(tid) ?? []) if (stream.watcher.page === 'pc') void this.look(stream);
  }

  /** Hints were lost: every page may be wrong. They look soon, but not all at once. */
  private lookAtAll(): void {
    this.presence.missed();
    for (const stream of this.all()) this.beatAfter(stream, this.times.spreadMs * Math.random());
  }

  private beatAfter(stream: Stream, ms: number): void {
    clearTimeout(stream.beat);
    stream.beat = setTimeout(() => {
      this.beatAfter(stream, this.times.heartbeatMs * (0.9 + 0.2 * Math.random()));
      this.say(stream, HEARTBEAT);
      void this.look(stream);
    }, ms);
  }

  /** Asks how the payment stands and says it if it is news. One question at a time, and one more if it may be too old. */
  private async look(stream: Stream): Promise<void> {
    stream.again = true;
    if (stream.asking) return;
    stream.asking = true;
    try {
      while (stream.again && !stream.raw.destroyed && !stream.raw.writableEnded) {
        stream.again = false;
        await inTrace(undefined, () => this.lookOnce(stream));
      }
    } finally {
      stream.asking = false;
    }
  }

  private async lookOnce(stream: Stream): Promise<void> {
    try {
      const view = await this.ask(stream.watcher);
      if (this.stopping) return; // the stream has said goodbye
      const snapshot = this.snapshot(view, stream.watcher);
      const said = withoutTime(snapshot);
      if (said !== stream.said) {
        stream.said = said;
        this.say(stream, messageOf(snapshot));
      }
      if (isOver(view)) stream.raw.end();
    } catch (error) {
      if (error instanceof OneQError && error.definition.status < 500) stream.raw.end();
      else this.log.debug({ err: error }, 'could not look at a payment'); // the next heartbeat tries again
    }
  }

  private say(stream: Stream, text: string): void {
    const { raw } = stream;
    if (raw.destroyed || raw.writableEnded) return;
    if (raw.writableLength > BEHIND_MAX) raw.destroy();
    else raw.write(text);
  }

  private async ask({ token, page, session }: Watcher): Promise<CheckoutView> {
    try {
      return await this.client.ask(WatchCheckout, { token, page, session });
    } catch (error) {
      // A text that cannot even be a token is refused by its form.
      if (error instanceof OneQError && error.code === 'INVALID_PARAMETER') throw new OneQError('PAYMENT_NOT_FOUND');
      throw error;
    }
  }

  private snapshot(view: CheckoutView, { page, via }: Watcher): Snapshot {
    return snapshotOf(view, page, via, {
      opened: this.presence.opened(view.tid),
      pcGone: this.presence.pcGone(view),
      redirects: this.redirects,
    });
  }

  private *all(): Iterable<Stream> {
    for (const ofPayment of this.streams.values()) yield* ofPayment;
  }
}

/** Takes the answer out of Fastify's hands, with the headers that it was given so far. */
function begin(reply: FastifyReply): FastifyReply {
  const headers: OutgoingHttpHeaders = {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no', // nginx passes each message on at once
    connection: 'close', // a stream that ends leaves nothing that a stopping gateway would wait for
  };
  reply.hijack();
  reply.raw.writeHead(200, headers);
  return reply;
}

function messageOf(snapshot: Snapshot): string {
  return `id: ${snapshot.seq}\ndata: ${JSON.stringify(snapshot)}\n\n`;
}

function withoutTime(snapshot: Snapshot): string {
  return JSON.stringify({ ...snapshot, now: undefined });
}

function isHint(payload: unknown): payload is CheckoutHint {
  if (typeof payload !== 'object' || payload === null || !('tid' in payload) || !('page' in payload)) return false;
  return (
    typeof payload.tid === 'string' && (payload.page === null || payload.page === 'pc' || payload.page === 'phone')
  );
}
