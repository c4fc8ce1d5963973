import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import type { PaymentIds } from '../apps/payment/src/ids/payment-ids';
import type { AccountVault } from '../apps/payment/src/wallets/account-vault';
import { BALANCE, CID, ORDER, REDIRECTS, TRAN_DT } from './orders';

/** Accounts that payments are spread over. */
export const WALLETS = 10_000;
/** In each of their pots, won. */
const POT = 100_000_000_000;
/** Account numbers of the payers behind HTTP, and of those that the bare statements find by the number as it is. */
const FIRST_ACCOUNT = 770_000_000_000;
export const FIRST_PLAIN_ACCOUNT = 880_000_000_000;
/** Payments that one statement makes. */
const BATCH = 50_000;
/**
 * Fill, percent, of pages of `payments` by rows as they end, which are a tenth larger than those that the service begins with: as many
 * on a page as it leaves there. With its own 50 every page of the past would have room for one more new payment.
 */
const ENDED_FILLFACTOR = 55;
/** Time over which the payments of a history were made. */
const HISTORY = `interval '30 days'`;

/** Payments that were made before: waiting for their approval, or approved in the past. */
export interface Seeded {
  /** Number of the first; the order_id of each is its number. */
  readonly from: number;
  readonly count: number;
  readonly firstId: number;
  /** Nobody else makes payments while a history is made, so that its ids have no gap. */
  readonly lastId: number;
}

/**
 * Fills the tables with rows as the service itself would have left them, by the thousand. Every invariant of the audit
 * holds for them; checks of foreign keys, which the statement makes true by itself, are skipped.
 */
export class Seeder {
  /** Order number that nobody has used yet. */
  private next = 1_000_000;
  private firstWallet = 0;
  readonly accounts = Array.from({ length: WALLETS }, (_, i) => String(FIRST_ACCOUNT + i));

  constructor(
    private readonly admin: Client,
    private readonly vault: AccountVault,
    private readonly ids: PaymentIds,
  ) {}

  /** So many order numbers for one's own use. @returns the first */
  reserve(count: number): number {
    const from = this.next;
    this.next += count;
    return from;
  }

  /** Wallets with money. Those of the bare statements are found by their number itself, which SQL alone can write. */
  async wallets(): Promise<void> {
    const plain = Array.from({ length: WALLETS }, (_, i) => Buffer.from(String(FIRST_PLAIN_ACCOUNT + i)));
    const indexes = [...this.accounts.map((account) => this.vault.index(account)), ...plain];
    const sealed = [...this.accounts.map((account) => this.vault.seal(account)), ...plain];
    const { rows } = await this.admin.query<{ first: string }>(
      `WITH opened AS (
         INSERT INTO payment.wallets (account_index, account_sealed, account_last4, money_balance, bank_balance)
         SELECT index, sealed, lpad((n % 10000)::text, 4, '0'), ${POT}, ${POT}
         FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS given (index, sealed, n)
         RETURNING id
       ), opening AS (
         INSERT INTO payment.transfers (kind, debit_account, credit_account, amount)
         SELECT 'opening', 'outside/sandbox', 'wallet/' || id || '/' || pot, ${POT}
         FROM opened, unnest(ARRAY['money', 'bank']) AS pot
       )
       SELECT min(id) AS first FROM opened`,
      [indexes, sealed],
    );
    this.firstWallet = Number(rows[0]?.first);
  }

  /** Merchants with a key each. @returns their cids and keys */
  async merchants(count: number): Promise<{ cids: string[]; keys: string[] }> {
    const numbers = Array.from({ length: count }, (_, i) => i);
    const cids = numbers.map((i) => `TCB${String(i).padStart(7, '0')}`);
    const keys = numbers.map((i) => `sk_test_bench_${i}`);
    const hashes = keys.map((key) => createHash('sha256').update(key).digest('hex'));
    await this.admin.query(
      `WITH given AS (
         SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (cid, hash, n)
       ), merchant AS (
         INSERT INTO affiliation.merchants (cid, business_no, opponent_name, store_phone, store_address1, store_address2,
                                            post_no, category_cd, created_at)
         SELECT cid, lpad(n::text, 10, '0'), $3, '02-2002-1111', '서울특별시 중구', '을지로 35', '04523', $4, now()
         FROM given
         RETURNING id, cid
       )
       INSERT INTO affiliation.secret_keys (hash, merchant_id) SELECT hash, id FROM merchant JOIN given USING (cid)`,
      [cids, hashes, ORDER.opponent_name, ORDER.category_cd],
    );
    return { cids, keys };
  }

  /** Authenticated payments that wait for their approval; those of several merchants by turns. */
  async authenticated(count: number, cids: readonly string[] = [CID]): Promise<Seeded> {
    return this.payments(count, cids, 'AUTHENTICATED');
  }

  /** Payments approved just now. */
  async approved(count: number): Promise<Seeded> {
    return this.payments(count, [CID], 'APPROVED');
  }

  /** Payments approved over the last month, the oldest first. */
  async history(count: number, progress: (done: number) => void): Promise<Seeded> {
    let all: Seeded | undefined;
    const { rows } = await this.admin.query<{ fillfactor: string }>(
      `SELECT option_value AS fillfactor FROM pg_class, pg_options_to_table(reloptions)
       WHERE oid = 'payment.payments'::regclass AND option_name = 'fillfactor'`,
    );
    await this.admin.query(`ALTER TABLE payment.payments SET (fillfactor = ${ENDED_FILLFACTOR})`);
    for (let done = 0; done < count; done += BATCH) {
      const seeded = await this.payments(Math.min(BATCH, count - done), [CID], 'APPROVED', done / count);
      all = { ...(all ?? seeded), count, lastId: seeded.lastId };
      progress(Math.min(count, done + BATCH));
    }
    await this.admin.query(`ALTER TABLE payment.payments SET (fillfactor = ${rows[0]?.fillfactor})`);
    await this.admin.query('VACUUM (ANALYZE)');
    if (all?.lastId !== (all?.firstId ?? 0) + count - 1) throw new Error('somebody else made payments meanwhile');
    return all;
  }

  /** A delivery log for the newest of these payments, as delivered at once. */
  async deliveries({ firstId, count }: Seeded, most: number): Promise<void> {
    await this.admin.query(
      `WITH delivery AS (
         INSERT INTO payment.webhook_deliveries (endpoint_id, cid, url, event_id, payment_id, sequence, type, status,
                                                 attempts_made, tries, claims, next_attempt_at, created_at)
         SELECT 0, cid, 'http://localhost:3000/webhooks', id, payment_id, sequence, type, 'delivered', 1, 1, 1, NULL, at
         FROM payment.events WHERE payment_id BETWEEN $1 AND $2 ORDER BY id
         RETURNING id, created_at
       )
       INSERT INTO payment.webhook_attempts (delivery_id, number, at, http_status, duration_ms, response)
       SELECT id, 1, created_at, 200, 12, 'ok' FROM delivery`,
      [firstId + Math.max(0, count - most), firstId + count - 1],
    );
    await this.admin.query('VACUUM (ANALYZE) payment.webhook_deliveries, payment.webhook_attempts');
  }

  /** The tids of so many of them, evenly spread. */
  tidsOf({ firstId, count }: Seeded, most = 5_000): string[] {
    const wanted = Math.min(count, most);
    return Array.from({ length: wanted }, (_, i) => this.ids.toTid(firstId + Math.floor((i * count) / wanted)));
  }

  /** @param age where in the history they begin, 0 to 1 */
  private async payments(
    count: number,
    cids: readonly string[],
    status: 'AUTHENTICATED' | 'APPROVED',
    age = 1,
  ): Promise<Seeded> {
    const from = this.reserve(count);
    const approved = status === 'APPROVED';
    const { admin } = this;
    await admin.query('BEGIN');
    await admin.query(`SET LOCAL session_replication_role = replica`);
    await admin.query(`SET LOCAL search_path = payment`);
    const { rows } = await admin.query<{ first: string; last: string }>(
      `WITH payment AS (
         INSERT INTO payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, member_id,
                               quantity, amount, wallet_id, balance, approval_url, cancel_url, fail_url, checkout_version,
                               status, sequence, payment_method_type, created_at, expires_at, authenticated_at,
                               approved_at, tran_dt)
         SELECT ($3::text[])[1 + n % cardinality($3::text[])], n::text, 1, $4, $5, $4, $6, $7, $8, $9,
                $10::bigint + n % ${WALLETS}, $11, $12, $13, $14, 1, $15, $16, 'MONEY', at, at + interval '1 day', at,
                CASE WHEN $17 THEN at END, CASE WHEN $17 THEN $18 END
         FROM generate_series($1::bigint, $1::bigint + $2 - 1) AS n,
              LATERAL (SELECT now() - ${HISTORY} * (1 - $19::float8) + (n - $1) * interval '1 microsecond' AS at) AS made
         ORDER BY n
         RETURNING id, cid, wallet_id, amount, created_at
       ), event AS (
         INSERT INTO events (payment_id, cid, sequence, type, status, amount, at)
         SELECT id, cid, sequence, type, status, amount, created_at
         FROM payment, (VALUES (1, 'payment.authenticated', 'AUTHENTICATED'), (2, 'payment.approved', 'APPROVED'))
                       AS change (sequence, type, status)
         WHERE sequence <= $16
         ORDER BY id, sequence
       ), capture AS (
         INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id, created_at)
         SELECT 'capture', 'wallet/' || wallet_id || '/money', 'merchant/' || cid, amount, id, created_at
         FROM payment WHERE $17
       ), expiry_check AS (
         INSERT INTO expiry_checks (payment_id, check_at)
         SELECT id, created_at + interval '1 day' FROM payment WHERE NOT $17
       ), taken AS (
         SELECT wallet_id, sum(amount) AS amount FROM payment GROUP BY wallet_id
       ), wallet AS (
         UPDATE wallets SET
           money_balance = money_balance - CASE WHEN $17 THEN amount ELSE 0 END,
           money_held = money_held + CASE WHEN $17 THEN 0 ELSE amount END
         FROM taken WHERE wallets.id = wallet_id
       )
       SELECT min(id) AS first, max(id) AS last FROM payment`,
      [
        from,
        count,
        cids,
        ORDER.opponent_name,
        ORDER.category_cd,
        ORDER.item_name,
        ORDER.member_id,
        ORDER.quantity,
        ORDER.amount,
        this.firstWallet,
        BALANCE,
        REDIRECTS.approval_url,
        REDIRECTS.cancel_url,
        REDIRECTS.fail_url,
        status,
        approved ? 2 : 1,
        approved,
        TRAN_DT,
        age,
      ],
    );
    await admin.query('COMMIT');
    return { from, count, firstId: Number(rows[0]?.first), lastId: Number(rows[0]?.last) };
  }
}
