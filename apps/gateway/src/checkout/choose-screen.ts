/**
 * Which screen a visit sees. Everything that a page decides is decided here, from what the payment service says and
 * what the address asks for; screens only show, and addresses can ask for nothing that the payment does not allow.
 */
import type {
  CheckoutPage,
  CheckoutRoute,
  CheckoutView,
  Keypad,
  Mode,
  Paying,
  PayingMethod,
  PaymentMethodType,
  PaymentStatus,
} from '@oneq/contracts';

export const STEPS = ['method', 'review', 'password', 'cancel'] as const;
export type Step = (typeof STEPS)[number];

/** What a payer asks to see. */
export interface Visit {
  readonly page: CheckoutPage;
  /** How the phone came; of no meaning on the PC. */
  readonly route: CheckoutRoute;
  readonly step?: Step;
  readonly method?: PaymentMethodType;
  /** Won that the payer has agreed to add to the pay money. */
  readonly topUpAmount?: number;
  /**
   * A page that is opened afresh on a payment that is over stays where it is. It goes on by itself when the payer has
   * just acted on it or watched the change.
   */
  readonly moment: 'opened' | 'acted' | 'watched';
}

/** A method that can pay now, and what it takes. */
export interface Payable {
  readonly method: PayingMethod;
  /** Won that the linked account adds first; 0 when there is enough. */
  readonly topUpAmount: number;
}

export type Choice =
  | { readonly screen: 'qr' | 'qr-paying' | 'intro' | 'cancel' | 'elsewhere' }
  | { readonly screen: 'locked'; readonly until: number }
  | {
      readonly screen: 'method';
      readonly paying: Paying;
      readonly chosen: PaymentMethodType | null;
      /** Why no method at all can pay. */
      readonly obstacle: 'none-usable' | 'no-password' | null;
    }
  | { readonly screen: 'top-up' | 'review'; readonly paying: Paying; readonly payable: Payable }
  | { readonly screen: 'password'; readonly paying: Paying; readonly payable: Payable; readonly keypad: Keypad }
  | { readonly screen: 'confirmed' | 'continue-on-pc' | 'pc-gone' | 'complete' | 'already-paid' }
  | { readonly screen: 'cancelled'; readonly elsewhere: boolean }
  | { readonly screen: 'failed' | 'expired' };

export type ScreenName = Choice['screen'] | 'trouble' | 'not-found' | 'forbidden';

/** What is known beside the view. */
export interface Circumstances {
  readonly mode: Mode;
  /** There only when the visit asks for the password and the payment can take it. */
  readonly keypad: Keypad | null;
  /** The PC's page was closed when the phone had paid. */
  readonly pcGone: boolean;
}

export function chooseScreen(view: CheckoutView, visit: Visit, circumstances: Circumstances): Choice {
  switch (view.status) {
    case 'READY':
      return visit.page === 'pc' ? onPc(view, visit) : onPhone(view, visit, circumstances);
    case 'AUTHENTICATED':
      if (visit.page === 'pc' || visit.route === 'direct' || view.bound === 'other') return { screen: 'confirmed' };
      return { screen: circumstances.pcGone && view.done ? 'pc-gone' : 'continue-on-pc' };
    case 'APPROVED':
    case 'PARTIALLY_CANCELLED':
      return { screen: visit.moment === 'opened' ? 'already-paid' : 'complete' };
    case 'CANCELLED':
      return { screen: 'cancelled', elsewhere: visit.moment === 'watched' };
    case 'FAILED':
      return view.locked_until === null ? { screen: 'failed' } : { screen: 'locked', until: view.locked_until };
    case 'EXPIRED':
      return { screen: 'expired' };
  }
}

function onPc(view: CheckoutView, visit: Visit): Choice {
  if (visit.step === 'cancel') return { screen: 'cancel' };
  return { screen: view.bound === 'nobody' ? 'qr' : 'qr-paying' };
}

function onPhone(view: CheckoutView, visit: Visit, { mode, keypad }: Circumstances): Choice {
  const { paying } = view;
  if (view.bound === 'nobody') return { screen: visit.step === 'cancel' ? 'cancel' : 'intro' };
  if (!paying) return { screen: 'elsewhere' };
  if (visit.step === 'cancel') return { screen: 'cancel' };
  if (view.locked_until !== null) return { screen: 'locked', until: view.locked_until };

  const chosen = paying.methods.find((method) => method.payment_method_type === visit.method);
  const payable = chosen && canPay(paying, mode) ? payableOf(chosen) : null;
  const agreed = payable !== null && (visit.topUpAmount ?? 0) === payable.topUpAmount;
  if (payable && visit.step === 'review' && (agreed || visit.topUpAmount === undefined)) {
    return { screen: payable.topUpAmount > 0 ? 'top-up' : 'review', paying, payable };
  }
  if (payable && visit.step === 'password' && agreed && keypad) return { screen: 'password', paying, payable, keypad };
  return {
    screen: 'method',
    paying,
    chosen: (payable ?? firstPayable(paying))?.method.payment_method_type ?? null,
    obstacle: !canPay(paying, mode) ? 'no-password' : firstPayable(paying) ? null : 'none-usable',
  };
}

/** A sandbox wallet's first payment sets the password; in live mode a page must not. */
function canPay(paying: Paying, mode: Mode): boolean {
  return paying.password === 'set' || mode === 'sandbox';
}

/** How a method can pay; null when it cannot. */
export function payableOf(method: PayingMethod): Payable | null {
  if (!method.permitted || method.top_up_amount < method.short) return null;
  return { method, topUpAmount: method.short > 0 ? method.top_up_amount : 0 };
}

/** The methods in the order in which they are offered: pay money first. */
export function offered(paying: Paying): readonly PayingMethod[] {
  return [...paying.methods].sort((a, b) => rank(a) - rank(b));
}

function rank(method: PayingMethod): number {
  return method.payment_method_type === 'MONEY' ? 0 : 1;
}

function firstPayable(paying: Paying): Payable | null {
  return (
    offered(paying)
      .map(payableOf)
      .find((payable) => payable !== null) ?? null
  );
}

/** Good news leaves at once, ms; bad news is read first. */
const LEAVE_MS = 300;
const LEAVE_BAD_NEWS_MS = 2_000;
const BAD_NEWS: readonly PaymentStatus[] = ['FAILED', 'EXPIRED'];

/** After how many ms the page goes on to the shop by itself; null when the payer has to ask for it. */
export function leaveAfter(view: CheckoutView, visit: Visit): number | null {
  if (!view.done || (visit.page === 'phone' && visit.route === 'qr')) return null;
  if (view.status !== 'AUTHENTICATED' && visit.moment === 'opened') return null;
  if (!BAD_NEWS.includes(view.status)) return LEAVE_MS;
  return visit.page === 'pc' ? LEAVE_BAD_NEWS_MS : null;
}
