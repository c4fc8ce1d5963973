import { Inject, Injectable } from '@nestjs/common';
import { OneQError, type RawFields } from '@oneq/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Counter } from 'prom-client';
import { CONFIG, type GatewayConfig } from '../config';
import { clientNetworkOf } from './client-address';

/** A second's worth of requests may come at once. */
const WINDOW_MS = 1_000;
/** Clients remembered. One that is forgotten for a newer one begins anew, so the table may be full but not flooded. */
const CLIENTS_MAX = 50_000;
const CID_LENGTH = 10;

const requestsRefused = new Counter({
  name: 'oneq_rate_limited_requests_total',
  help: 'Requests refused because too many came from one address or for one merchant',
  labelNames: ['policy'] as const,
});

/**
 * At most so many requests a second from one client (GCRA: for each client one number, the time at which all it has
 * asked for would be paid off). A second's worth may come at once.
 */
export class RateLimit {
  private readonly paidOff = new LRUCache<string, number>({ max: CLIENTS_MAX });
  private readonly costMs: number;

  /**
   * @param policy name in the `RateLimit` headers
   * @param perSecond requests
   */
  constructor(
    private readonly policy: 'address' | 'merchant',
    private readonly perSecond: number,
  ) {
    this.costMs = WINDOW_MS / perSecond;
  }

  /**
   * Counts a request of this client.
   * @param now ms, monotonic
   * @throws {OneQError} TOO_MANY_REQUESTS, with `Retry-After` and the headers of draft-ietf-httpapi-ratelimit-headers.
   * Other answers tell nothing, since who shares an address or names a cid should not see how busy the others are
   */
  take(client: string, reply: Pick<FastifyReply, 'header'>, now = performance.now()): void {
    const due = Math.max(this.paidOff.get(client) ?? 0, now) + this.costMs;
    // A thousandth of a request's cost absorbs what the sums round off.
    if (due - now <= WINDOW_MS + this.costMs / 1_000) {
      this.paidOff.set(client, due);
      return;
    }
    const retryAfterSeconds = Math.max(1, Math.ceil((due - now - WINDOW_MS) / 1_000));
    requestsRefused.inc({ policy: this.policy });
    reply.header('ratelimit-policy', `"${this.policy}";q=${this.perSecond};w=${WINDOW_MS / 1_000}`);
    reply.header('ratelimit', `"${this.policy}";r=0;t=${retryAfterSeconds}`);
    throw new OneQError('TOO_MANY_REQUESTS', { retryAfterSeconds });
  }
}

/** Refuses what is too much from one address, before anything of it is looked at or read; health checks are not counted. */
export function limitAddresses(server: FastifyInstance, perSecond: number): void {
  const limit = new RateLimit('address', perSecond);
  server.addHook('onRequest', (request, reply, done) => {
    try {
      if (!request.url.startsWith('/health/')) limit.take(clientNetworkOf(request.ip), reply);
      done();
    } catch (error) {
      done(error as OneQError);
    }
  });
}

/**
 * Refuses what is too much for one merchant: the holder of the key or, without one, the cid that is named. The two are
 * counted apart, so that nobody without the key uses up what its holder may send.
 */
@Injectable()
export class MerchantLimit {
  private readonly limit: RateLimit;

  constructor(@Inject(CONFIG) { RATE_LIMIT_PER_SECOND }: Pick<GatewayConfig, 'RATE_LIMIT_PER_SECOND'>) {
    this.limit = new RateLimit('merchant', RATE_LIMIT_PER_SECOND);
  }

  /** @throws {OneQError} TOO_MANY_REQUESTS */
  take(
    keyHolder: string | undefined,
    request: Pick<FastifyRequest, 'body'>,
    reply: Pick<FastifyReply, 'header'>,
  ): void {
    const named = (request.body as Partial<RawFields> | undefined)?.values?.cid;
    if (keyHolder !== undefined) this.limit.take(`key ${keyHolder}`, reply);
    else if (typeof named === 'string') this.limit.take(`cid ${named.trim().slice(0, CID_LENGTH)}`, reply);
  }
}
