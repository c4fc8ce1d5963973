import { anApproval } from '@oneq/testing';
import { Client } from 'pg';
import { PaymentService } from '../../test/service';
import { CLOSE } from '../payments/close';
import { MerchantEvents } from './merchant-events';

describe('the feed of events', () => {
  let service: PaymentService;
  let others: Client[] = [];
  let cid: string;
  let merchants = 0;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());
  beforeEach(() => {
    merchants += 1;
    cid = `TCFEED${String(merchants).padStart(4, '0')}`;
  });
  afterEach(async () => {
    for (const client of others) await client.end();
    others = [];
  });

  const list = (query: { after?: string; limit?: number } = {}) =>
    service.module.get(MerchantEvents).list({ cid, ...query });

  /** Everything from `after` on, in pages. */
  async function walk(after?: string, limit = 3) {
    const found: Array<{ id: string; tid: string; sequence: number; type: string }> = [];
    let place = after;
    for (;;) {
      const page = await list({ after: place, limit });
      if (page.data.length === 0) return found;
      found.push(...page.data.map(({ id, type, data: { tid, sequence } }) => ({ id, type, tid, sequence })));
      place = page.next_after ?? undefined;
    }
  }

  /** Another session of the database. */
  async function session(): Promise<Client> {
    const { host, port, user, password, database } = service.admin;
    const client = new Client({ host, port, user, password: String(password ?? ''), database });
    await client.connect();
    await client.query('SET search_path = payment');
    others.push(client);
    return client;
  }

  /** Cancels a payment in a transaction that stays open. */
  async function cancelIn(client: Client, orderId: string): Promise<void> {
    const { rows } = await service.admin.query('SELECT id FROM payments WHERE order_id = $1', [orderId]);
    await client.query('BEGIN');
    const values = [rows[0].id, 'CANCELLED', 'payment.cancelled', 'in time', null, false, null, null];
    await client.query({ text: CLOSE.text, values });
  }

  it('is empty for a merchant without events', async () => {
    expect(await list()).toEqual({ data: [], next_after: null });
  });

  it('goes on from the last event, as often as asked, and stays there at the end', async () => {
    for (let i = 0; i < 4; i += 1) await service.approved({ cid });
    await service.feedIsCurrent();
    const all = await list();
    expect(all.data).toHaveLength(8);
    expect(all.next_after).toBe(all.data[7]?.id);
    for (const limit of [1, 3, 8, 100])
      expect((await walk(undefined, limit)).map(({ id }) => id)).toEqual(all.data.map(({ id }) => id));
    expect(await list({ after: all.data[5]?.id })).toEqual({ data: all.data.slice(6), next_after: all.data[7]?.id });
    expect(await list({ after: all.data[7]?.id })).toEqual({ data: [], next_after: all.data[7]?.id });
  });

  it('tells the payment as it was, whatever came later', async () => {
    const { command } = await service.authenticated({ cid, payment_method_type: '계좌' });
    await service.feedIsCurrent();
    const then = (await list()).data[0];
    await service.approving.approve(anApproval(command));
    await service.cancel(command);
    await service.feedIsCurrent();
    expect((await list()).data[0]).toEqual(then);
    expect(then?.data).toMatchObject({ status: 'AUTHENTICATED', payment_method_type: '계좌', approved_at: null });
  });

  it('passes by no event that commits late', async () => {
    const late = await service.prepared({ cid });
    const early = await service.prepared({ cid });
    const [first, second] = [await session(), await session()];
    await cancelIn(first, late.command.order_id);
    await cancelIn(second, early.command.order_id);
    await second.query('COMMIT');
    // The second one is there, but the first may still come before it.
    expect(await walk()).toEqual([]);
    await first.query('COMMIT');
    await service.feedIsCurrent();
    const found = await walk();
    expect(found.map(({ tid }) => tid)).toEqual([late.tid, early.tid]);
  });

  it('passes by none that took its number first and its transaction last', async () => {
    const one = await service.prepared({ cid });
    const two = await service.prepared({ cid });
    const [first, second] = [await session(), await session()];
    await second.query('BEGIN');
    await second.query('SELECT pg_current_xact_id()');
    await cancelIn(first, one.command.order_id);
    await first.query('COMMIT');
    expect(await walk()).toEqual([]); // the second has the lower transaction
    const { rows } = await service.admin.query('SELECT id FROM payments WHERE order_id = $1', [two.command.order_id]);
    const values = [rows[0].id, 'CANCELLED', 'payment.cancelled', 'in time', null, false, null, null];
    await second.query({ text: CLOSE.text, values });
    await second.query('COMMIT');
    await service.feedIsCurrent();
    expect((await walk()).map(({ tid }) => tid)).toEqual([two.tid, one.tid]);
  });

  it('has no gap for who reads while many write', async () => {
    const payments = await Promise.all(Array.from({ length: 60 }, () => service.prepared({ cid })));
    const seen: string[] = [];
    let after: string | undefined;
    let writing = true;
    const read = async () => {
      for (;;) {
        const last = !writing;
        const page = await list({ after, limit: 7 });
        seen.push(...page.data.map(({ data: { tid, sequence } }) => `${tid}/${sequence}`));
        after = page.next_after ?? undefined;
        if (last && page.data.length === 0) return;
      }
    };
    const write = async () => {
      await Promise.all(
        payments.map(async ({ tid, command }) => {
          await service.authenticating.authenticate({ tid });
          await service.approving.approve(anApproval(command));
          await service.cancel(command, { cancel_amount: 1_000 });
        }),
      );
      await service.feedIsCurrent();
      writing = false;
    };
    await Promise.all([read(), write()]);
    const expected = payments.flatMap(({ tid }) => [1, 2, 3].map((sequence) => `${tid}/${sequence}`));
    expect([...seen].sort()).toEqual(expected.sort());
    for (const { tid } of payments) {
      const sequences = seen.filter((event) => event.startsWith(`${tid}/`)).map((event) => Number(event.split('/')[1]));
      expect(sequences).toEqual([1, 2, 3]);
    }
  });

  it('goes back ninety days', async () => {
    await service.authenticated({ cid });
    const { command } = await service.authenticated({ cid });
    await service.admin.query('ALTER TABLE events DISABLE TRIGGER events_are_never_changed');
    await service.admin.query(
      `UPDATE events SET at = at - interval '91 days' WHERE id = (SELECT min(id) FROM events WHERE cid = $1)`,
      [cid],
    );
    await service.admin.query('ALTER TABLE events ENABLE TRIGGER events_are_never_changed');
    await service.feedIsCurrent();
    expect((await list()).data.map(({ data }) => data.order_id)).toEqual([command.order_id]);
  });

  it('refuses a place that is none of this merchant’s', async () => {
    await service.authenticated({ cid });
    await service.feedIsCurrent();
    const [own] = (await list()).data;
    if (!own) throw new Error('no event');
    const elsewhere = () => service.module.get(MerchantEvents).list({ cid: 'TCOTHER001', after: own.id });
    await expect(elsewhere()).rejects.toMatchObject({ code: 'INVALID_PARAMETER' });
    for (const after of ['evt_1', 'evt_x', own.id.replace('evt', 'whd'), own.id.replace('_', '_0')]) {
      await expect(list({ after })).rejects.toMatchObject({
        code: 'INVALID_PARAMETER',
        extras: { errors: [{ field: 'after', code: 'INVALID_FORMAT' }] },
      });
    }
  });

  it('fits into a message, a hundred of the largest payments too', async () => {
    const text = '🍕'.repeat(100);
    const url = `http://shop.example/${'x'.repeat(235)}`;
    for (let i = 0; i < 60; i += 1) {
      await service.authenticated({
        cid,
        member_id: text,
        item_name: text + text,
        opponent_name: text,
        item_code: text,
        approval_url: url,
        cancel_url: url,
        fail_url: url,
      });
    }
    await service.feedIsCurrent();
    const page = await list({ limit: 100 });
    expect(page.data).toHaveLength(60);
    const NATS_MAX = 1_000_000; // deploy/nats.conf
    expect((Buffer.byteLength(JSON.stringify(page)) * 100) / 60).toBeLessThan(NATS_MAX);
  });
});
