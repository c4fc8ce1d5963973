import type { PayerPartDone, PaymentStatus, RedirectResult } from '@oneq/contracts';
import type { Payment } from './payment.entity';

/** How a status looks to the merchant's redirect URL; READY leads nowhere yet. */
const RESULTS: Record<Exclude<PaymentStatus, 'READY'>, [RedirectResult, 'approval_url' | 'cancel_url' | 'fail_url']> = {
  AUTHENTICATED: ['authenticated', 'approval_url'],
  APPROVED: ['authenticated', 'approval_url'],
  PARTIALLY_CANCELLED: ['authenticated', 'approval_url'],
  CANCELLED: ['cancelled', 'cancel_url'],
  FAILED: ['failed', 'fail_url'],
  EXPIRED: ['expired', 'fail_url'],
};

export type ReturningPayer = Pick<
  Payment,
  'cid' | 'order_id' | 'amount' | 'status' | 'approval_url' | 'cancel_url' | 'fail_url'
>;

/** What the payer is sent back to the merchant with. */
export function payerPartDone(tid: string, payment: ReturningPayer): PayerPartDone {
  const { cid, order_id, amount, status } = payment;
  if (status === 'READY') throw new Error("the payer's part of a ready payment is not done");
  const [result, url] = RESULTS[status];
  return { tid, cid, order_id, amount, status, result, merchant_url: payment[url] };
}
