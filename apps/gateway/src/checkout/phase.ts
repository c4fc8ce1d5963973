import type { CheckoutPage, CheckoutRoute, CheckoutView, PaymentStatus } from '@oneq/contracts';
import type { Redirects } from './redirects';
import type { Phase, Snapshot } from './snapshot';

/** What a page shows of each state but READY, which depends on the phone. */
const PHASES = {
  AUTHENTICATED: 'authenticated',
  APPROVED: 'approved',
  PARTIALLY_CANCELLED: 'approved',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
  EXPIRED: 'expired',
} as const satisfies Record<Exclude<PaymentStatus, 'READY'>, Phase>;

/** Nothing that a payer's page would show follows these. */
const FINAL_PHASES: readonly Phase[] = ['approved', 'cancelled', 'failed', 'expired'];

/** @param opened whether a phone has the payment's page open */
export function phaseOf(view: CheckoutView, page: CheckoutPage, opened = false): Phase {
  if (page === 'phone' && view.bound === 'other') return 'elsewhere';
  if (view.status !== 'READY') return PHASES[view.status];
  if (view.bound !== 'nobody') return 'paying';
  return opened ? 'opened' : 'waiting';
}

/** Whether the payment is over for every page, also for one that sees it as *elsewhere*. */
export function isOver(view: CheckoutView): boolean {
  return view.status !== 'READY' && FINAL_PHASES.includes(PHASES[view.status]);
}

/**
 * Whether the PC goes on after the phone's part. How the bound phone came counts, not what its address says now.
 * @param via how the phone came by its address
 */
export function pcGoesOn(view: CheckoutView, page: CheckoutPage, via: CheckoutRoute): boolean {
  return page === 'phone' && ((view.bound === 'you' && view.via) || via) === 'qr';
}

export interface Around {
  readonly opened: boolean;
  readonly pcGone: boolean;
  readonly redirects: Redirects;
}

/** The state as one page is told of it. */
export function snapshotOf(view: CheckoutView, page: CheckoutPage, via: CheckoutRoute, around: Around): Snapshot {
  const staysHere = pcGoesOn(view, page, via);
  const pcGone = staysHere && around.pcGone;
  return {
    seq: view.seq,
    phase: phaseOf(view, page, around.opened),
    expires_at: view.expires_at,
    now: view.now,
    redirect_url: view.done && (!staysHere || pcGone) ? around.redirects.urlFor(view.done) : null,
    pc_gone: pcGone,
  };
}
