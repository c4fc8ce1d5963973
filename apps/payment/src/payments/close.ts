import { Inject, Injectable } from '@nestjs/common';
import {
  type EndByPayerCommand,
  FINISHED_ERRORS,
  type FinishedStatus,
  isFinished,
  OneQError,
  type PayerPartDone,
  type PaymentStatus,
  TRANSITIONS,
} from '@oneq/contracts';
import { brokenConstraint, Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';
import { FindPayment } from './find-payment';
import { payerPartDone, type ReturningPayer } from './payer-part-done';
import type { Payment } from './payment.entity';

/**
 * Ends a payment that was not approved, in the status $2 with the event $3, and releases its hold. $4 says what the
 * clock must say: `due` (its time is over), `in time`, or `any`. No row comes back when it is not open or the clock
 * says otherwise. $5 names the request that ends it, so that the same one is known again. With $6 only a ready
 * payment ends: a hold is left alone. With $7 only one that is bound to this session ends. $8 is the reason.
 */
export const CLOSE: Statement = {
  name: 'close-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, status,
             CASE payment_method_type WHEN 'MONEY' THEN amount - top_up_amount ELSE 0 END AS money,
             CASE payment_method_type WHEN 'MONEY' THEN top_up_amount ELSE amount END AS bank
      FROM payments
      WHERE id = $1 AND status IN ('READY', 'AUTHENTICATED') AND (status = 'READY' OR NOT $6)
        AND ($7::bytea IS NULL OR EXISTS (SELECT FROM checkouts WHERE payment_id = payments.id AND bound_session = $7))
        AND CASE $4 WHEN 'due' THEN expires_at <= now() WHEN 'in time' THEN expires_at > now() ELSE $4 = 'any' END
      FOR UPDATE
    ), wallet AS (
      UPDATE wallets SET money_held = money_held - payment.money, bank_held = bank_held - payment.bank
      FROM payment
      WHERE wallets.id = payment.wallet_id AND payment.status = 'AUTHENTICATED'
      RETURNING wallets.id
    ), closed AS (
      UPDATE payments SET status = $2, finished_at = now(), sequence = sequence + 1, closing_reference = $5
      FROM payment
      WHERE payments.id = payment.id AND payments.status IN ('READY', 'AUTHENTICATED')
        AND (payment.status = 'READY' OR EXISTS (SELECT FROM wallet))
      RETURNING payments.id, cid, order_id, payments.amount, payments.status, sequence, approval_url, cancel_url, fail_url,
                payment.status AS from_status
    ), ${tellEvent({ from: 'closed', type: '$3', reason: '$8' })}
    SELECT cid, order_id, amount, status, approval_url, cancel_url, fail_url, from_status FROM closed`,
};

/** Broken when there is less on hold than is to be released. */
const HOLD_MISSING = new Set(['money_held_not_below_zero', 'bank_held_not_below_zero']);
const RUNS_MAX = 3;

type Closed = ReturningPayer & { readonly from_status: PaymentStatus };
type Clock = 'due' | 'in time' | 'any';
interface ClosingDetails {
  /** UUID of the request that ends it. */
  readonly reference?: string;
  readonly onlyReady?: boolean;
  /** The browser that the payment must be bound to. */
  readonly session?: Buffer;
  /** Why, in the merchant's words. */
  readonly reason?: string;
}
type Closing = 'cancel' | 'fail' | 'expire';

/** Ends payments before approval: cancelled or failed by the payer, or expired. */
@Injectable()
export class ClosePayment {
  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * The payer gives up (`cancel`) or did not manage (`fail`). The same request again, by its reference, answers the same.
   * @throws {OneQError} PAYMENT_NOT_FOUND; PAYMENT_NOT_CANCELLABLE once approved; PAYMENT_CANCELLED, PAYMENT_FAILED,
   * PAYMENT_EXPIRED when it has ended already
   */
  async byPayer({ tid, reference }: EndByPayerCommand, closing: 'cancel' | 'fail'): Promise<PayerPartDone> {
    const id = this.idOf(tid);
    const closed = await this.close(id, closing, 'in time', { reference });
    if (closed) return payerPartDone(tid, closed);
    if (await this.expireIfDue(id)) throw new OneQError('PAYMENT_EXPIRED');
    const payment = await this.payments.byTid(tid);
    if (payment.closing_reference === reference) return payerPartDone(tid, payment);
    if (isFinished(payment.status)) throw new OneQError(FINISHED_ERRORS[payment.status]);
    throw new OneQError('PAYMENT_NOT_CANCELLABLE');
  }

  /**
   * Ends a ready payment on the payer's page, if it still is ready and in time. One that is authenticated by then stays:
   * the payer is on the way back to the merchant.
   * @param session if given, the browser that the payment must be bound to
   */
  async whileReady(id: number, closing: 'cancel' | 'fail', reference: string, session?: Buffer): Promise<void> {
    await this.close(id, closing, 'in time', { reference, onlyReady: true, session });
  }

  /** The merchant gives up a payment that it has not approved. @returns whether it ended so, now or by the same request */
  async byMerchant(id: number, reference: string, reason?: string): Promise<boolean> {
    if (await this.close(id, 'cancel', 'in time', { reference, reason })) return true;
    return (await this.payments.byId(id)).closing_reference === reference;
  }

  /** Expires the payment if its time is over by the database's clock; tells whether it did. */
  async expireIfDue(id: number): Promise<boolean> {
    return (await this.close(id, 'expire', 'due')) !== undefined;
  }

  /** The payment as it is now, expired if its time is over; only an open one can have run out of it. */
  async current(payment: Payment): Promise<Payment> {
    if (payment.status !== 'READY' && payment.status !== 'AUTHENTICATED') return payment;
    await this.expireIfDue(payment.id);
    // Read after the look at the clock, so that it is not the state of a moment before.
    return this.payments.byId(payment.id);
  }

  /** Lets an open payment's time run out now (sandbox); one that is not open stays as it is. */
  async expireNow(tid: string): Promise<PayerPartDone> {
    const closed = await this.close(this.idOf(tid), 'expire', 'any');
    return payerPartDone(tid, closed ?? (await this.payments.byTid(tid)));
  }

  private idOf(tid: string): number {
    const id = this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    return id;
  }

  private async close(
    id: number,
    closing: Closing,
    clock: Clock,
    { reference, onlyReady = false, session, reason }: ClosingDetails = {},
  ): Promise<ReturningPayer | undefined> {
    const { to, event }: { to: FinishedStatus; event: string } = TRANSITIONS[closing];
    const values = [id, to, event, clock, reference ?? null, onlyReady, session ?? null, reason ?? null];
    const closed = await this.released(values);
    if (closed) {
      const tid = this.ids.toTid(id);
      this.database.afterCommit(() => {
        this.log.info({ tid, from: closed.from_status, event }, 'closed');
        this.hints.changed(tid);
      });
    }
    return closed;
  }

  /**
   * Runs {@link CLOSE}. Authenticated while it waited for the payment, it releases a hold that its snapshot of the wallet
   * does not have yet, and PostgreSQL checks constraints before it looks for a newer row: the next run sees the hold.
   */
  private async released(values: readonly unknown[]): Promise<Closed | undefined> {
    for (let run = 1; ; run += 1) {
      try {
        const [closed] = await this.database.run<Closed>(CLOSE, values);
        return closed;
      } catch (error) {
        if (run === RUNS_MAX || !HOLD_MISSING.has(brokenConstraint(error) ?? '')) throw error;
      }
    }
  }
}
