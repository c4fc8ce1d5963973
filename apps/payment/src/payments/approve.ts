import { Inject, Injectable } from '@nestjs/common';
import {
  type Approved,
  type ApproveRequest,
  FINISHED_ERRORS,
  type FieldError,
  isFinished,
  OneQError,
} from '@oneq/contracts';
import { Database, GroupCommit, type Statement, transposed } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import type { Payment } from './payment.entity';

/** What is written of the payments in the CTE `approved`: the money's movements and the event. */
const ENTRIES = `
    top_up AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id)
      SELECT 'top_up', 'wallet/' || wallet_id || '/bank', 'wallet/' || wallet_id || '/money', top_up_amount, id
      FROM approved WHERE top_up_amount > 0
    ), capture AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id)
      SELECT 'capture', 'wallet/' || wallet_id || '/' || CASE payment_method_type WHEN 'MONEY' THEN 'money' ELSE 'bank' END,
             'merchant/' || cid, amount, id
      FROM approved
    ), ${tellEvent({ from: 'approved', type: `'payment.approved'` })}`;

/** Won that a payment takes from each pot of its wallet. */
const PARTS = `
      CASE payment_method_type WHEN 'MONEY' THEN amount - top_up_amount ELSE 0 END AS money,
      CASE payment_method_type WHEN 'MONEY' THEN top_up_amount ELSE amount END AS bank`;

/**
 * Captures the amount that authentication held: the wallet pays, after its top-up, and the merchant is owed. No row comes back when the
 * order's newest payment is not authenticated, its time is over, or what the merchant sent differs from what it prepared.
 * The merchant has no balance row: what it is owed is the sum of its transfers, so its busiest hour locks nothing.
 */
export const APPROVE: Statement = {
  name: 'approve-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, amount, top_up_amount, payment_method_type FROM payments
      WHERE id = (SELECT id FROM payments WHERE cid = $1 AND order_id = $2 ORDER BY attempt DESC LIMIT 1)
        AND status = 'AUTHENTICATED' AND expires_at > now()
        AND category_cd = $3 AND item_name = $4 AND member_id = $5 AND amount = $6
        AND ($7::text IS NULL OR opponent_name = $7) AND ($8::bigint IS NULL OR id = $8)
      FOR UPDATE
    ), due AS (
      SELECT wallet_id, ${PARTS} FROM payment
    ), wallet AS (
      UPDATE wallets SET
        money_balance = money_balance - money, money_held = money_held - money,
        bank_balance = bank_balance - bank, bank_held = bank_held - bank
      FROM due
      WHERE wallets.id = due.wallet_id AND money <= money_held AND bank <= bank_held
      RETURNING wallets.id
    ), approved AS (
      UPDATE payments SET status = 'APPROVED', approved_at = now(), tran_dt = $9, sequence = sequence + 1
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status = 'AUTHENTICATED'
      RETURNING payments.*
    ), ${ENTRIES}
    SELECT id, cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt FROM approved`,
};

/**
 * {@link APPROVE} for many orders at once, with arrays for its values, passing by every payment and wallet that somebody else has
 * locked. A wallet pays for all of its payments or for none.
 */
export const APPROVE_TOGETHER: Statement = {
  name: 'approve-payments',
  text: `
    WITH command AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::bigint[],
                           $9::text[])
      WITH ORDINALITY AS command (cid, order_id, category_cd, item_name, member_id, amount, opponent_name, pinned, tran_dt, n)
    ), payment AS (
      SELECT command.n, command.tran_dt, found.* FROM command, LATERAL (
        SELECT id, wallet_id, ${PARTS} FROM payments
        WHERE id = (SELECT id FROM payments WHERE cid = command.cid AND order_id = command.order_id
                    ORDER BY attempt DESC LIMIT 1)
          AND status = 'AUTHENTICATED' AND expires_at > now() AND category_cd = command.category_cd
          AND item_name = command.item_name AND member_id = command.member_id AND amount = command.amount
          AND (command.opponent_name IS NULL OR opponent_name = command.opponent_name)
          AND (command.pinned IS NULL OR id = command.pinned)
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS found
    ), due AS (
      SELECT wallet_id, sum(money)::bigint AS money, sum(bank)::bigint AS bank FROM payment GROUP BY wallet_id
    ), able AS (
      SELECT due.* FROM due, LATERAL (
        SELECT id FROM wallets WHERE id = due.wallet_id AND due.money <= money_held AND due.bank <= bank_held
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS locked
    ), wallet AS (
      UPDATE wallets SET
        money_balance = money_balance - money, money_held = money_held - money,
        bank_balance = bank_balance - bank, bank_held = bank_held - bank
      FROM able
      WHERE wallets.id = able.wallet_id AND money <= money_held AND bank <= bank_held
      RETURNING wallets.id
    ), approved AS (
      UPDATE payments SET status = 'APPROVED', approved_at = now(), tran_dt = payment.tran_dt, sequence = sequence + 1
      FROM payment JOIN wallet ON wallet.id = payment.wallet_id
      WHERE payments.id = payment.id AND payments.status = 'AUTHENTICATED'
      RETURNING payments.*, payment.n
    ), ${ENTRIES}
    SELECT n::integer, id, cid, order_id, member_id, payment_method_type, item_name, amount, tran_dt FROM approved`,
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

/** An approval and the id that its tid is, if it names one. */
interface Approval extends ApproveRequest {
  readonly pinned: number | null;
}

/** 결제 승인: the merchant takes the money that the payer has agreed to. */
@Injectable()
export class ApprovePayment {
  private readonly captures: GroupCommit<Approval, ApprovedPayment>;

  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.captures = new GroupCommit(database, {
      statement: APPROVE_TOGETHER,
      values: (approvals) => transposed(approvals.map(valuesOf)),
      key: ({ cid, order_id }) => `${cid} ${order_id}`,
      alone: async (approval) => (await database.run<ApprovedPayment>(APPROVE, valuesOf(approval)))[0],
    });
  }

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
      const approved = await this.captures.run({ ...request, pinned });
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

function valuesOf(approval: Approval): unknown[] {
  const { cid, order_id, category_cd, item_name, member_id, amount, opponent_name = null, pinned, tran_dt } = approval;
  return [cid, order_id, category_cd, item_name, member_id, amount, opponent_name, pinned, tran_dt];
}

const COMPARED = ['category_cd', 'opponent_name', 'item_name', 'member_id', 'amount'] as const;

function mismatches(payment: Payment, request: ApproveRequest): FieldError[] {
  return COMPARED.filter((field) => request[field] !== undefined && request[field] !== payment[field]).map((field) => ({
    field,
    code: 'MISMATCH',
  }));
}
