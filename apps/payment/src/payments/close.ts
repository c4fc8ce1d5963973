import { Inject, Injectable } from '@nestjs/common';
import {
  FINISHED_ERRORS,
  type FinishedStatus,
  isFinished,
  OneQError,
  type PayerPartDone,
  TRANSITIONS,
} from '@oneq/contracts';
import { Database, LOGGER, type Logger, type Statement } from '@oneq/service-kit';
import { PaymentIds } from '../ids/payment-ids';
import { FindPayment } from './find-payment';
import { payerPartDone } from './payer-part-done';

/**
 * Ends a payment that was not approved, in the status $2 with the event $3, and releases its hold. $4 says what the
 * clock must say: `due` (its time is over), `in time`, or `any`. No row comes back when it is not open or the clock
 * says otherwise.
 */
export const CLOSE: Statement = {
  name: 'close-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, amount, status, payment_method_type FROM payments
      WHERE id = $1 AND status IN ('READY', 'AUTHENTICATED')
        AND CASE $4 WHEN 'due' THEN expires_at <= now() WHEN 'in time' THEN expires_at > now() ELSE $4 = 'any' END
      FOR UPDATE
    ), wallet AS (
      UPDATE wallets SET
        money_held = money_held - CASE payment_method_type WHEN 'MONEY' THEN payment.amount ELSE 0 END,
        bank_held = bank_held - CASE payment_method_type WHEN '계좌' THEN payment.amount ELSE 0 END
      FROM payment
      WHERE wallets.id = payment.wallet_id AND payment.status = 'AUTHENTICATED'
      RETURNING wallets.id
    ), closed AS (
      UPDATE payments SET status = $2, finished_at = now(), sequence = sequence + 1
      FROM payment
      WHERE payments.id = payment.id AND payments.status IN ('READY', 'AUTHENTICATED')
        AND (payment.status = 'READY' OR EXISTS (SELECT FROM wallet))
      RETURNING payments.id, payments.sequence, payments.status, payments.amount, payment.status AS from_status
    ), event AS (
      INSERT INTO events (payment_id, sequence, type, status, amount)
      SELECT id, sequence, $3, status, amount FROM closed
    )
    SELECT from_status FROM closed`,
};

type Clock = 'due' | 'in time' | 'any';
type Closing = 'cancel' | 'fail' | 'expire';

/** Ends payments before approval: cancelled or failed by the payer, or expired. */
@Injectable()
export class ClosePayment {
  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly ids: PaymentIds,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * The payer gives up (`cancel`) or did not manage (`fail`).
   * @throws {OneQError} PAYMENT_NOT_FOUND; PAYMENT_NOT_CANCELLABLE once approved; PAYMENT_CANCELLED, PAYMENT_FAILED,
   * PAYMENT_EXPIRED when it has ended already
   */
  async byPayer(tid: string, closing: 'cancel' | 'fail'): Promise<PayerPartDone> {
    const { id } = await this.payments.byTid(tid);
    const closed = await this.close(id, closing, 'in time');
    if (!closed && (await this.expireIfDue(id))) throw new OneQError('PAYMENT_EXPIRED');
    const payment = await this.payments.byTid(tid);
    if (closed) return payerPartDone(tid, payment);
    if (isFinished(payment.status)) throw new OneQError(FINISHED_ERRORS[payment.status]);
    throw new OneQError('PAYMENT_NOT_CANCELLABLE');
  }

  /** Expires the payment if its time is over by the database's clock; tells whether it did. */
  async expireIfDue(id: number): Promise<boolean> {
    return this.close(id, 'expire', 'due');
  }

  /** Lets an open payment's time run out now (sandbox); one that is not open stays as it is. */
  async expireNow(tid: string): Promise<PayerPartDone> {
    const { id } = await this.payments.byTid(tid);
    await this.close(id, 'expire', 'any');
    return payerPartDone(tid, await this.payments.byTid(tid));
  }

  private async close(id: number, closing: Closing, clock: Clock): Promise<boolean> {
    const { to, event }: { to: FinishedStatus; event: string } = TRANSITIONS[closing];
    const [closed] = await this.database.run<{ from_status: string }>(CLOSE, [id, to, event, clock]);
    if (closed) this.log.info({ tid: this.ids.toTid(id), from: closed.from_status, event }, 'closed');
    return closed !== undefined;
  }
}
