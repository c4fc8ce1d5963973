import { Injectable } from '@nestjs/common';
import type { CheckoutPage, CheckoutView } from '@oneq/contracts';
import { LRUCache } from 'lru-cache';

/** Payments whose pages are remembered. */
const REMEMBERED_MAX = 20_000;
/** How long, ms: as long as a payment can be paid. */
const REMEMBERED_MS = 15 * 60 * 1_000;
/** A page that was seen this long ago, ms, is open: it says so every 15 s. */
const OPEN_MS = 40_000;
/** A PC that was not seen for this long, ms, is not there to go on. */
const GONE_MS = 20_000;

/** When each page of a payment was last seen, ms of `performance.now()`. */
type Seen = Partial<Record<CheckoutPage, number>>;

/** Which of the payer's pages are open, as far as gateways tell each other. It may be wrong; nothing of weight rests on it. */
@Injectable()
export class Presence {
  private readonly pages = new LRUCache<string, Seen>({ max: REMEMBERED_MAX, ttl: REMEMBERED_MS, ttlResolution: 0 });
  private listeningSince = performance.now();

  seen(tid: string, page: CheckoutPage): void {
    this.pages.set(tid, { ...this.pages.get(tid), [page]: performance.now() });
  }

  /** Something may have been missed: who was not seen may have been there nevertheless. */
  missed(): void {
    this.listeningSince = performance.now();
  }

  /** Whether a phone has the payment's page open. */
  opened(tid: string): boolean {
    const phone = this.pages.get(tid)?.phone;
    return phone !== undefined && performance.now() - phone < OPEN_MS;
  }

  /** Whether nobody was at the PC when the payer paid, nor since. */
  pcGone({ tid, status, now, authenticated_at }: CheckoutView): boolean {
    if (status !== 'AUTHENTICATED' || authenticated_at === null) return false;
    const authenticatedAt = performance.now() - (now - authenticated_at);
    const lastSeen = Math.max(this.pages.get(tid)?.pc ?? Number.NEGATIVE_INFINITY, this.listeningSince);
    return lastSeen < authenticatedAt - GONE_MS;
  }
}
