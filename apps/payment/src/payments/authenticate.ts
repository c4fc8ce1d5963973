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
import { Database, GroupCommit, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CheckoutHints } from '../checkout/checkout-hints';
import { CONFIG, type PaymentConfig } from '../config';
import { tellEvent } from '../events/tell-event';
import { PaymentIds } from '../ids/payment-ids';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import { payerPartDone, type ReturningPayer } from './payer-part-done';
import type { Payment } from './payment.entity';

/** Won that each pot of the wallet has to hold, and whether top-up and method are such that it can; of the CTE `payment`. */
const PARTS = `
      CASE method WHEN 'MONEY' THEN amount - top_up ELSE 0 END AS money,
      CASE method WHEN 'MONEY' THEN top_up ELSE amount END AS bank,
      CASE method WHEN 'MONEY' THEN top_up BETWEEN 0 AND amount WHEN '계좌' THEN top_up = 0 ELSE false END AS is_possible`;

/** The row of a payment that was authenticated: what its payer is sent back with. */
const ANSWER = 'id, cid, order_id, amount, status, approval_url, cancel_url, fail_url, payment_method_type';

/**
 * Holds the amount in the pot of the chosen method and marks the payment as authenticated, with a second time window
 * for the merchant's approval. Without a method ($2) it is the only permitted one, or pay money. With a top-up ($4, won) that
 * part of the amount is held in the linked account. No row comes back when the payment is not ready, its time is over, the
 * method is not permitted, the wallet is locked, or a pot is short.
 */
export const AUTHENTICATE: Statement = {
  name: 'authenticate-payment',
  text: `
    WITH payment AS (
      SELECT id, wallet_id, amount, coalesce($2::text, permitted_method_type, 'MONEY') AS method, $4::bigint AS top_up
      FROM payments
      WHERE id = $1 AND status = 'READY' AND expires_at > now()
        AND ($2::text IS NULL OR permitted_method_type IS NULL OR permitted_method_type = $2)
        AND NOT EXISTS (SELECT FROM passwords WHERE passwords.wallet_id = payments.wallet_id AND locked_until > now())
      FOR UPDATE
    ), due AS (
      SELECT wallet_id, ${PARTS} FROM payment
    ), wallet AS (
      UPDATE wallets SET money_held = money_held + money, bank_held = bank_held + bank
      FROM due
      WHERE wallets.id = due.wallet_id AND is_possible
        AND money <= money_balance - money_held AND bank <= bank_balance - bank_held
      RETURNING wallets.id
    ), authenticated AS (
      UPDATE payments SET
        status = 'AUTHENTICATED', payment_method_type = method, top_up_amount = top_up, authenticated_at = now(),
        sequence = sequence + 1, expires_at = now() + make_interval(secs => $3)
      FROM payment, wallet
      WHERE payments.id = payment.id AND payments.status = 'READY'
      RETURNING payments.*
    ), ${tellEvent({ from: 'authenticated', type: `'payment.authenticated'` })}
    SELECT ${ANSWER} FROM authenticated`,
};

/**
 * {@link AUTHENTICATE} for many payments at once, with arrays for its values but $3, passing by every payment and wallet that
 * somebody else has locked. A wallet holds the money of all of its payments or of none.
 */
export const AUTHENTICATE_TOGETHER: Statement = {
  name: 'authenticate-payments',
  text: `
    WITH command AS (
      SELECT * FROM unnest($1::bigint[], $2::text[], $4::bigint[]) WITH ORDINALITY AS command (id, method, top_up, n)
    ), payment AS (
      SELECT found.*, command.top_up, command.n FROM command, LATERAL (
        SELECT id, wallet_id, amount, coalesce(command.method, permitted_method_type, 'MONEY') AS method
        FROM payments
        WHERE id = command.id AND status = 'READY' AND expires_at > now()
          AND (command.method IS NULL OR permitted_method_type IS NULL OR permitted_method_type = command.method)
          AND NOT EXISTS (SELECT FROM passwords WHERE passwords.wallet_id = payments.wallet_id AND locked_until > now())
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS found
    ), part AS (
      SELECT wallet_id, ${PARTS} FROM payment
    ), due AS (
      SELECT wallet_id, sum(money)::bigint AS money, sum(bank)::bigint AS bank FROM part
      GROUP BY wallet_id HAVING bool_and(is_possible)
    ), able AS (
      SELECT due.* FROM due, LATERAL (
        SELECT id FROM wallets
        WHERE id = due.wallet_id AND due.money <= money_balance - money_held AND due.bank <= bank_balance - bank_held
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS locked
    ), wallet AS (
      UPDATE wallets SET money_held = money_held + money, bank_held = bank_held + bank
      FROM able
      WHERE wallets.id = able.wallet_id AND money <= money_balance - money_held AND bank <= bank_balance - bank_held
      RETURNING wallets.id
    ), authenticated AS (
      UPDATE payments SET
        status = 'AUTHENTICATED', payment_method_type = method, top_up_amount = top_up, authenticated_at = now(),
        sequence = sequence + 1, expires_at = now() + make_interval(secs => $3)
      FROM payment JOIN wallet ON wallet.id = payment.wallet_id
      WHERE payments.id = payment.id AND payments.status = 'READY'
      RETURNING payments.*, payment.n
    ), ${tellEvent({ from: 'authenticated', type: `'payment.authenticated'` })}
    SELECT n, ${ANSWER} FROM authenticated`,
};

/** Seconds until the wallet of a payment can authenticate again; no row when it is not locked. */
const LOCK_OF: Statement = {
  name: 'lock-of-payment',
  text: `
    SELECT ceil(extract(epoch FROM locked_until - now()))::integer AS seconds
    FROM payments JOIN passwords USING (wallet_id)
    WHERE id = $1 AND locked_until > now()`,
};

/** Which payment, and how it is paid. */
interface Authentication {
  readonly id: number;
  readonly method: PaymentMethodType | null;
  /** Won. */
  readonly topUp: number;
}

type Authenticated = ReturningPayer & Pick<Payment, 'id' | 'payment_method_type'>;

/** 인증: the payer's yes, which holds the money until the merchant approves. */
@Injectable()
export class AuthenticatePayment {
  private readonly holds: GroupCommit<Authentication, Authenticated>;

  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    private readonly hints: CheckoutHints,
    @Inject(CONFIG) config: PaymentConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const ttl = config.PAYMENT_TTL_SECONDS;
    this.holds = new GroupCommit(database, {
      statement: AUTHENTICATE_TOGETHER,
      values: (all) => [all.map(({ id }) => id), all.map(({ method }) => method), ttl, all.map(({ topUp }) => topUp)],
      key: ({ id }) => String(id),
      alone: async ({ id, method, topUp }) =>
        (await database.run<Authenticated>(AUTHENTICATE, [id, method, ttl, topUp]))[0],
    });
  }

  /**
   * Again on an authenticated or approved payment: the same answer.
   * @throws {OneQError} PAYMENT_NOT_FOUND; INVALID_PARAMETER when the method is not permitted; WALLET_LOCKED and
   * INSUFFICIENT_FUNDS, and the payment stays ready; PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED
   */
  async authenticate(command: AuthenticateCommand): Promise<PayerPartDone> {
    const { tid, payment_method_type = null, top_up_amount = 0 } = command;
    const id = this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    const authenticated = await this.holds.run({ id, method: payment_method_type, topUp: top_up_amount });
    if (!authenticated) return this.conflict(tid, id, payment_method_type);
    const method = authenticated.payment_method_type;
    this.log.info({ tid, from: 'READY', event: 'payment.authenticated', method }, 'authenticated');
    this.hints.changed(tid);
    return payerPartDone(tid, authenticated);
  }

  /** Why nothing was authenticated. */
  private async conflict(tid: string, id: number, method: PaymentMethodType | null): Promise<PayerPartDone> {
    requirePermitted(await this.payments.byId(id), method);
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

function requirePermitted({ permitted_method_type: permitted }: Payment, wanted: PaymentMethodType | null): void {
  if (!wanted || !permitted || wanted === permitted) return;
  const format = { ko: permitted, en: permitted };
  throw invalidParameter({ field: 'payment_method_type', code: 'INVALID_FORMAT', params: { format } });
}
