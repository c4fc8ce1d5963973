import { Inject, Injectable } from '@nestjs/common';
import {
  type AuthenticateCommand,
  FINISHED_ERRORS,
  invalidParameter,
  isFinished,
  OneQError,
  type PayerPartDone,
  type PaymentMethodType,
} from '@oneq/contracts';
import { Database, LOGGER, type Logger, type Statement } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { CONFIG, type PaymentConfig } from '../config';
import { tellEvent } from '../events/tell-event';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import { payerPartDone } from './payer-part-done';
import type { Payment } from './payment.entity';

/**
 * Holds the amount in the pot of the chosen method and marks the payment as authenticated, with a second time window
 * for the merchant's approval. With a top-up ($4, won) that part of the amount is held in the linked account. No row
 * comes back when the payment is not ready, its time is over, the method is not permitted, the wallet is locked, or a pot
 * is short.
 */
export const AUTHENTICATE: Statement = {
  name: 'authenticate-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, amount FROM payments
      WHERE id = $1 AND status = 'READY' AND expires_at > now()
        AND (permitted_method_type IS NULL OR permitted_method_type = $2)
        AND NOT EXISTS (SELECT FROM passwords WHERE passwords.wallet_id = payments.wallet_id AND locked_until > now())
      FOR UPDATE
    ), wallet AS (
      UPDATE wallets SET
        money_held = money_held + CASE $2 WHEN 'MONEY' THEN payment.amount - $4 ELSE 0 END,
        bank_held = bank_held + CASE $2 WHEN '계좌' THEN payment.amount ELSE $4 END
      FROM payment
      WHERE wallets.id = payment.wallet_id
        AND CASE $2 WHEN 'MONEY' THEN payment.amount - $4 BETWEEN 0 AND money_balance - money_held
                                      AND $4 BETWEEN 0 AND bank_balance - bank_held
                    WHEN '계좌' THEN $4 = 0 AND payment.amount <= bank_balance - bank_held END
      RETURNING wallets.id
    ), authenticated AS (
      UPDATE payments SET
        status = 'AUTHENTICATED', payment_method_type = $2, top_up_amount = $4, authenticated_at = now(),
        sequence = sequence + 1, expires_at = now() + make_interval(secs => $3)
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status = 'READY'
      RETURNING payments.id, payments.cid, payments.sequence, payments.status, payments.amount
    ), ${tellEvent({ from: 'authenticated', type: `'payment.authenticated'` })}
    SELECT id FROM authenticated`,
};

/** Seconds until the wallet of a payment can authenticate again; no row when it is not locked. */
const LOCK_OF: Statement = {
  name: 'lock-of-payment',
  text: `
    SELECT ceil(extract(epoch FROM locked_until - now()))::integer AS seconds
    FROM payments JOIN passwords USING (wallet_id)
    WHERE id = $1 AND locked_until > now()`,
};

/** 인증: the payer's yes, which holds the money until the merchant approves. */
@Injectable()
export class AuthenticatePayment {
  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly close: ClosePayment,
    private readonly hints: CheckoutHints,
    @Inject(CONFIG) private readonly config: PaymentConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * Again on an authenticated or approved payment: the same answer.
   * @throws {OneQError} PAYMENT_NOT_FOUND; INVALID_PARAMETER when the method is not permitted; WALLET_LOCKED and
   * INSUFFICIENT_FUNDS, and the payment stays ready; PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED
   */
  async authenticate({ tid, payment_method_type, top_up_amount = 0 }: AuthenticateCommand): Promise<PayerPartDone> {
    const payment = await this.payments.byTid(tid);
    const method = chooseMethod(payment, payment_method_type);
    const ttl = this.config.PAYMENT_TTL_SECONDS;
    const [authenticated] = await this.database.run(AUTHENTICATE, [payment.id, method, ttl, top_up_amount]);
    if (!authenticated) return this.conflict(tid, payment.id);
    this.log.info({ tid, from: 'READY', event: 'payment.authenticated', method }, 'authenticated');
    this.hints.changed(tid);
    return payerPartDone(tid, { ...payment, status: 'AUTHENTICATED' });
  }

  /** Why nothing was authenticated. */
  private async conflict(tid: string, id: number): Promise<PayerPartDone> {
    if (await this.close.expireIfDue(id)) throw new OneQError('PAYMENT_EXPIRED');
    // Read after the look at the clock, so that it is not the state of a moment before.
    const payment = await this.payments.byId(id);
    if (isFinished(payment.status)) throw new OneQError(FINISHED_ERRORS[payment.status]);
    if (payment.status === 'READY') {
      const [lock] = await this.database.run<{ seconds: number }>(LOCK_OF, [id]);
      if (lock) throw new OneQError('WALLET_LOCKED', { retryAfterSeconds: lock.seconds });
      throw new OneQError('INSUFFICIENT_FUNDS');
    }
    return payerPartDone(tid, payment);
  }
}

function chooseMethod(payment: Payment, wanted: PaymentMethodType | undefined): PaymentMethodType {
  const permitted = payment.permitted_method_type;
  if (wanted && permitted && wanted !== permitted) {
    const format = { ko: permitted, en: permitted };
    throw invalidParameter({ field: 'payment_method_type', code: 'INVALID_FORMAT', params: { format } });
  }
  return wanted ?? permitted ?? 'MONEY';
}
