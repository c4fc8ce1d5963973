import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from 'pg';
import { PaymentService } from '../apps/payment/test/service';
import { audit, moneyFindings } from './audit';
import { type JournalLine, journalFindings } from './journal';

const PAYMENT = `(SELECT min(id) FROM payments WHERE status = 'APPROVED')`;
const insertTransfer = (kind: string, from: string, to: string, amount: string, payment: string | null) => `
  INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id, reference)
  VALUES ('${kind}', ${from}, ${to}, ${amount}, ${payment}, ${kind === 'refund' || kind === 'charge' ? 'gen_random_uuid()' : 'NULL'})`;

/** What breaks each invariant, by its file; the constraints and triggers that forbid it are taken away first. */
const BREACHES: Readonly<Record<string, string>> = {
  'every-approved-payment-has-exactly-one-capture-of-its-amount': `DELETE FROM transfers WHERE kind = 'capture' AND payment_id = ${PAYMENT}`,
  'no-payment-is-captured-without-an-approval': insertTransfer(
    'capture',
    `'wallet/1/money'`,
    `'merchant/TC0ONETIME'`,
    '1',
    `(SELECT min(id) FROM payments WHERE status = 'READY')`,
  ),
  'wallet-balances-equal-their-transfers': 'UPDATE wallets SET money_balance = money_balance + 1 WHERE id = 1',
  'holds-equal-open-authentications': 'UPDATE wallets SET money_held = money_held + 1 WHERE id = 1',
  'nothing-is-below-zero': 'UPDATE wallets SET bank_balance = -1 WHERE id = 1',
  'refunds-never-exceed-the-approved-amount': insertTransfer(
    'refund',
    `'merchant/TC0ONETIME'`,
    `'wallet/1/money'`,
    '16001',
    PAYMENT,
  ),
  'refunds-go-back-to-the-pot-that-paid': insertTransfer(
    'refund',
    `'merchant/TC0ONETIME'`,
    `'wallet/9999/money'`,
    '1',
    PAYMENT,
  ),
  'top-ups-are-what-the-payer-agreed-to': `UPDATE payments SET top_up_amount = 1 WHERE id = ${PAYMENT}`,
  'one-terminal-state-per-payment': `UPDATE payments SET status = 'FAILED', finished_at = now() WHERE id = ${PAYMENT}`,
  'one-event-per-change-without-gaps': `DELETE FROM events WHERE payment_id = ${PAYMENT} AND sequence = 1`,
  'no-order-has-two-live-payments': `UPDATE payments SET order_id = (SELECT order_id FROM payments WHERE id = ${PAYMENT}), attempt = 2
    WHERE id = (SELECT min(id) FROM payments WHERE status = 'READY')`,
  'money-is-neither-made-nor-lost': insertTransfer('charge', `'outside/sandbox'`, `'nowhere'`, '1', null),
};

describe('the audit', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
    await service.prepared();
    await service.authenticated();
    await service.authenticated({ payment_method_type: '계좌' });
    await service.approved();
    const refunded = await service.approved();
    await service.cancel(refunded.command, { cancel_amount: 5_000 });
    await service.cancel((await service.approved()).command);
    await service.cancel((await service.authenticated()).command);
    await service.closing.expireNow((await service.prepared()).tid);
  });
  afterAll(() => service.stop());

  it('finds nothing where every command went through the service', async () => {
    for (const { invariant, broken } of await audit(service.admin))
      expect([invariant, broken]).toEqual([invariant, []]);
  });

  it('knows a breach of each of its invariants', () => {
    const files = readdirSync(path.join(__dirname, 'invariants')).map((file) => path.basename(file, '.sql'));
    expect(files.sort()).toEqual(Object.keys(BREACHES).sort());
  });

  it.each(Object.entries(BREACHES))('finds the breach of %s', async (file, breach) => {
    const { admin } = service;
    const sentence = /^-- (.*)$/m.exec(await readFile(path.join(__dirname, 'invariants', `${file}.sql`), 'utf8'))?.[1];
    await admin.query('BEGIN');
    try {
      await dropGuards(admin);
      await admin.query(breach);
      const found = (await moneyFindings(admin)).find(({ invariant }) => invariant === sentence);
      expect(found?.broken.length).toBeGreaterThan(0);
    } finally {
      await admin.query('ROLLBACK');
    }
  });

  it('compares the answers that a client wrote down', async () => {
    const { command } = await service.approved();
    const { cid, order_id } = command;
    const line = (changes: Partial<JournalLine>): JournalLine => ({
      call: 'approve',
      cid,
      order_id,
      amount: 16_000,
      ...changes,
    });
    await service.cancel(command, { cancel_amount: 3_000 });
    const told = [
      line({ call: 'prepare' }),
      line({ call: 'authenticate' }),
      line({}),
      line({}),
      line({ call: 'refund', amount: 3_000, reference: 'a' }),
      line({ call: 'refund', amount: 3_000, reference: 'a' }),
    ];
    const broken = async (lines: JournalLine[]) =>
      (await journalFindings(service.admin, lines)).flatMap((finding) => finding.broken);
    expect(await broken(told)).toEqual([]);
    expect(await broken([line({ order_id: 'never' })])).toHaveLength(1);
    expect(await broken([line({ amount: 15_999 })])).toHaveLength(1);
    expect(await broken([line({ call: 'refund', amount: 2_999, reference: 'a' })])).toHaveLength(1);
    expect(await broken([line({ call: 'authenticate', order_id: 'never' })])).toHaveLength(1);
  });
});

/** What the database refuses by itself would never come before the audit. */
async function dropGuards(client: Client): Promise<void> {
  await client.query(`
    SET LOCAL session_replication_role = replica;
    DO $$
    DECLARE one record;
    BEGIN
      FOR one IN
        SELECT conname, conrelid::regclass AS owner FROM pg_constraint
        WHERE connamespace = 'payment'::regnamespace AND contype = 'c'
      LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.owner, one.conname);
      END LOOP;
    END $$`);
}
