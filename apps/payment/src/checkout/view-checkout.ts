import { Inject, Injectable } from '@nestjs/common';
import {
  type CheckoutQuery,
  type CheckoutRoute,
  type CheckoutView,
  OneQError,
  PAYMENT_METHOD_TYPES,
  type Paying,
  type PayingMethod,
  type PaymentMethodType,
  type PaymentStatus,
} from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { CONFIG, type PaymentConfig } from '../config';
import { CheckoutTokens } from '../ids/checkout-tokens';
import { PaymentIds } from '../ids/payment-ids';
import { ClosePayment } from '../payments/close';
import { payerPartDone } from '../payments/payer-part-done';

/** Wrong passwords in a row that lock a wallet (contract: the fifth). */
export const TRIES_MAX = 5;

/** A payment with everything that its pages show; $2 is the session that looks. Times in ms since 1970. */
const VIEW: Statement = {
  name: 'view-checkout',
  text: `
    SELECT payments.id, cid, order_id, merchant_name, item_name, quantity, amount, cancelled_amount, status, permitted_method_type,
           payment_method_type, bank_acct_alias, approval_url, cancel_url, fail_url, checkout_version,
           sequence + coalesce(revision, 0) AS seq, via,
           CASE WHEN bound_session IS NULL THEN 'nobody' WHEN bound_session = $2 THEN 'you' ELSE 'other' END AS bound,
           account_last4, money_balance - money_held AS money, bank_balance - bank_held AS bank,
           passwords.wallet_id IS NOT NULL AS has_password,
           CASE WHEN locked_until <= now() THEN 0 ELSE coalesce(tries_taken, 0) END AS tries_taken,
           CASE WHEN locked_until > now() THEN ceil(extract(epoch FROM locked_until) * 1000)::bigint END AS locked_until,
           status IN ('READY', 'AUTHENTICATED') AND expires_at <= now() AS due,
           (extract(epoch FROM now()) * 1000)::bigint AS now,
           (extract(epoch FROM expires_at) * 1000)::bigint AS expires_at,
           (extract(epoch FROM authenticated_at) * 1000)::bigint AS authenticated_at,
           (extract(epoch FROM approved_at) * 1000)::bigint AS approved_at
    FROM payments
    JOIN wallets ON wallets.id = payments.wallet_id
    LEFT JOIN checkouts ON checkouts.payment_id = payments.id
    LEFT JOIN passwords ON passwords.wallet_id = payments.wallet_id
    WHERE payments.id = $1`,
};

interface CheckoutRow
  extends Pick<
    CheckoutView,
    | 'merchant_name'
    | 'item_name'
    | 'quantity'
    | 'amount'
    | 'cancelled_amount'
    | 'seq'
    | 'bound'
    | 'now'
    | 'expires_at'
    | 'authenticated_at'
  > {
  readonly id: number;
  readonly cid: string;
  readonly order_id: string;
  readonly status: PaymentStatus;
  readonly permitted_method_type: PaymentMethodType | null;
  readonly payment_method_type: PaymentMethodType | null;
  readonly bank_acct_alias: string | null;
  readonly approval_url: string;
  readonly cancel_url: string;
  readonly fail_url: string;
  readonly checkout_version: number;
  readonly via: CheckoutRoute | null;
  readonly account_last4: string;
  /** Won that can be spent in each pot. */
  readonly money: number;
  readonly bank: number;
  readonly has_password: boolean;
  readonly tries_taken: number;
  readonly locked_until: number | null;
  /** Its time is over, though nobody has come by yet to expire it. */
  readonly due: boolean;
  readonly approved_at: number | null;
}

/** Reads a payment as one of its two pages shows it. */
@Injectable()
export class ViewCheckout {
  constructor(
    private readonly database: Database,
    private readonly tokens: CheckoutTokens,
    private readonly ids: PaymentIds,
    private readonly close: ClosePayment,
    @Inject(CONFIG) private readonly config: PaymentConfig,
  ) {}

  /** Id of the payment that a page's token opens. @throws {OneQError} PAYMENT_NOT_FOUND */
  idOf({ token, page }: CheckoutQuery): number {
    const tid = this.tokens.open(token, page);
    const id = tid === null ? null : this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    return id;
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND for a token that opens nothing */
  async view(query: CheckoutQuery): Promise<CheckoutView> {
    const id = this.idOf(query);
    const row = await this.read(id, query.session);
    if (!row.due) return this.show(row, query);
    await this.close.expireIfDue(id);
    return this.show(await this.read(id, query.session), query);
  }

  private async read(id: number, session: string): Promise<CheckoutRow> {
    const [row] = await this.database.run<CheckoutRow>(VIEW, [id, Buffer.from(session, 'hex')]);
    if (!row) throw new OneQError('PAYMENT_NOT_FOUND');
    return row;
  }

  private show(row: CheckoutRow, { page }: CheckoutQuery): CheckoutView {
    const tid = this.ids.toTid(row.id);
    const { status, bound } = row;
    const mine = page === 'phone' && bound === 'you';
    const shut = page === 'phone' && bound === 'other';
    return {
      tid,
      merchant_name: row.merchant_name,
      item_name: row.item_name,
      quantity: row.quantity,
      amount: row.amount,
      cancelled_amount: row.cancelled_amount,
      status,
      seq: row.seq,
      bound,
      via: row.via,
      now: row.now,
      expires_at: row.expires_at,
      authenticated_at: row.authenticated_at,
      approved_at: row.approved_at,
      payment_method_type: row.payment_method_type,
      phone_token: page === 'pc' ? this.tokens.issue(tid, 'phone', row.checkout_version) : null,
      paying: mine && status === 'READY' ? this.paying(row) : null,
      locked_until: mine ? row.locked_until : null,
      done: status === 'READY' || shut ? null : payerPartDone(tid, row),
    };
  }

  private paying(row: CheckoutRow): Paying {
    return {
      methods: PAYMENT_METHOD_TYPES.map((method) => payingMethod(method, row)),
      bank_acct_alias: row.bank_acct_alias,
      account_last4: row.account_last4,
      password: row.has_password ? 'set' : 'missing',
      attempts_left: TRIES_MAX - row.tries_taken,
      lock_seconds: this.config.PIN_LOCK_SECONDS,
    };
  }
}

function payingMethod(method: PaymentMethodType, row: CheckoutRow): PayingMethod {
  const available = method === 'MONEY' ? row.money : row.bank;
  const short = Math.max(0, row.amount - available);
  return {
    payment_method_type: method,
    permitted: row.permitted_method_type === null || row.permitted_method_type === method,
    available,
    short,
    top_up_amount: method === 'MONEY' && short <= row.bank ? short : 0,
  };
}
