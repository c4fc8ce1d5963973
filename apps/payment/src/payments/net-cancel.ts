import { Injectable } from '@nestjs/common';
import { type NetCancelCommand, type NetCancelled, type NetCancelResult, OneQError } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import type { Payment } from './payment.entity';
import { PaymentRecords } from './payment-records';
import { RefundPayment } from './refund';

/** Remembers for an hour that an order was given up before it came; no row comes back when it has come. */
const GIVE_UP: Statement = {
  name: 'give-up-order',
  text: `
    INSERT INTO given_up_orders AS given_up (cid, order_id, until)
    SELECT $1, $2, now() + interval '1 hour'
    WHERE NOT EXISTS (SELECT FROM payments WHERE cid = $1 AND order_id = $2)
    ON CONFLICT (cid, order_id) DO UPDATE SET until = greatest(given_up.until, excluded.until)
    RETURNING order_id`,
};

/** What was given up so long ago that it is forgotten. */
const FORGET: Statement = { name: 'forget-given-up-orders', text: 'DELETE FROM given_up_orders WHERE until <= now()' };

const RUNS_MAX = 5;

/**
 * 망취소: the merchant does not know whether its approval went through, and wants it undone if it did. Whatever this finds,
 * afterwards there is no approval and there will be none.
 */
@Injectable()
export class NetCancelPayment {
  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly records: PaymentRecords,
    private readonly close: ClosePayment,
    private readonly refunds: RefundPayment,
  ) {}

  /**
   * @param command its `cid` is the merchant's own
   * @throws {OneQError} PAYMENT_MISMATCH for another amount; PAYMENT_NOT_CANCELLABLE an hour after the approval, and when
   * a part was cancelled
   */
  async netCancel(command: NetCancelCommand): Promise<NetCancelled> {
    const { cid, order_id, amount, reference } = command;
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const payment = await this.payments.meantBy(cid, order_id, reference);
      if (!payment) {
        await this.database.run(FORGET, []);
        const [givenUp] = await this.database.run(GIVE_UP, [cid, order_id]);
        if (givenUp) return { result: 'NOT_APPROVED', payment: null };
        continue; // it was prepared just now
      }
      if (payment.amount !== amount) {
        throw new OneQError('PAYMENT_MISMATCH', { errors: [{ field: 'amount', code: 'MISMATCH' }] });
      }
      const result = await this.undo(payment, command);
      if (result) return { result, payment: await this.records.detailsAfterChange(payment.id) };
      // Its state changed between the look and the statement: look again.
    }
    throw new Error('the payment changed its state too often while it was to be net-cancelled');
  }

  /** undefined when it is worth another look. */
  private async undo(
    { id, status, closing_reference }: Payment,
    { reference }: NetCancelCommand,
  ): Promise<NetCancelResult | undefined> {
    switch (status) {
      case 'READY':
      case 'AUTHENTICATED':
        if (await this.close.expireIfDue(id)) return;
        return (await this.close.byMerchant(id, reference)) ? 'NOT_APPROVED' : undefined;
      case 'APPROVED': {
        if (await this.refunds.refund({ id, reference, net: true })) return 'CANCELLED';
        if ((await this.payments.byId(id)).status !== 'APPROVED') return;
        throw new OneQError('PAYMENT_NOT_CANCELLABLE');
      }
      case 'CANCELLED':
        // The same request again, whose answer was lost, is answered as it was.
        if (closing_reference === reference) return 'NOT_APPROVED';
        return (await this.refunds.refund({ id, reference, net: true })) ? 'CANCELLED' : 'ALREADY_CANCELLED';
      case 'FAILED':
      case 'EXPIRED':
        return 'NOT_APPROVED';
      case 'PARTIALLY_CANCELLED':
        throw new OneQError('PAYMENT_NOT_CANCELLABLE');
    }
  }
}
