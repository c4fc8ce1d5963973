import { anAffiliation, Shop } from './shop';

const KEY = { authorization: 'Bearer sk_test_oneq' };

describe("a merchant's own calls", () => {
  let shop: Shop;
  let otherKey: { authorization: string };
  beforeAll(async () => {
    shop = await Shop.open();
    const { body } = await shop.form('/pay/store/token', anAffiliation());
    otherKey = { authorization: `Bearer ${body.secret_key}` };
  }, 60_000);
  afterAll(() => shop.close());

  it('need the key, in sandbox mode too', async () => {
    const { tid, order } = await shop.prepare();
    for (const answer of [
      await shop.get(`/pay/${tid}`),
      await shop.get('/pay'),
      await shop.form('/pay/net-cancel', { order_id: order.order_id ?? '', amount: '16000' }),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe('SECRET_KEY_REQUIRED');
    }
  });

  it('tell a payment with its history', async () => {
    const { tid, order } = await shop.prepare();
    await shop.authenticate(tid);
    await shop.approve(order);
    const { status, body } = await shop.get(`/pay/${tid}`, KEY);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      tid,
      cid: 'TC0ONETIME',
      status: 'APPROVED',
      item_name: '고구마피자',
      bank_acct_num: `********${order.bank_acct_num?.slice(-4)}`,
      approved_amount: 16_000,
      cancel_available_amount: 16_000,
      expires_at: null,
      tran_dt: '2016.11.15 21:18:22',
    });
    expect((body.events as Array<{ type: string }>).map(({ type }) => type)).toEqual([
      'payment.authenticated',
      'payment.approved',
    ]);
  });

  it('tell another merchant nothing: its answers are those for what does not exist', async () => {
    const { tid, order } = await shop.prepare();
    const theirs = await shop.get(`/pay/${tid}`, otherKey);
    const nobodys = await shop.get('/pay/1', otherKey);
    const { trace_id: _, instance: __, ...told } = theirs.body;
    expect(theirs.status).toBe(404);
    expect(nobodys.body).toMatchObject(told);
    expect((await shop.get(`/pay?order_id=${order.order_id}`, otherKey)).body).toEqual({ data: [], next_cursor: null });
    const fields = { order_id: order.order_id ?? '', amount: '16000' };
    expect((await shop.form('/pay/net-cancel', fields, otherKey)).body).toEqual({
      result: 'NOT_APPROVED',
      payment: null,
    });
    expect((await shop.form('/pay/net-cancel', { ...fields, cid: 'TC0ONETIME' }, otherKey)).body.code).toBe(
      'MERCHANT_NOT_FOUND',
    );
    expect((await shop.get(`/pay/${tid}`, KEY)).body.status).toBe('READY');
  });

  it.each(['/pay/x', '/pay/12345678901234567', '/pay/-1'])('know no payment of the address %s', async (path) => {
    expect((await shop.get(path, KEY)).body.code).toBe('NOT_FOUND');
  });

  it('list payments page by page', async () => {
    const first = await shop.prepare();
    const second = await shop.prepare();
    const newest = await shop.get('/pay?limit=1', KEY);
    expect(newest.body).toMatchObject({ data: [{ tid: second.tid }], next_cursor: expect.any(String) });
    expect((newest.body.data as object[])[0]).not.toHaveProperty('events');
    const next = await shop.get(`/pay?limit=1&cursor=${newest.body.next_cursor}`, KEY);
    expect(next.body).toMatchObject({ data: [{ tid: first.tid }] });
  });

  it('are documented, the filters of the list too', async () => {
    const { body } = await shop.get('/openapi.json');
    const paths = body.paths as Record<string, Record<string, { parameters: Array<{ name: string }> }>>;
    expect(paths['/pay']?.get?.parameters.map(({ name }) => name).sort()).toEqual(
      ['cid', 'cursor', 'from', 'limit', 'order_id', 'status', 'to'].sort(),
    );
  });

  it('refuse a list that makes no sense, all faulty fields at once', async () => {
    const { status, body } = await shop.get('/pay?limit=0&status=PAID&from=yesterday&order_id=a&order_id=b', KEY);
    expect(status).toBe(400);
    expect(
      (body.errors as Array<{ field: string; code: string }>).map(({ field, code }) => [field, code]).sort(),
    ).toEqual([
      ['from', 'INVALID_FORMAT'],
      ['limit', 'OUT_OF_RANGE'],
      ['order_id', 'DUPLICATED'],
      ['status', 'INVALID_FORMAT'],
    ]);
  });

  it.each([
    ['order_id=%', 'order_id'],
    ['order_id=%FF', 'order_id'],
    ['<b>=1&<b>=2', ''],
  ])('read a query as strictly as a form, and echo nothing of it: %s', async (query, field) => {
    const { status, body, text } = await shop.get(`/pay?${query}`, KEY);
    expect([status, body.errors]).toMatchObject([400, [{ field }]]);
    expect(text).not.toContain('<b>');
  });

  it('undo an approval that the merchant does not know of', async () => {
    const { tid, order } = await shop.prepare();
    await shop.authenticate(tid);
    await shop.approve(order);
    const fields = { order_id: order.order_id ?? '', amount: '16000' };
    const undone = await shop.form('/pay/net-cancel', fields, KEY);
    expect(undone.body).toMatchObject({
      result: 'CANCELLED',
      payment: { tid, status: 'CANCELLED', cancelled_amount: 16_000 },
    });
    expect((await shop.form('/pay/net-cancel', fields, KEY)).body).toMatchObject({ result: 'ALREADY_CANCELLED' });
    expect((await shop.approve(order)).body.code).toBe('PAYMENT_CANCELLED');
    expect(await shop.wallet(order)).toMatchObject({ money_balance: 50_000, money_held: 0 });
  });
});
