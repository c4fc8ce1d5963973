import { Injectable } from '@nestjs/common';
import type { BeginCheckoutCommand, CancelCheckoutCommand, CheckoutQuery, CheckoutView } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { PaymentIds } from '../ids/payment-ids';
import { ClosePayment } from '../payments/close';
import { CheckoutHints } from './checkout-hints';
import { ViewCheckout } from './view-checkout';

/**
 * Binds a ready payment to the session $2 that came by $3. No row comes back when it is bound already, to this or
 * another session, is not ready, or its time is over.
 */
const BIND: Statement = {
  name: 'bind-phone',
  text: `
    INSERT INTO checkouts AS checkout (payment_id, bound_session, via)
    SELECT id, $2, $3 FROM payments WHERE id = $1 AND status = 'READY' AND expires_at > now()
    ON CONFLICT (payment_id) DO UPDATE
      SET bound_session = excluded.bound_session, via = excluded.via, revision = checkout.revision + 1
      WHERE checkout.bound_session IS NULL
    RETURNING payment_id`,
};

/** Makes room for another phone, while the payment is ready. */
const RELEASE: Statement = {
  name: 'release-phone',
  text: `
    UPDATE checkouts SET bound_session = NULL, via = NULL, revision = revision + 1
    FROM payments
    WHERE payments.id = $1 AND payment_id = payments.id AND status = 'READY' AND bound_session IS NOT NULL
    RETURNING payment_id`,
};

/**
 * A payment belongs to the first phone that proceeds, so that a photographed QR code cannot be continued by a second
 * one. The PC may take it back.
 */
@Injectable()
export class BindPhone {
  constructor(
    private readonly database: Database,
    private readonly checkout: ViewCheckout,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
  ) {}

  /** The view tells whether the payment is bound to this phone now. @throws {OneQError} PAYMENT_NOT_FOUND */
  async begin(command: BeginCheckoutCommand): Promise<CheckoutView> {
    await this.bind(command);
    return this.checkout.view(command);
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async release(query: CheckoutQuery): Promise<CheckoutView> {
    // Only the PC's token opens this.
    const id = this.checkout.idOf({ ...query, page: 'pc' });
    const [released] = await this.database.run(RELEASE, [id]);
    if (released) this.hints.changed(this.ids.toTid(id));
    return this.checkout.view(query);
  }

  /**
   * The payer gives up. A phone may do so only if the payment is, or now becomes, its own; a payment that is not ready
   * any more stays as it is. The view tells what it came to. @throws {OneQError} PAYMENT_NOT_FOUND
   */
  async cancel(command: CancelCheckoutCommand): Promise<CheckoutView> {
    const { page, session, reference } = command;
    const phone = page === 'phone';
    if (phone) await this.bind(command);
    const mine = phone ? Buffer.from(session, 'hex') : undefined;
    await this.close.whileReady(this.checkout.idOf(command), 'cancel', reference, mine);
    return this.checkout.view(command);
  }

  private async bind(command: BeginCheckoutCommand): Promise<void> {
    const id = this.checkout.idOf({ ...command, page: 'phone' });
    const [bound] = await this.database.run(BIND, [id, Buffer.from(command.session, 'hex'), command.via]);
    if (bound) this.hints.changed(this.ids.toTid(id));
  }
}
