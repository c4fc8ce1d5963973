import { createHash, randomBytes } from 'node:crypto';
import { Authenticate, CancelByPayer, ChargeWallet, ExpireNow, FailByPayer } from '@oneq/contracts';
import { natsOptions } from '@oneq/service-kit';
import { connect as connectNats } from 'nats';
import { anOrder, type Fields, Shop } from '../e2e/shop';

/** What is for practice ends where money is real. */
describe('live mode', () => {
  let shop: Shop;
  const cid = 'CC0SECURE0';
  const secret = `sk_live_${randomBytes(32).toString('base64url')}`;
  const key = { authorization: `Bearer ${secret}` };
  beforeAll(async () => {
    shop = await Shop.open({ mode: 'live' });
    await shop.rows(
      `WITH merchant AS (
         INSERT INTO affiliation.merchants (cid, business_no, opponent_name, store_phone, store_address1, store_address2, category_cd, created_at)
         VALUES ($1, '2208162517', '원큐피자', '0220021111', '서울', '을지로', 552101, now()) RETURNING id)
       INSERT INTO affiliation.secret_keys (hash, merchant_id) SELECT $2, id FROM merchant`,
      [cid, createHash('sha256').update(secret).digest('hex')],
    );
  }, 60_000);
  afterAll(() => shop?.close());

  const https = {
    approval_url: 'https://shop.example/a',
    cancel_url: 'https://shop.example/c',
    fail_url: 'https://shop.example/f',
  };

  it('has no sandbox helper, with or without a key', async () => {
    for (const headers of [{}, key] as Fields[]) {
      for (const [method, path] of [
        ['POST', '/sandbox/payments/1/authenticate'],
        ['POST', '/sandbox/payments/1/expire'],
        ['GET', '/sandbox/wallets/110123456789'],
        ['POST', '/sandbox/wallets/110123456789/charge'],
      ] as const) {
        const answer = await shop.request(method, path, { headers });
        expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
      }
    }
  });

  it('answers no message that acts as the payer, the bank or the clock, whoever sends it', async () => {
    const nats = await connectNats(natsOptions(shop.stack.natsUrl, 'test'));
    try {
      for (const { subject } of [Authenticate, CancelByPayer, FailByPayer, ExpireNow, ChargeWallet]) {
        await expect(nats.request(subject, '{}', { timeout: 2_000 })).rejects.toMatchObject({ code: '503' }); // nobody listens
      }
    } finally {
      await nats.close();
    }
  });

  it('ignores test codes: the request means what it says', async () => {
    const code = { ...key, 'oneq-test-code': 'INTERNAL_ERROR' };
    expect((await shop.form('/pay', anOrder({ cid, ...https }), code)).body.code).toBe('WALLET_NOT_FOUND');
    expect((await shop.form('/pay/cancel', { tid: '1' }, code)).body.code).toBe('PAYMENT_NOT_FOUND');
  });

  it('knows neither the built-in merchant nor its key, and takes nothing without one', async () => {
    expect((await shop.get('/pay', { authorization: 'Bearer sk_test_oneq' })).body.code).toBe('SECRET_KEY_INVALID');
    expect((await shop.form('/pay', anOrder({ cid, ...https }))).body.code).toBe('SECRET_KEY_REQUIRED');
    expect((await shop.form('/pay', anOrder({ ...https }), key)).body.code).toBe('MERCHANT_NOT_FOUND');
  });

  it('sends payers to https addresses only', async () => {
    for (const field of Object.keys(https)) {
      const answer = await shop.form('/pay', anOrder({ cid, ...https, [field]: 'http://shop.example/' }), key);
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toMatchObject([{ field, code: 'INVALID_FORMAT' }]);
    }
  });
});
