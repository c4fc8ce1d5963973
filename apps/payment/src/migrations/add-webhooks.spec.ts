import { connectAndMigrate, dataSourceOptions } from '@oneq/database';
import { databaseVariables, readEnvironment } from '@oneq/service-kit';
import { createTestDatabase } from '@oneq/testing';
import { CreateLedger } from './1767000000000-create-ledger';
import { AddCheckout } from './1768000000000-add-checkout';
import { AddCancellation } from './1769000000000-add-cancellation';
import { AddWebhooks } from './1770000000000-add-webhooks';

const BEFORE = [CreateLedger, AddCheckout, AddCancellation];

describe('a database from before the webhooks', () => {
  it('keeps its events, each with its merchant, in their order, and still refuses to change them', async () => {
    const { url } = await createTestDatabase('payment');
    const options = { schema: 'payment', entities: [] };
    const config = readEnvironment(databaseVariables, { DATABASE_URL: url });
    const before = await connectAndMigrate(dataSourceOptions({ ...options, migrations: BEFORE }, config));
    await before.query(`
      WITH wallet AS (
        INSERT INTO wallets (account_index, account_sealed, account_last4) VALUES ('i', 's', '6789') RETURNING id
      ), payment AS (
        INSERT INTO payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, member_id, quantity,
                              amount, wallet_id, balance, approval_url, cancel_url, fail_url, checkout_version, expires_at)
        SELECT cid, 'order', 1, '', 1, '', '', '', 1, 100, id, 0, '', '', '', 1, now()
        FROM wallet, unnest(ARRAY['TCONE00001', 'TCTWO00002']) cid RETURNING id
      )
      INSERT INTO events (payment_id, sequence, type, status, amount)
      SELECT id, n, 'payment.cancelled', 'CANCELLED', 100 FROM payment, generate_series(1, 2) n`);
    await before.destroy();
    const migrations = [...BEFORE, AddWebhooks];
    const after = await connectAndMigrate(dataSourceOptions({ ...options, migrations }, config));
    // Compared with the newest transaction, not the oldest that still runs: other databases of this server have some.
    const rows = await after.query(
      `SELECT events.cid = payments.cid AS own, xid < pg_snapshot_xmax(pg_current_snapshot()) AS past
       FROM events JOIN payments ON payments.id = payment_id`,
    );
    expect(rows).toEqual(Array(4).fill({ own: true, past: true }));
    await expect(after.query('UPDATE events SET amount = 1')).rejects.toThrow('append-only');
    await after.undoLastMigration();
    await after.destroy();
  });
});
