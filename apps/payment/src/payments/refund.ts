import { Inject, Injectable } from '@nestjs/common';
import { brokenConstraint, Database, GroupCommit, type Statement, transposed } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';

/** How long after its approval a payment can be net-cancelled (contract). */
const NET_CANCEL_TIME = `interval '1 hour'`;

/** What is written of the refunds in the CTE `cancelled`: the money's way back and the event. */
const ENTRIES = `
    refund AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id, reference)
      SELECT 'refund', 'merchant/' || cid,
             'wallet/' || wallet_id || '/' || CASE payment_method_type WHEN 'MONEY' THEN 'money' ELSE 'bank' END,
             refunded, id, reference
      FROM cancelled
    ), ${tellEvent({ from: 'cancelled', type: `'payment.cancelled'`, amount: 'refunded', reason: 'reason' })}`;

/** How a payment changes by a refund of `refunded` won. */
const CANCELLED = `
        cancelled_amount = cancelled_amount + refunded, sequence = sequence + 1,
        status = CASE WHEN cancelled_amount + refunded = amount THEN 'CANCELLED' ELSE 'PARTIALLY_CANCELLED' END,
        finished_at = CASE WHEN cancelled_amount + refunded = amount THEN now() END`;

const REFUNDED = `payments.id, payments.cid, payments.wallet_id, payments.payment_method_type, refunded, status, sequence,
                payment.reference, payment.reason`;

/**
 * Gives $2 won, or all that is left, back to the pot that paid. No row comes back when the payment is not approved, less
 * is left, or the refund $3 was booked already; with $4 also when a part was refunded or the approval is too long ago.
 */
export const REFUND: Statement = {
  name: 'refund-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, payment_method_type, coalesce($2::bigint, amount - cancelled_amount) AS refunded,
             $3::uuid AS reference, $5::text AS reason
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
      UPDATE payments SET ${CANCELLED}
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status IN ('APPROVED', 'PARTIALLY_CANCELLED')
      RETURNING ${REFUNDED}
    ), ${ENTRIES}
    SELECT refunded FROM cancelled`,
};

/** {@link REFUND} of many payments at once, with arrays for its values, passing by whatever somebody else has locked. */
export const REFUND_TOGETHER: Statement = {
  name: 'refund-payments',
  text: `
    WITH command AS (
      SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::boolean[], $5::text[])
      WITH ORDINALITY AS command (id, asked, reference, net, reason, n)
    ), payment AS (
      SELECT command.n, command.reference, command.reason, found.* FROM command, LATERAL (
        SELECT id, wallet_id, payment_method_type, coalesce(asked, amount - cancelled_amount) AS refunded
        FROM payments
        WHERE id = command.id AND status IN ('APPROVED', 'PARTIALLY_CANCELLED')
          AND coalesce(asked, amount - cancelled_amount) <= amount - cancelled_amount
          AND NOT EXISTS (SELECT FROM transfers WHERE transfers.reference = command.reference)
          AND (NOT net OR (status = 'APPROVED' AND approved_at > now() - ${NET_CANCEL_TIME}))
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS found
    ), due AS (
      SELECT wallet_id, coalesce(sum(refunded) FILTER (WHERE payment_method_type = 'MONEY'), 0)::bigint AS money,
             coalesce(sum(refunded) FILTER (WHERE payment_method_type = '계좌'), 0)::bigint AS bank
      FROM payment GROUP BY wallet_id
    ), free AS (
      SELECT due.* FROM due, LATERAL (
        SELECT id FROM wallets WHERE id = due.wallet_id FOR NO KEY UPDATE SKIP LOCKED
      ) AS locked
    ), wallet AS (
      UPDATE wallets SET money_balance = money_balance + money, bank_balance = bank_balance + bank
      FROM free WHERE wallets.id = free.wallet_id
      RETURNING wallets.id
    ), cancelled AS (
      UPDATE payments SET ${CANCELLED}
      FROM payment JOIN wallet ON wallet.id = payment.wallet_id
      WHERE payments.id = payment.id AND payments.status IN ('APPROVED', 'PARTIALLY_CANCELLED')
      RETURNING ${REFUNDED}, payment.n
    ), ${ENTRIES}
    SELECT n::integer, refunded FROM cancelled`,
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

interface Refunded {
  /** Won. */
  readonly refunded: number;
}

/** Gives money back after the approval. */
@Injectable()
export class RefundPayment {
  private readonly refunds: GroupCommit<Refund, Refunded>;

  constructor(
    private readonly database: Database,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.refunds = new GroupCommit(database, {
      statement: REFUND_TOGETHER,
      values: (refunds) => transposed(refunds.map(valuesOf)),
      key: ({ id }) => String(id),
      alone: async (refund) => (await database.run<Refunded>(REFUND, valuesOf(refund)))[0],
    });
  }

  /** Whether the refund is booked, now or by the same request before. */
  async refund(asked: Refund): Promise<boolean> {
    const { id, reference } = asked;
    try {
      const refund = await this.refunds.run(asked);
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

function valuesOf({ id, amount, reference, net = false, reason }: Refund): unknown[] {
  return [id, amount ?? null, reference, net, reason ?? null];
}
