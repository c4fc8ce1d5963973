import { Inject, Injectable } from '@nestjs/common';
import { LIVE_STATUSES, OneQError, type PrepareCommand, type PreparedPayment } from '@oneq/contracts';
import { brokenConstraint, Database, GroupCommit, type Statement, transposed } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CONFIG, type PaymentConfig } from '../config';
import { CheckoutTokens } from '../ids/checkout-tokens';
import { PaymentIds } from '../ids/payment-ids';
import { AccountVault } from '../wallets/account-vault';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import type { Payment } from './payment.entity';

/**
 * Prepares a payment. No row comes back when the order has a live payment, or when there is no such wallet and none
 * may be opened. The number of the attempt is what two simultaneous prepares of one order meet at.
 */
export const PREPARE: Statement = {
  name: 'prepare-payment',
  text: `
    WITH newest AS (
      SELECT attempt, status FROM payments WHERE cid = $1 AND order_id = $2 ORDER BY attempt DESC LIMIT 1
    ), next AS (
      SELECT coalesce((SELECT attempt FROM newest), 0) + 1 AS attempt
      WHERE NOT EXISTS (SELECT FROM newest WHERE status IN ('${LIVE_STATUSES.join("', '")}'))
    ), known AS (
      SELECT id FROM wallets WHERE account_index = $3
    ), opened AS (
      INSERT INTO wallets (account_index, account_sealed, account_last4, money_balance, bank_balance)
      SELECT $3, $4, $5, $6, $7 FROM next WHERE $8 AND NOT EXISTS (SELECT FROM known)
      RETURNING id, money_balance, bank_balance
    ), opening AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount)
      SELECT 'opening', 'outside/sandbox', 'wallet/' || id || '/' || pot, amount
      FROM opened, LATERAL (VALUES ('money', money_balance), ('bank', bank_balance)) AS pots (pot, amount)
      WHERE amount > 0
    ), wallet AS (
      SELECT id FROM known UNION ALL SELECT id FROM opened
    ), payment AS (
      INSERT INTO payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, item_code,
                            member_id, quantity, amount, permitted_method_type, wallet_id, bank_acct_alias, balance,
                            approval_url, cancel_url, fail_url, checkout_version, expires_at)
      SELECT $1, $2, next.attempt, $9, $10, $11, $12, $13, $14, $15, $16, $17, wallet.id, $18, $6, $19, $20, $21, $22,
             now() + make_interval(secs => $23)
      FROM next, wallet
      RETURNING id, expires_at
    ), wanted_again AS (
      DELETE FROM given_up_orders WHERE cid = $1 AND order_id = $2 AND EXISTS (SELECT FROM payment)
    ), expiry_check AS (
      INSERT INTO expiry_checks (payment_id, check_at) SELECT id, expires_at FROM payment
    )
    SELECT id FROM payment`,
};

/**
 * {@link PREPARE} for many orders at once that are new, of accounts that are known; everything else is left to it. $1 to $17 are
 * arrays. Whether an order is new is asked of the order's own index, one by one: for NOT EXISTS, a plan that was made while the table
 * was small may read all payments, and does so until PostgreSQL analyses the table.
 */
export const PREPARE_TOGETHER: Statement = {
  name: 'prepare-payments',
  text: `
    WITH command AS (
      SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[],
                           $9::text[], $10::integer[], $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::text[],
                           $16::text[], $17::text[])
      WITH ORDINALITY AS command (cid, order_id, account_index, merchant_name, category_cd, opponent_name, item_name, item_code,
                                  member_id, quantity, amount, permitted_method_type, bank_acct_alias, balance, approval_url,
                                  cancel_url, fail_url, n)
    ), payment AS (
      INSERT INTO payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, item_code,
                            member_id, quantity, amount, permitted_method_type, wallet_id, bank_acct_alias, balance,
                            approval_url, cancel_url, fail_url, checkout_version, expires_at)
      SELECT cid, order_id, 1, merchant_name, category_cd, opponent_name, item_name, item_code,
             member_id, quantity, amount, permitted_method_type, wallets.id, bank_acct_alias, balance,
             approval_url, cancel_url, fail_url, $18, now() + make_interval(secs => $19)
      FROM command JOIN wallets USING (account_index)
      WHERE (SELECT id FROM payments WHERE cid = command.cid AND order_id = command.order_id
             ORDER BY attempt DESC LIMIT 1) IS NULL
      ON CONFLICT (cid, order_id, attempt) DO NOTHING
      RETURNING id, cid, order_id, expires_at
    ), wanted_again AS (
      DELETE FROM given_up_orders USING payment
      WHERE given_up_orders.cid = payment.cid AND given_up_orders.order_id = payment.order_id
    ), expiry_check AS (
      INSERT INTO expiry_checks (payment_id, check_at) SELECT id, expires_at FROM payment
    )
    SELECT n, id FROM payment JOIN command USING (cid, order_id)`,
};

/** Id of an account's wallet. */
const FIND_WALLET: Statement = {
  name: 'find-wallet-id',
  text: 'SELECT id FROM wallets WHERE account_index = $1',
};

/** Unique constraints at which simultaneous prepares meet: the loser looks again and finds the winner's rows. */
const MEETING_POINTS = new Set(['one_payment_per_attempt_at_an_order', 'one_wallet_per_account']);
const RUNS_MAX = 10;

interface IssuedPayment {
  readonly tid: string;
  /** Version of the secret that makes its tokens. */
  readonly checkout_version: number;
}

/** 결제 준비: issues a tid for an order, once, however often it is asked. */
@Injectable()
export class PreparePayment {
  private readonly inserts: GroupCommit<PrepareCommand, { id: number }>;

  constructor(
    private readonly database: Database,
    private readonly payments: FindPayment,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    private readonly tokens: CheckoutTokens,
    private readonly vault: AccountVault,
    @Inject(CONFIG) private readonly config: PaymentConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.inserts = new GroupCommit(database, {
      statement: PREPARE_TOGETHER,
      values: (commands) => [
        ...transposed(commands.map((command) => this.valuesOf(command))),
        tokens.currentVersion,
        config.PAYMENT_TTL_SECONDS,
      ],
      key: ({ cid, order_id }) => `${cid} ${order_id}`,
      alone: (command) => this.insert(command),
    });
  }

  /**
   * @param command its `cid` is the merchant's own
   * @throws {OneQError} ORDER_ALREADY_EXISTS when the order's live payment has other details; WALLET_NOT_FOUND in live mode
   */
  async prepare(command: PrepareCommand): Promise<PreparedPayment> {
    return this.withTokens(await this.issue(command));
  }

  /** The payment with its tokens, which are derived and never stored. */
  withTokens({ tid, checkout_version }: IssuedPayment): PreparedPayment {
    return {
      tid,
      pc_token: this.tokens.issue(tid, 'pc', checkout_version),
      phone_token: this.tokens.issue(tid, 'phone', checkout_version),
    };
  }

  /** {@link prepare} without the tokens. */
  async issue(command: PrepareCommand): Promise<IssuedPayment> {
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const inserted = await this.inserts.run(command);
      if (inserted) {
        const tid = this.ids.toTid(inserted.id);
        this.database.afterCommit(() =>
          this.log.info({ tid, cid: command.cid, event: 'payment.prepared' }, 'prepared'),
        );
        return { tid, checkout_version: this.tokens.currentVersion };
      }
      const found = await this.payments.newestOf(command.cid, command.order_id);
      // A payment whose time is over makes room for the next one, also before the expiry worker has come by.
      const newest = found && (await this.close.current(found));
      const live = newest && (LIVE_STATUSES as readonly string[]).includes(newest.status);
      if (live) return this.again(command, newest);
      // Only sandbox mode opens wallets; there, a simultaneous prepare was faster, and the next run meets its rows.
      if (this.config.MODE === 'live' && (await this.walletId(command)) === undefined) {
        throw new OneQError('WALLET_NOT_FOUND');
      }
    }
    throw new Error('prepare met other prepares of the same order or wallet too often');
  }

  /** A row of what {@link PREPARE_TOGETHER} takes arrays of. */
  private valuesOf(command: PrepareCommand): unknown[] {
    return [
      command.cid,
      command.order_id,
      this.vault.index(command.bank_acct_num),
      command.merchant_name,
      command.category_cd,
      command.opponent_name,
      command.item_name,
      command.item_code ?? null,
      command.member_id,
      command.quantity,
      command.amount,
      command.payment_method_type ?? null,
      command.bank_acct_alias ?? null,
      command.balance,
      command.approval_url,
      command.cancel_url,
      command.fail_url,
    ];
  }

  /** The new payment; undefined when the statement's guard failed or a simultaneous prepare was faster. */
  private async insert(command: PrepareCommand): Promise<{ id: number } | undefined> {
    const { bank_acct_num } = command;
    try {
      const [payment] = await this.database.run<{ id: number }>(PREPARE, [
        command.cid,
        command.order_id,
        this.vault.index(bank_acct_num),
        this.vault.seal(bank_acct_num),
        bank_acct_num.slice(-4),
        command.balance,
        this.config.SANDBOX_BANK_BALANCE,
        this.config.MODE === 'sandbox',
        command.merchant_name,
        command.category_cd,
        command.opponent_name,
        command.item_name,
        command.item_code ?? null,
        command.member_id,
        command.quantity,
        command.amount,
        command.payment_method_type ?? null,
        command.bank_acct_alias ?? null,
        command.approval_url,
        command.cancel_url,
        command.fail_url,
        this.tokens.currentVersion,
        this.config.PAYMENT_TTL_SECONDS,
      ]);
      return payment;
    } catch (error) {
      if (MEETING_POINTS.has(brokenConstraint(error) ?? '')) return undefined;
      throw error;
    }
  }

  /** The same request answers the same; what may differ is only what moves no money: balance and alias. */
  private async again(command: PrepareCommand, payment: Payment): Promise<IssuedPayment> {
    const same =
      payment.wallet_id === (await this.walletId(command)) &&
      payment.category_cd === command.category_cd &&
      payment.opponent_name === command.opponent_name &&
      payment.item_name === command.item_name &&
      payment.item_code === (command.item_code ?? null) &&
      payment.member_id === command.member_id &&
      payment.quantity === command.quantity &&
      payment.amount === command.amount &&
      payment.permitted_method_type === (command.payment_method_type ?? null) &&
      payment.approval_url === command.approval_url &&
      payment.cancel_url === command.cancel_url &&
      payment.fail_url === command.fail_url;
    if (!same) throw new OneQError('ORDER_ALREADY_EXISTS');
    return { tid: this.ids.toTid(payment.id), checkout_version: payment.checkout_version };
  }

  private async walletId({ bank_acct_num }: PrepareCommand): Promise<number | undefined> {
    const [wallet] = await this.database.run<{ id: number }>(FIND_WALLET, [this.vault.index(bank_acct_num)]);
    return wallet?.id;
  }
}
