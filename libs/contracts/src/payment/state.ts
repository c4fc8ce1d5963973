/** The life of a payment: which change of state may follow which. The statements are tested against this table. */

export const PAYMENT_STATUSES = [
  'READY',
  'AUTHENTICATED',
  'APPROVED',
  'PARTIALLY_CANCELLED',
  'CANCELLED',
  'FAILED',
  'EXPIRED',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** 결제 수단: the bank account, or the pay money charged beforehand. */
export const PAYMENT_METHOD_TYPES = ['계좌', 'MONEY'] as const;
export type PaymentMethodType = (typeof PAYMENT_METHOD_TYPES)[number];

export interface Transition {
  readonly from: readonly PaymentStatus[];
  readonly to: PaymentStatus;
  /** Type of the event that tells of it. */
  readonly event: PaymentEventType;
}

export const PAYMENT_EVENT_TYPES = [
  'payment.authenticated',
  'payment.approved',
  'payment.cancelled',
  'payment.failed',
  'payment.expired',
] as const;
export type PaymentEventType = (typeof PAYMENT_EVENT_TYPES)[number];

export const TRANSITIONS = {
  authenticate: { from: ['READY'], to: 'AUTHENTICATED', event: 'payment.authenticated' },
  approve: { from: ['AUTHENTICATED'], to: 'APPROVED', event: 'payment.approved' },
  cancel: { from: ['READY', 'AUTHENTICATED'], to: 'CANCELLED', event: 'payment.cancelled' },
  fail: { from: ['READY', 'AUTHENTICATED'], to: 'FAILED', event: 'payment.failed' },
  refund: { from: ['APPROVED', 'PARTIALLY_CANCELLED'], to: 'CANCELLED', event: 'payment.cancelled' },
  refundPart: { from: ['APPROVED', 'PARTIALLY_CANCELLED'], to: 'PARTIALLY_CANCELLED', event: 'payment.cancelled' },
  expire: { from: ['READY', 'AUTHENTICATED'], to: 'EXPIRED', event: 'payment.expired' },
} as const satisfies Record<string, Transition>;

export type PaymentCommand = keyof typeof TRANSITIONS;

/** While a payment is live its order cannot be prepared anew. */
export const LIVE_STATUSES = [
  'READY',
  'AUTHENTICATED',
  'APPROVED',
  'PARTIALLY_CANCELLED',
] as const satisfies readonly PaymentStatus[];

/** Nothing follows these. */
export const FINISHED_STATUSES = ['CANCELLED', 'FAILED', 'EXPIRED'] as const satisfies readonly PaymentStatus[];
export type FinishedStatus = (typeof FINISHED_STATUSES)[number];

/** The error that says which end a payment has come to. */
export const FINISHED_ERRORS = {
  CANCELLED: 'PAYMENT_CANCELLED',
  FAILED: 'PAYMENT_FAILED',
  EXPIRED: 'PAYMENT_EXPIRED',
} as const satisfies Record<FinishedStatus, string>;

export function isFinished(status: PaymentStatus): status is FinishedStatus {
  return (FINISHED_STATUSES as readonly PaymentStatus[]).includes(status);
}
