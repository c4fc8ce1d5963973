import { type Answer, anAffiliation, anOrder, type Fields, Shop, until } from './shop';

const KEY = { authorization: 'Bearer sk_test_oneq' };

describe('a merchant’s POST under an Idempotency-Key', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ paymentReplicas: 2 });
  }, 60_000);
  afterAll(() => shop.close());

  const under = (key: string): Fields => ({ ...KEY, 'idempotency-key': key });
  let counter = 0;
  const newKey = () => {
    counter += 1;
    return `key-${process.pid}-${counter}`;
  };
  const replayed = (answer: Answer) => answer.headers.get('idempotent-replayed');

  async function approved(): Promise<Fields> {
    const { tid, order } = await shop.prepare();
    await shop.authenticate(tid);
    await shop.approve(order);
    return order;
  }

  const cancel = (order: Fields, fields: Fields, headers: Fields) =>
    shop.form('/pay/cancel', { order_id: order.order_id ?? '', ...fields }, headers);

  it('refunds a part once, and gives the first answer again, byte for byte', async () => {
    const order = await approved();
    const key = newKey();
    const first = await cancel(order, { cancel_amount: '5000' }, under(key));
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      status: 'PARTIALLY_CANCELLED',
      cancelled_amount: 5_000,
      cancel_available_amount: 11_000,
    });
    expect(replayed(first)).toBeNull();
    await cancel(order, { cancel_amount: '1000' }, under(newKey()));
    const again = await cancel(order, { cancel_amount: '5000' }, under(key));
    expect(again.text).toBe(first.text);
    expect(replayed(again)).toBe('true');
    expect(await shop.wallet(order)).toMatchObject({ money_balance: 50_000 - 16_000 + 6_000 });
  });

  it('is needed for a part', async () => {
    const order = await approved();
    const { status, body } = await cancel(order, { cancel_amount: '5000' }, KEY);
    expect([status, body.code]).toEqual([400, 'IDEMPOTENCY_KEY_REQUIRED']);
    expect((await cancel(order, {}, KEY)).body).toMatchObject({ status: 'CANCELLED', cancelled_amount: 16_000 });
    expect((await cancel(order, {}, KEY)).body).toMatchObject({ status: 'CANCELLED' });
  });

  it('is the same request as form and as JSON, with unknown fields or without, the key in quotes or bare', async () => {
    const order = await approved();
    const key = newKey();
    const first = await cancel(order, { cancel_amount: '5000', cancel_reason: '고객 변심' }, under(key));
    const fields = { cancel_reason: ' 고객 변심 ', cancel_amount: 5_000, order_id: order.order_id, unknown: 1 };
    const again = await shop.json('/pay/cancel', fields, under(`"${key}"`));
    expect(again.text).toBe(first.text);
    expect(replayed(again)).toBe('true');
  });

  it('is refused with another request, and belongs to its merchant and route alone', async () => {
    const order = await approved();
    const key = newKey();
    await cancel(order, { cancel_amount: '5000' }, under(key));
    const other = await cancel(order, { cancel_amount: '6000' }, under(key));
    expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    const fields = { order_id: `unknown-${key}`, amount: '16000' };
    expect((await shop.form('/pay/net-cancel', fields, under(key))).status).toBe(200);
    const { body } = await shop.form('/pay/store/token', anAffiliation());
    const others = { authorization: `Bearer ${body.secret_key}`, 'idempotency-key': key };
    expect((await cancel(order, { cancel_amount: '5000' }, others)).body.code).toBe('PAYMENT_NOT_FOUND');
  });

  it('does not keep a refusal', async () => {
    const { tid, order } = await shop.prepare();
    const key = newKey();
    const approve = () => shop.form('/pay/success', approvalOf(order), under(key));
    expect((await approve()).body.code).toBe('PAYMENT_NOT_AUTHENTICATED');
    await shop.authenticate(tid);
    const first = await approve();
    expect(first.status).toBe(200);
    expect(replayed(first)).toBeNull();
    expect(replayed(await approve())).toBe('true');
  });

  it('prepares once, with the same URLs, of which nothing is stored', async () => {
    const order = anOrder();
    const key = newKey();
    const first = await shop.form('/pay', order, under(key));
    await cancel(order, {}, KEY);
    // Without the key this would be a new attempt at the order.
    const again = await shop.form('/pay', order, under(key));
    expect(again.text).toBe(first.text);
    const [kept] = await shop.rows<{ answers: string }>(
      `SELECT string_agg(answer::text, '') AS answers FROM payment.idempotency_keys`,
    );
    for (const url of [first.body.next_redirect_url, first.body.android_app_scheme]) {
      expect(kept?.answers).not.toContain(new URL(String(url)).searchParams.get('token'));
    }
  });

  it('is executed once by many at once: the others are told to wait, and find the same answer', async () => {
    const order = await approved();
    const key = newKey();
    const send = () => cancel(order, { cancel_amount: '1' }, under(key));
    const answers = await Promise.all(Array.from({ length: 30 }, send));
    const done = answers.filter(({ status }) => status === 200);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    for (const { status, body, headers } of answers) {
      if (status === 200) continue;
      expect([status, body.code, body.outcome, headers.get('retry-after')]).toEqual([
        409,
        'IDEMPOTENCY_KEY_IN_USE',
        'unknown',
        '1',
      ]);
    }
    await until(async () => (await send()).text === done[0]?.text);
    expect(await shop.wallet(order)).toMatchObject({ money_balance: 50_000 - 16_000 + 1 });
  });

  it.each(['', 'two words', '한글', 'x'.repeat(256)])('is refused as a key: %p', async (key) => {
    const answer = await shop.form(
      '/pay/cancel',
      { order_id: 'any' },
      under(encodeURI(key) === key ? key : 'caf\u00e9'),
    );
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ field: 'Idempotency-Key' }]]);
  });

  it('survives the death of the process that executes it', async () => {
    const orders = await Promise.all(Array.from({ length: 20 }, approved));
    const key = newKey();
    const answers: Promise<Answer>[] = orders.map((order, i) =>
      cancel(order, { cancel_amount: '100' }, under(`${key}-${i}`)),
    );
    const [victim] = shop.stack.processes().filter(({ name }) => name === 'payment');
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await Promise.all(answers);
    for (const [i, order] of orders.entries()) {
      await until(async () => (await cancel(order, { cancel_amount: '100' }, under(`${key}-${i}`))).status === 200);
      expect(await shop.wallet(order)).toMatchObject({ money_balance: 50_000 - 16_000 + 100 });
    }
  });
});

function approvalOf({
  cid = '',
  order_id = '',
  category_cd = '',
  item_name = '',
  member_id = '',
  amount = '',
}: Fields) {
  return { cid, order_id, category_cd, item_name, member_id, amount, tran_dt: '2016.11.15 21:18:22' };
}
