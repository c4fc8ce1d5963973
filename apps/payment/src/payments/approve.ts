import { Inject, Injectable } from '@nestjs/common';
import {
  type Approved,
  type ApproveRequest,
  FINISHED_ERRORS,
  type FieldError,
  isFinished,
  OneQError,
} from '@oneq/contracts';
import { Database, LOGGER, type Logger, type Statement } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import type { Payment } from './payment.entity';

/**
 * Captures the amount that authentication held: the wallet pays, after its top-up, and the merchant is owed. No row comes back when the
 * order's newest payment is not authenticated, its time is over, or what the merchant sent differs from what it prepared.
 * The merchant has no balance row: what it is owed is the sum of its transfers, so its busiest hour locks nothing.
 */
export const APPROVE: Statement = {
  name: 'approve-payment',
  text: `
    WITH payment AS (
      SELECT id, cid, wallet_id, amount, top_up_amount, payment_method_type FROM payments
      WHERE id = (SELECT id FROM payments WHERE cid = $1 AND order_id = $2 ORDER BY attempt DESC LIMIT 1)
        AND status = 'AUTHENTICATED' AND expires_at > now()
        AND category_cd = $3 AND item_name = $4 AND member_id = $5 AND amount = $6
        AND ($7::text IS NULL OR opponent_name = $7) AND ($8::bigint IS NULL OR id = $8)
      FOR UPDATE
    ), parts AS (
      SELECT id, wallet_id,
             CASE payment_method_type WHEN 'MONEY' THEN amount - top_up_amount ELSE 0 END AS money,
             CASE payment_method_type WHEN 'MONEY' THEN top_up_amount ELSE amount END AS bank
      FROM payment
    ), wallet AS (
      UPDATE wallets SET
        money_balance = money_balance - money, money_held = money_held - money,
        bank_balance = bank_balance - bank, bank_held = bank_held - bank
      FROM parts
      WHERE wallets.id = parts.wallet_id AND money <= money_held AND bank <= bank_held
      RETURNING wallets.id
    ), approved AS (
      UPDATE payments SET status = 'APPROVED', approved_at = now(), tran_dt = $9, sequence = sequence + 1
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status = 'AUTHENTICATED'
      RETURNING payments.*
    ), top_up AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id)
      SELECT 'top_up', 'wallet/' || wallet_id || '/bank', 'wallet/' || wallet_id || '/money', top_up_amount, id
      FROM approved WHERE top_up_amount > 0
    ), capture AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id)
      SELECT 'capture', 'wallet/' || wallet_id || '/' || CASE payment_method_type WHEN 'MONEY' THEN 'money' ELSE 'bank' END,
             'merchant/' || cid, amount, id
      FROM approved
    ), ${tellEvent({ from: 'approved', type: `'payment.approved'` })}
    SELECT id, cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt FROM approved`,
};

/** An order that its merchant net-cancelled before it was prepared. */
const GIVEN_UP: Statement = {
  name: 'given-up-order',
  text: 'SELECT until FROM given_up_orders WHERE cid = $1 AND order_id = $2 AND until > now()',
};

const RUNS_MAX = 3;

type ApprovedPayment = Pick<
  Payment,
  'id' | 'cid' | 'order_id' | 'member_id' | 'payment_method_type' | 'item_name' | 'amount' | 'tran_dt'
>;

/** 결제 승인: the merchant takes the money that the payer has agreed to. */
@Injectable()
export class ApprovePayment {
  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * The same approval again answers the first one's values, at once or years later.
   * @param request its `cid` is the merchant's own
   * @throws {OneQError} PAYMENT_NOT_FOUND; PAYMENT_MISMATCH in every state; PAYMENT_NOT_AUTHENTICATED;
   * PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED
   */
  async approve(request: ApproveRequest): Promise<Approved> {
    const pinned = request.tid === undefined ? null : this.ids.toId(request.tid);
    if (request.tid !== undefined && pinned === null) throw new OneQError('PAYMENT_NOT_FOUND');
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const approved = await this.capture(request, pinned);
      if (approved) {
        const answer = this.answer(approved);
        this.database.afterCommit(() => {
          this.log.info({ tid: answer.tid, from: 'AUTHENTICATED', event: 'payment.approved' }, 'approved');
          this.hints.changed(answer.tid);
        });
        return answer;
      }
      const again = await this.conflict(request, pinned);
      if (again) return again;
      // It was authenticated between the two looks: try again.
    }
    throw new Error('an authenticated payment in time could not be captured: its hold is missing');
  }

  private async capture(request: ApproveRequest, pinned: number | null): Promise<ApprovedPayment | undefined> {
    const [approved] = await this.database.run<ApprovedPayment>(APPROVE, [
      request.cid,
      request.order_id,
      request.category_cd,
      request.item_name,
      request.member_id,
      request.amount,
      request.opponent_name ?? null,
      pinned,
      request.tran_dt,
    ]);
    return approved;
  }

  /** The first approval's answer, why there is none, or undefined when the payment can be approved now. */
  private async conflict(request: ApproveRequest, pinned: number | null): Promise<Approved | undefined> {
    const newest = await this.payments.newestOf(request.cid, request.order_id);
    if (!newest && (await this.isGivenUp(request))) throw new OneQError('PAYMENT_CANCELLED');
    if (!newest || (pinned !== null && newest.id !== pinned)) throw new OneQError('PAYMENT_NOT_FOUND');
    const payment = await this.close.current(newest);
    const errors = mismatches(payment, request);
    if (errors.length > 0) throw new OneQError('PAYMENT_MISMATCH', { errors });
    if (isFinished(payment.status)) throw new OneQError(FINISHED_ERRORS[payment.status]);
    if (payment.status === 'APPROVED' || payment.status === 'PARTIALLY_CANCELLED') return this.answer(payment);
    if (payment.status === 'READY') throw new OneQError('PAYMENT_NOT_AUTHENTICATED');
    return undefined;
  }

  private async isGivenUp({ cid, order_id }: ApproveRequest): Promise<boolean> {
    return (await this.database.run(GIVEN_UP, [cid, order_id])).length > 0;
  }

  private answer(payment: ApprovedPayment): Approved {
    const { id, cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt } = payment;
    if (payment_method_type === null || tran_dt === null)
      throw new Error('an approved payment has a method and tran_dt');
    return { tid: this.ids.toTid(id), cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt };
  }
}

const COMPARED = ['category_cd', 'opponent_name', 'item_name', 'member_id', 'amount'] as const;

function mismatches(payment: Payment, request: ApproveRequest): FieldError[] {
  return COMPARED.filter((field) => request[field] !== undefined && request[field] !== payment[field]).map((field) => ({
    field,
    code: 'MISMATCH',
  }));
}
