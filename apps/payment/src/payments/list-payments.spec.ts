import type { ListPaymentsQuery, PaymentRecord } from '@oneq/contracts';
import { PaymentService } from '../../test/service';
import { ListPayments } from './list-payments';
import { PaymentRecords } from './payment-records';

const CID = 'TCLIST0001';

describe("a merchant's payments", () => {
  let service: PaymentService;
  const tids: string[] = [];
  beforeAll(async () => {
    service = await PaymentService.start();
    for (let i = 0; i < 25; i += 1) tids.unshift((await service.prepared({ cid: CID, amount: 100 + i })).tid);
    await service.prepared({ cid: 'TCOTHER001' });
  });
  afterAll(() => service.stop());

  const list = (query: Partial<ListPaymentsQuery> = {}) =>
    service.module.get(ListPayments).list({ cid: CID, ...query });
  const tidsOf = (data: readonly PaymentRecord[]) => data.map(({ tid }) => tid);

  /** Every page of a list, from the first to the last. */
  async function walk(query: Partial<ListPaymentsQuery>): Promise<string[]> {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ ...query, cursor });
      found.push(...tidsOf(page.data));
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
    return found;
  }

  it('are listed newest first, twenty at a time, each once', async () => {
    const first = await list();
    expect(tidsOf(first.data)).toEqual(tids.slice(0, 20));
    const second = await list({ cursor: first.next_cursor ?? '' });
    expect(tidsOf(second.data)).toEqual(tids.slice(20));
    expect(second.next_cursor).toBeNull();
    for (const limit of [1, 5, 24, 25, 26, 100]) expect(await walk({ limit })).toEqual(tids);
  });

  it('have no further page after a full last one', async () => {
    expect((await list({ limit: 25 })).next_cursor).toBeNull();
  });

  it('stay in place while new ones arrive', async () => {
    const first = await list({ limit: 10 });
    tids.unshift((await service.prepared({ cid: CID })).tid);
    const second = await list({ limit: 10, cursor: first.next_cursor ?? '' });
    expect([...tidsOf(first.data), ...tidsOf(second.data)]).toEqual(tids.slice(1, 21));
  });

  it('are told apart when they were prepared in the same microsecond', async () => {
    const cid = 'TCLIST0002';
    for (let i = 0; i < 5; i += 1) await service.prepared({ cid });
    await service.admin.query('UPDATE payments SET created_at = now() WHERE cid = $1', [cid]);
    const found = await walk({ cid, limit: 2 });
    expect(new Set(found).size).toBe(5);
  });

  it('are found by order, also in several attempts', async () => {
    const { command, tid } = await service.prepared({ cid: CID });
    await service.end(tid, 'cancel');
    const again = await service.preparing.prepare(command);
    expect(await walk({ order_id: command.order_id, limit: 1 })).toEqual([again.tid, tid]);
    tids.unshift(again.tid, tid);
  });

  it('are found by status, however rare it is', async () => {
    const cid = 'TCLIST0003';
    const { tid } = await service.prepared({ cid });
    await service.end(tid, 'fail');
    // More than are looked at for one page.
    await service.admin.query(
      `INSERT INTO payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, member_id, quantity,
                             amount, wallet_id, balance, approval_url, cancel_url, fail_url, checkout_version, expires_at)
       SELECT cid, order_id || n, 1, merchant_name, category_cd, opponent_name, item_name, member_id, quantity,
              amount, wallet_id, balance, approval_url, cancel_url, fail_url, checkout_version, expires_at
       FROM payments, generate_series(1, 1200) n WHERE cid = $1`,
      [cid],
    );
    const first = await list({ cid, status: 'FAILED' });
    expect(first.data).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    expect(await walk({ cid, status: 'FAILED' })).toEqual([tid]);
    expect(await walk({ cid, status: 'EXPIRED' })).toEqual([]);
  });

  it('are found by time, both ends included', async () => {
    const cid = 'TCLIST0004';
    const times = [
      '2026-01-01 00:00:00+09',
      '2026-01-01 00:00:00.999+09',
      '2026-01-01 00:00:01+09',
      '2025-12-31 23:59:59+09',
    ];
    const found: Record<string, string> = {};
    for (const time of times) {
      const { command, tid } = await service.prepared({ cid });
      await service.admin.query('UPDATE payments SET created_at = $2 WHERE order_id = $1', [command.order_id, time]);
      found[time] = tid;
    }
    const second = { from: '2026.01.01 00:00:00', to: '2026.01.01 00:00:00' };
    expect(await walk({ cid, ...second })).toEqual([
      found['2026-01-01 00:00:00.999+09'],
      found['2026-01-01 00:00:00+09'],
    ]);
    expect(await walk({ cid, from: '2026.01.01 00:00:01' })).toEqual([found['2026-01-01 00:00:01+09']]);
    expect(await walk({ cid, to: '2025.12.31 23:59:59' })).toEqual([found['2025-12-31 23:59:59+09']]);
    expect(await walk({ cid, from: '2027.01.01 00:00:00' })).toEqual([]);
  });

  it.each(['x', 'MTIz', Buffer.from('1.0').toString('base64url'), '_'.repeat(100)])(
    'refuse the cursor %s',
    async (cursor) => {
      await expect(list({ cursor })).rejects.toMatchObject({
        code: 'INVALID_PARAMETER',
        extras: { errors: [{ field: 'cursor', code: 'INVALID_FORMAT' }] },
      });
    },
  );

  it('show what was prepared, with the account number but for its last four digits', async () => {
    const { command, tid } = await service.authenticated({
      cid: 'TCLIST0005',
      item_code: 'PIZZA-01',
      bank_acct_alias: '월급통장',
      payment_method_type: '계좌',
    });
    const { data } = await list({ cid: 'TCLIST0005' });
    const { merchant_name: _, ...prepared } = command;
    const time = expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/);
    const record = {
      ...prepared,
      tid,
      bank_acct_num: `********${command.bank_acct_num.slice(-4)}`,
      status: 'AUTHENTICATED',
      approved_amount: 0,
      cancelled_amount: 0,
      cancel_available_amount: 0,
      created_at: time,
      authenticated_at: time,
      approved_at: null,
      expires_at: time,
      tran_dt: null,
    };
    expect(data).toEqual([record]);
    const id = (await service.admin.query('SELECT id FROM payments WHERE order_id = $1', [command.order_id])).rows[0]
      .id;
    expect(await service.module.get(PaymentRecords).details(id)).toEqual({
      ...record,
      events: [{ type: 'payment.authenticated', at: time, amount: 16_000, sequence: 1 }],
    });
  });
});
