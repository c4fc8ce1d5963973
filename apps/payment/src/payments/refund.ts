import { Inject, Injectable } from '@nestjs/common';
import { brokenConstraint, Database, LOGGER, type Logger, type Statement } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';

/** How long after its approval a payment can be net-cancelled (contract). */
const NET_CANCEL_TIME = `interval '1 hour'`;

/**
 * Gives $2 won, or all that is left, back to the pot that paid. No row comes back when the payment is not approved, less
 * is left, or the refund $3 was booked already; with $4 also when a part was refunded or the approval is too long ago.
 */
export const REFUND: Statement = {
  name: 'refund-payment',
  text: `
    WITH payment AS (
      SELECT id, cid, wallet_id, payment_method_type, coalesce($2::bigint, amount - cancelled_amount) AS refunded
      FROM payments
      WHERE id = $1 AND status IN ('APPROVED', 'PARTIALLY_CANCELLED')
        AND coalesce($2::bigint, amount - cancelled_amount) <= amount - cancelled_amount
        AND NOT EXISTS (SELECT FROM transfers WHERE reference = $3)
        AND (NOT $4 OR (status = 'APPROVED' AND approved_at > now() - ${NET_CANCEL_TIME}))
      FOR UPDATE
    ), wallet AS (
      UPDATE wallets SET
        money_balance = money_balance + CASE payment_method_type WHEN 'MONEY' THEN refunded ELSE 0 END,
        bank_balance = bank_balance + CASE payment_method_type WHEN '계좌' THEN refunded ELSE 0 END
      FROM payment WHERE wallets.id = wallet_id
      RETURNING wallets.id
    ), cancelled AS (
      UPDATE payments SET
        cancelled_amount = cancelled_amount + refunded, sequence = sequence + 1,
        status = CASE WHEN cancelled_amount + refunded = amount THEN 'CANCELLED' ELSE 'PARTIALLY_CANCELLED' END,
        finished_at = CASE WHEN cancelled_amount + refunded = amount THEN now() END
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status IN ('APPROVED', 'PARTIALLY_CANCELLED')
      RETURNING payments.id, payments.cid, payments.wallet_id, payments.payment_method_type, refunded, status, sequence
    ), refund AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id, reference)
      SELECT 'refund', 'merchant/' || cid,
             'wallet/' || wallet_id || '/' || CASE payment_method_type WHEN 'MONEY' THEN 'money' ELSE 'bank' END,
             refunded, id, $3
      FROM cancelled
    ), ${tellEvent({ from: 'cancelled', type: `'payment.cancelled'`, amount: 'refunded', reason: '$5' })}
    SELECT refunded FROM cancelled`,
};

/** A refund that was booked under this reference. */
const BOOKED: Statement = {
  name: 'booked-refund',
  text: `SELECT id FROM transfers WHERE payment_id = $1 AND reference = $2 AND kind = 'refund'`,
};

export interface Refund {
  /** Id of the payment. */
  readonly id: number;
  /** UUID of the request: the same one is booked once, however often it arrives. */
  readonly reference: string;
  /** Won; all that is left when not given. */
  readonly amount?: number;
  readonly reason?: string;
  /** Only within the time of a net-cancel, and only the whole. */
  readonly net?: boolean;
}

/** Gives money back after the approval. */
@Injectable()
export class RefundPayment {
  constructor(
    private readonly database: Database,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** Whether the refund is booked, now or by the same request before. */
  async refund({ id, reference, amount, reason, net = false }: Refund): Promise<boolean> {
    const values = [id, amount ?? null, reference, net, reason ?? null];
    try {
      const [refund] = await this.database.run<{ refunded: number }>(REFUND, values);
      if (refund) {
        const tid = this.ids.toTid(id);
        this.database.afterCommit(() => {
          this.log.info({ tid, event: 'payment.cancelled', amount: refund.refunded }, 'refunded');
          this.hints.changed(tid);
        });
        return true;
      }
    } catch (error) {
      // The same refund arrived twice at once: it is booked, once.
      if (brokenConstraint(error) !== 'one_transfer_per_reference') throw error;
    }
    return (await this.database.run(BOOKED, [id, reference])).length > 0;
  }
}
