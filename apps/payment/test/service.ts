import { randomUUID } from 'node:crypto';
import { Test, type TestingModule } from '@nestjs/testing';
import type { CancelCommand, NetCancelCommand, PrepareCommand } from '@oneq/contracts';
import { createLogger } from '@oneq/service-kit';
import { anApproval, aPrepare, createTestDatabase, PATIENCE, TEST_SECRET, type TestDatabase } from '@oneq/testing';
import { Client } from 'pg';
import { AppModule } from '../src/app.module';
import { readConfig } from '../src/config';
import { ApprovePayment } from '../src/payments/approve';
import { AuthenticatePayment } from '../src/payments/authenticate';
import { CancelPayment } from '../src/payments/cancel';
import { ClosePayment } from '../src/payments/close';
import { NetCancelPayment } from '../src/payments/net-cancel';
import { PreparePayment } from '../src/payments/prepare';
import { FindWallet } from '../src/wallets/find-wallet';
import { Payer } from './payer';

const TABLES = [
  'wallets',
  'payments',
  'transfers',
  'events',
  'expiry_checks',
  'checkouts',
  'passwords',
  'password_attempts',
  'password_failures',
  'given_up_orders',
  'idempotency_keys',
  'webhook_endpoints',
  'webhook_deliveries',
  'webhook_attempts',
] as const;

/** The payment service's parts on a database of their own, without NATS and without its background worker. */
export class PaymentService {
  private constructor(
    readonly module: TestingModule,
    /** A second pair of eyes: a connection of the superuser. */
    readonly admin: Client,
    /** What the gateways were told. */
    readonly hints: readonly object[],
    private readonly again: (changes: NodeJS.ProcessEnv) => Promise<PaymentService>,
  ) {}

  static async start(environment: NodeJS.ProcessEnv = {}): Promise<PaymentService> {
    return PaymentService.on(await createTestDatabase('payment'), environment);
  }

  private static async on(database: TestDatabase, environment: NodeJS.ProcessEnv): Promise<PaymentService> {
    const config = readConfig({
      DATABASE_URL: database.url,
      ...PATIENCE,
      TID_SECRET: TEST_SECRET,
      CHECKOUT_SECRETS: `1:${TEST_SECRET}`,
      ACCOUNT_SECRETS: `1:${TEST_SECRET}`,
      ACCOUNT_INDEX_SECRET: TEST_SECRET,
      PIN_PEPPERS: `1:${TEST_SECRET}`,
      KEYPAD_SECRET: TEST_SECRET,
      PIN_FAILURES_PER_ADDRESS: '30',
      PIN_FAILURES_PER_MERCHANT: '300',
      WEBHOOK_SECRETS: `1:${TEST_SECRET}`,
      ...environment,
    });
    const hints: object[] = [];
    const announcer = { announce: (_subject: string, hint: object) => void hints.push(hint) };
    const module = await Test.createTestingModule({
      imports: [AppModule.with(config, createLogger('payment', 'fatal'), announcer)],
    }).compile();
    const admin = new Client(database.adminUrl);
    await admin.connect();
    await admin.query('SET search_path = payment');
    const again = (changes: NodeJS.ProcessEnv) => PaymentService.on(database, { ...environment, ...changes });
    return new PaymentService(module, admin, hints, again);
  }

  /** Stops it and starts another one on the same database, with these changes of its environment. */
  async restarted(changes: NodeJS.ProcessEnv = {}): Promise<PaymentService> {
    await this.stop();
    return this.again(changes);
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.module.close();
  }

  get preparing() {
    return this.module.get(PreparePayment);
  }
  get authenticating() {
    return this.module.get(AuthenticatePayment);
  }
  get approving() {
    return this.module.get(ApprovePayment);
  }
  get closing() {
    return this.module.get(ClosePayment);
  }
  get wallets() {
    return this.module.get(FindWallet);
  }

  /** A prepared payment and what it was prepared with. */
  async prepared(changes: Parameters<typeof aPrepare>[0] = {}) {
    const command = aPrepare(changes);
    return { command, ...(await this.preparing.prepare(command)) };
  }

  async authenticated(changes: Parameters<typeof aPrepare>[0] = {}) {
    const payment = await this.prepared(changes);
    await this.authenticating.authenticate({ tid: payment.tid });
    return payment;
  }

  /** A phone that has begun to pay. */
  async payer(payment: { phone_token: string }, client?: string): Promise<Payer> {
    const payer = new Payer(this, payment.phone_token, 'phone', undefined, client);
    await payer.begin();
    return payer;
  }

  async approved(changes: Parameters<typeof aPrepare>[0] = {}) {
    const payment = await this.authenticated(changes);
    await this.approving.approve(anApproval(payment.command));
    return payment;
  }

  /** The merchant cancels, by a request of its own. */
  cancel({ cid, order_id }: Pick<PrepareCommand, 'cid' | 'order_id'>, changes: Partial<CancelCommand> = {}) {
    return this.module.get(CancelPayment).cancel({ cid, order_id, reference: randomUUID(), ...changes });
  }

  netCancel(
    { cid, order_id, amount }: Pick<PrepareCommand, 'cid' | 'order_id' | 'amount'>,
    changes: Partial<NetCancelCommand> = {},
  ) {
    const command = { cid, order_id, amount, reference: randomUUID(), ...changes };
    return this.module.get(NetCancelPayment).netCancel(command);
  }

  /** The payer's part ends, by a request of its own. */
  end(tid: string, closing: 'cancel' | 'fail', reference: string = randomUUID()) {
    return this.closing.byPayer({ tid, reference }, closing);
  }

  /** Moves the end of a payment's time to the past. */
  async outOfTime(orderId: string): Promise<void> {
    await this.admin.query(
      `WITH p AS (UPDATE payments SET expires_at = now() - interval '1 second' WHERE order_id = $1 RETURNING id)
       UPDATE expiry_checks SET check_at = now() - interval '1 second' FROM p WHERE payment_id = p.id`,
      [orderId],
    );
  }

  /**
   * Waits until the feed tells all that is committed now: until then, a transaction that is older and still runs, of any database of the
   * server, holds it back.
   */
  async feedIsCurrent(): Promise<void> {
    const { rows } = await this.admin.query('SELECT pg_snapshot_xmax(pg_current_snapshot()) AS now');
    for (;;) {
      const later = await this.admin.query('SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS is', [
        rows[0].now,
      ]);
      if (later.rows[0].is) return;
    }
  }

  async statusOf(orderId: string): Promise<string | undefined> {
    const { rows } = await this.admin.query(
      'SELECT status FROM payments WHERE order_id = $1 ORDER BY attempt DESC LIMIT 1',
      [orderId],
    );
    return rows[0]?.status;
  }

  async count(sql: string, values: unknown[] = []): Promise<number> {
    const { rows } = await this.admin.query(`SELECT count(*)::integer AS n ${sql}`, values);
    return rows[0].n;
  }

  /** Every row about an order: its payments, their wallets, transfers and events. */
  async everythingOf(orderId: string): Promise<unknown> {
    const { rows } = await this.admin.query(
      `WITH p AS (SELECT * FROM payments WHERE order_id = $1)
       SELECT to_jsonb(p.*) AS row FROM p
       UNION ALL SELECT to_jsonb(w.*) FROM wallets w WHERE id IN (SELECT wallet_id FROM p)
       UNION ALL SELECT to_jsonb(t.*) FROM transfers t WHERE payment_id IN (SELECT id FROM p)
       UNION ALL SELECT to_jsonb(e.*) FROM events e WHERE payment_id IN (SELECT id FROM p)`,
      [orderId],
    );
    return rows;
  }

  /** Every row of every table: two equal ones prove that nothing happened in between. */
  async everything(): Promise<unknown> {
    const tables: Record<string, string[]> = {};
    for (const table of TABLES) {
      const { rows } = await this.admin.query(`SELECT to_jsonb(t.*)::text AS row FROM ${table} t ORDER BY 1`);
      tables[table] = rows.map(({ row }) => row);
    }
    return tables;
  }
}
