import { ERRORS } from '@oneq/contracts';
import { anAffiliation, anApproval, anOrder, Shop } from './shop';

const KEY = { authorization: 'Bearer sk_test_oneq' };

describe('OneQ-Test-Code', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  }, 60_000);
  afterAll(() => shop.close());

  it.each(Object.entries(ERRORS))(
    'rehearses %s on any POST of a merchant, and nothing happens',
    async (code, { status }) => {
      const before = await shop.rowCount();
      const headers = { ...KEY, 'oneq-test-code': code, 'idempotency-key': 'rehearsed' };
      for (const [path, fields] of [
        ['/pay/store/token', anAffiliation()],
        ['/pay', anOrder()],
        ['/pay/success', {}],
        ['/pay/cancel', {}],
        ['/pay/net-cancel', { order_id: 'any', amount: '1' }],
      ] as const) {
        const answer = await shop.form(path, fields, headers);
        expect([answer.status, answer.body.code]).toEqual([status, code]);
      }
      expect(await shop.rowCount()).toBe(before);
      expect(await shop.rows('SELECT FROM payment.idempotency_keys')).toEqual([]);
    },
  );

  it('needs no key, and comes after type and size', async () => {
    const header = { 'oneq-test-code': 'PAYMENT_EXPIRED' };
    expect((await shop.form('/pay/cancel', {}, header)).body.code).toBe('PAYMENT_EXPIRED');
    expect((await shop.raw('/pay/cancel', 'text/plain', 'x', header)).status).toBe(415);
    expect((await shop.raw('/pay/cancel', 'application/json', '{', header)).status).toBe(400);
  });

  it('is refused when there is no such code', async () => {
    const answer = await shop.form('/pay', anOrder(), { 'oneq-test-code': 'NO_SUCH_CODE' });
    expect([answer.status, answer.body.errors]).toMatchObject([400, [{ field: 'OneQ-Test-Code' }]]);
  });

  it('rehearses a lost reply: the work is done, the answer is 504, and the same request settles it', async () => {
    const lost = { 'oneq-test-code': 'TIMEOUT_AFTER_COMMIT' };
    const order = anOrder();
    const prepared = await shop.form('/pay', order, lost);
    expect([prepared.status, prepared.body.code, prepared.body.outcome]).toEqual([504, 'UPSTREAM_TIMEOUT', 'unknown']);
    const { tid } = (await shop.form('/pay', order)).body;
    await shop.authenticate(String(tid));
    expect((await shop.form('/pay/success', anApproval(order), lost)).status).toBe(504);
    expect((await shop.get(`/pay/${tid}`, KEY)).body.status).toBe('APPROVED');
    expect((await shop.form('/pay/success', anApproval(order))).status).toBe(200);
  });

  it('answers the failure of work that fails', async () => {
    const answer = await shop.form('/pay/success', anApproval(anOrder()), { 'oneq-test-code': 'TIMEOUT_AFTER_COMMIT' });
    expect(answer.body.code).toBe('PAYMENT_NOT_FOUND');
  });

  it('is ignored where nothing is sent to be done', async () => {
    expect((await shop.get('/pay', { ...KEY, 'oneq-test-code': 'PAYMENT_EXPIRED' })).status).toBe(200);
  });

  it('is ignored in live mode', async () => {
    const live = await Shop.open({ mode: 'live' });
    try {
      const answer = await live.form('/pay/success', {}, { 'oneq-test-code': 'PAYMENT_EXPIRED' });
      expect(answer.body.code).toBe('SECRET_KEY_REQUIRED');
    } finally {
      await live.close();
    }
  }, 60_000);
});
