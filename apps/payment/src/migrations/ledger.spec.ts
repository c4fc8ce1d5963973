import { PAYMENT_EVENT_TYPES, PAYMENT_METHOD_TYPES, PAYMENT_STATUSES } from '@oneq/contracts';
import { PaymentService } from '../../test/service';

describe('the ledger in the database', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
    await service.authenticated({ balance: 50_000 });
  });
  afterAll(() => service.stop());

  it.each([
    ['money_balance_not_below_zero', 'UPDATE wallets SET money_held = 0, money_balance = -1'],
    ['money_held_not_above_balance', 'UPDATE wallets SET money_balance = money_held - 1'],
    ['money_held_not_below_zero', 'UPDATE wallets SET money_held = -1'],
    ['bank_balance_not_below_zero', 'UPDATE wallets SET bank_balance = -1'],
    ['bank_held_not_above_balance', 'UPDATE wallets SET bank_held = bank_balance + 1'],
    ['bank_held_not_below_zero', 'UPDATE wallets SET bank_held = -1'],
    ['amount_above_zero', 'UPDATE payments SET amount = 0'],
    ['refunds_never_above_the_amount', 'UPDATE payments SET cancelled_amount = amount + 1, approved_at = now()'],
    ['only_what_was_approved_is_refunded', 'UPDATE payments SET cancelled_amount = 1'],
    [
      'partly_cancelled_has_a_part_left',
      `UPDATE payments SET status = 'PARTIALLY_CANCELLED', approved_at = now(), tran_dt = ''`,
    ],
    [
      'cancelled_has_nothing_left',
      `UPDATE payments SET status = 'CANCELLED', finished_at = now(), approved_at = now(), cancelled_amount = 1`,
    ],
    ['status_is_known', `UPDATE payments SET status = 'PAID'`],
    ['approved_has_a_time', `UPDATE payments SET status = 'APPROVED'`],
    ['finished_has_a_time', `UPDATE payments SET status = 'CANCELLED'`],
    ['ready_has_no_method', `UPDATE payments SET status = 'READY'`],
    ['methods_are_known', `UPDATE payments SET payment_method_type = 'CARD'`],
    ['top_up_within_the_amount', 'UPDATE payments SET top_up_amount = amount + 1'],
    ['only_pay_money_is_topped_up', `UPDATE payments SET payment_method_type = '계좌', top_up_amount = 1`],
    ['paid_with_a_permitted_method', `UPDATE payments SET permitted_method_type = '계좌'`],
    ['authenticated_has_a_method_and_time', 'UPDATE payments SET authenticated_at = NULL'],
    [
      'transfer_amount_above_zero',
      `INSERT INTO transfers (kind, debit_account, credit_account, amount) VALUES ('opening', 'a', 'b', 0)`,
    ],
    [
      'money_moves_between_two_accounts',
      `INSERT INTO transfers (kind, debit_account, credit_account, amount) VALUES ('opening', 'a', 'a', 1)`,
    ],
    [
      'payment_is_named',
      `INSERT INTO transfers (kind, debit_account, credit_account, amount) VALUES ('capture', 'a', 'b', 1)`,
    ],
    [
      'charge_and_refund_have_a_reference',
      `INSERT INTO transfers (kind, debit_account, credit_account, amount) VALUES ('charge', 'a', 'b', 1)`,
    ],
    [
      'one_event_per_sequence',
      `INSERT INTO events (payment_id, cid, sequence, type, status, amount) SELECT payment_id, cid, sequence, type, status, amount FROM events`,
    ],
  ])('never breaks %s, whoever writes', async (constraint, sql) => {
    await expect(service.admin.query(sql)).rejects.toMatchObject({ constraint });
  });

  it('has one capture a payment', async () => {
    const capture = `INSERT INTO transfers (kind, debit_account, credit_account, amount, payment_id) SELECT 'capture', 'a', 'b', 1, id FROM payments`;
    await service.admin.query('BEGIN');
    await service.admin.query(capture);
    await expect(service.admin.query(capture)).rejects.toMatchObject({ constraint: 'one_capture_per_payment' });
    await service.admin.query('ROLLBACK');
  });

  it.each(['transfers', 'events'])('is append-only in %s', async (table) => {
    for (const sql of [
      `UPDATE ${table} SET amount = amount + 1`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table} CASCADE`,
    ]) {
      await expect(service.admin.query(sql)).rejects.toThrow(/append-only/);
    }
  });

  it('knows the same words as the contract', async () => {
    const { rows } = await service.admin.query(
      `SELECT conname, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       WHERE conname IN ('status_is_known', 'event_type_is_known', 'methods_are_known')`,
    );
    const words = Object.fromEntries(
      rows.map(({ conname, definition }) => [
        conname,
        new Set([...definition.matchAll(/'([^']+)'/g)].map(([, word]) => word)),
      ]),
    );
    expect(words).toEqual({
      status_is_known: new Set(PAYMENT_STATUSES),
      event_type_is_known: new Set(PAYMENT_EVENT_TYPES),
      methods_are_known: new Set(PAYMENT_METHOD_TYPES),
    });
  });
});
