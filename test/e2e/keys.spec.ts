import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { operate } from './operator';
import { type Answer, anAffiliation, anOrder, Shop } from './shop';

/** A command is a process of its own, which takes seconds on a busy machine. */
jest.setTimeout(90_000);

const bearer = (key: unknown) => ({ authorization: `Bearer ${key}` });

/** A new merchant of the sandbox. */
async function merchant(shop: Shop): Promise<{ cid: string; key: string }> {
  const { body } = await shop.form('/pay/store/token', anAffiliation());
  return { cid: String(body.cid), key: String(body.secret_key) };
}

describe('keys and operators, in the sandbox', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  }, 60_000);
  afterAll(() => shop?.close());

  it('shows a merchant its record, with the secret that signs its redirects', async () => {
    const fields = anAffiliation({ post_no: '04523' });
    const affiliated = await shop.form('/pay/store/token', fields);
    const { status, body } = await shop.get('/pay/store', bearer(affiliated.body.secret_key));
    expect(status).toBe(200);
    expect(body).toEqual({
      cid: affiliated.body.cid,
      status: 'active',
      redirect_secret: expect.stringMatching(/^rs_/),
      ...fields,
      category_cd: 552303,
      created_at: affiliated.body.created_at,
      approved_at: affiliated.body.approved_at,
    });
    expect((await shop.get('/pay/store', bearer('sk_test_oneq'))).body).toMatchObject({
      cid: 'TC0ONETIME',
      business_no: null,
    });
    expect((await shop.get('/pay/store')).body.code).toBe('SECRET_KEY_REQUIRED');
    expect((await shop.form('/pay/store/key')).body.code).toBe('SECRET_KEY_REQUIRED');
  });

  it('gives a merchant a new key beside its old one', async () => {
    const { key } = await merchant(shop);
    const { status, body } = await shop.form('/pay/store/key', {}, bearer(key));
    expect(status).toBe(200);
    expect(body).toEqual({
      secret_key: expect.stringMatching(/^sk_test_[A-Za-z0-9_-]{43}$/),
      old_keys_expire_at: expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/),
    });
    for (const good of [key, body.secret_key]) expect((await shop.get('/pay/store', bearer(good))).status).toBe(200);
  });

  it('ends the old key as soon as the new one is used, with expire_now', async () => {
    const { key } = await merchant(shop);
    const { body } = await shop.form('/pay/store/key', { expire_now: 'true' }, bearer(key));
    expect(body.old_keys_expire_at).toBeNull();
    expect((await shop.get('/pay/store', bearer(key))).status).toBe(200);
    expect((await shop.get('/pay/store', bearer(body.secret_key))).status).toBe(200);
    expect((await shop.get('/pay/store', bearer(key))).body.code).toBe('SECRET_KEY_INVALID');
  });

  it('does not touch the built-in merchant, and reads expire_now strictly', async () => {
    expect(await shop.form('/pay/store/key', {}, bearer('sk_test_oneq'))).toMatchObject({
      status: 403,
      body: { code: 'BUILT_IN_MERCHANT' },
    });
    expect((await shop.form('/pay/store/key', { expire_now: 'yes' }, bearer('sk_test_oneq'))).body).toMatchObject({
      code: 'INVALID_PARAMETER',
      errors: [{ field: 'expire_now', code: 'INVALID_FORMAT' }],
    });
  });

  it('names the usual mistakes with a key, in both languages, and never repeats it', async () => {
    const english = { 'accept-language': 'en' };
    const detail = async (authorization: string, headers = {}) => {
      const { status, body, text } = await shop.get('/pay/store', { authorization, ...headers });
      expect([status, body.code]).toEqual([401, 'SECRET_KEY_INVALID']);
      expect(text).not.toContain('c2VjcmV0');
      return body.detail;
    };
    expect(await detail('Basic c2VjcmV0')).toContain('Basic 인증은 지원하지 않습니다');
    expect(await detail('sk_test_c2VjcmV0', english)).toContain('lacks the word Bearer');
    expect(await detail('Bearer sk_live_c2VjcmV0')).toContain('샌드박스');
    expect(await detail('Bearer whsec_c2VjcmV0', english)).toContain('webhook secret');
  });

  it('suspends, limits and resumes a merchant, which every gateway knows at once', async () => {
    const { cid, key } = await merchant(shop);
    const prepare = (amount = '16000') => shop.form('/pay', anOrder({ cid, amount }), bearer(key));
    expect((await prepare()).status).toBe(200);
    expect(await operate(shop, ['suspend', cid])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('suspended'),
    });
    expect((await prepare()).body.code).toBe('MERCHANT_SUSPENDED');
    expect((await shop.get('/pay/store', bearer(key))).body.status).toBe('suspended');
    expect((await operate(shop, ['resume', cid])).code).toBe(0);
    expect((await prepare()).status).toBe(200);
    expect((await operate(shop, ['limit', cid, '--payment-max', '15999'])).code).toBe(0);
    expect(await prepare()).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'amount', code: 'OUT_OF_RANGE', detail: '1 이상 15,999 이하여야 합니다.' }] },
    });
    expect((await prepare('15999')).status).toBe(200);
    await operate(shop, ['limit', cid, '--payment-max', 'none']);
    expect((await prepare()).status).toBe(200);
  });

  it('reissues a lost key: the new one works, all others end at once', async () => {
    const { cid, key } = await merchant(shop);
    expect((await shop.get('/pay/store', bearer(key))).status).toBe(200);
    const { code, stdout } = await operate(shop, ['reissue-key', cid, '--json']);
    expect(code).toBe(0);
    const issued = JSON.parse(stdout);
    expect(issued).toEqual({ cid, secret_key: expect.stringMatching(/^sk_test_/) });
    expect((await shop.get('/pay/store', bearer(key))).status).toBe(401);
    expect((await shop.get('/pay/store', bearer(issued.secret_key))).status).toBe(200);
  });

  it('refuses in words, with an exit code', async () => {
    expect(await operate(shop, ['merchant', 'TCNOBODY00'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('No merchant has this cid'),
    });
    expect(await operate(shop, ['suspend', 'TC0ONETIME'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('BUILT_IN_MERCHANT'),
    });
    expect((await operate(shop, ['reissue-key', 'TC0ONETIME'])).code).toBe(1);
    expect((await operate(shop, ['invite', '--business-no', '12'])).stderr).toContain('business_no: ');
    expect((await operate(shop, ['burn', 'everything'])).code).toBe(2);
    expect((await operate(shop, ['limit', 'TC0ONETIME'])).code).toBe(2);
    expect(await operate(shop, ['wallet', 'open', '--help'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--money'),
    });
  });

  it('opens a wallet once, and takes a password from standard input alone', async () => {
    const order = anOrder();
    const account = String(order.bank_acct_num);
    const opening = ['wallet', 'open', account, '--money', '20000', '--bank', '0'];
    expect(await operate(shop, opening)).toMatchObject({ code: 0, stdout: expect.stringContaining('20,000 won') });
    expect(await operate(shop, opening)).toMatchObject({ code: 1, stderr: expect.stringContaining('already') });
    expect(await shop.wallet(order)).toMatchObject({ money_balance: 20_000, bank_balance: 0 });
    expect((await operate(shop, ['wallet', 'password', account], '111111\n')).stderr).toContain('Too easy');
    expect((await operate(shop, ['wallet', 'password', account], '12\n')).code).toBe(1);
    expect((await operate(shop, ['wallet', 'password', account], '158236\n')).code).toBe(0);
    const logs = await shop.logs();
    expect(logs).not.toContain(account);
    expect(logs).not.toContain('158236');
  });
});

describe('keys and operators, in live mode', () => {
  let shop: Shop;
  let taxOffice: Server;
  /** `b_stt_cd` that the tax office's stand-in answers. */
  let standing = '01';
  beforeAll(async () => {
    taxOffice = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const [b_no] = JSON.parse(body).b_no;
      response.end(JSON.stringify({ status_code: 'OK', data: [{ b_no, b_stt_cd: standing }] }));
    });
    taxOffice.listen(0, '127.0.0.1');
    await once(taxOffice, 'listening');
    shop = await Shop.open({
      mode: 'live',
      env: {
        TAX_OFFICE_URL: `http://127.0.0.1:${(taxOffice.address() as AddressInfo).port}`,
        TAX_OFFICE_SERVICE_KEY: 'service-key-of-the-portal',
      },
    });
  }, 60_000);
  afterAll(async () => {
    await shop?.close();
    taxOffice?.close();
  });

  const affiliate = (fields: Record<string, string>, invitation?: string): Promise<Answer> =>
    shop.form('/pay/store/token', fields, invitation ? bearer(invitation) : {});
  const invite = async () => JSON.parse((await operate(shop, ['invite', '--json'])).stdout).invitation as string;
  const business = anAffiliation({ business_no: '220-81-62517' });

  it('affiliates by invitation only, once each', async () => {
    expect((await affiliate(business)).body.code).toBe('SECRET_KEY_REQUIRED');
    // The key comes before the fields.
    expect((await affiliate({}, `inv_${'x'.repeat(43)}`)).body.code).toBe('SECRET_KEY_INVALID');
    const invitation = await invite();
    standing = '03';
    expect((await affiliate(business, invitation)).body).toMatchObject({
      code: 'INVALID_PARAMETER',
      errors: [{ field: 'business_no', detail: '형식이 맞지 않습니다: 영업 중인 사업자등록번호' }],
    });
    standing = '01';
    const first = await affiliate(business, invitation);
    expect(first.body).toMatchObject({
      cid: expect.stringMatching(/^CC/),
      secret_key: expect.stringMatching(/^sk_live_/),
    });
    const { secret_key: _, ...rest } = first.body;
    expect((await affiliate(business, invitation)).body).toEqual(rest);
    expect((await affiliate({ ...business, business_no: '124-81-00998' }, invitation)).body.code).toBe(
      'SECRET_KEY_INVALID',
    );
    expect(await shop.logs()).not.toContain('service-key-of-the-portal');
  });

  it('knows no sandbox helper and no built-in merchant, and always wants the key', async () => {
    expect((await shop.form('/sandbox/payments/1/authenticate')).status).toBe(404);
    expect((await shop.get('/sandbox/wallets/110123456789')).status).toBe(404);
    expect((await shop.form('/pay', anOrder())).body.code).toBe('SECRET_KEY_REQUIRED');
    expect((await shop.get('/pay/store', bearer('sk_test_oneq'))).body.detail).toContain('라이브 환경');
    expect((await operate(shop, ['merchant', 'TC0ONETIME'])).code).toBe(1);
  });

  it('takes a payment from a wallet that an operator opened, and from no other', async () => {
    const { body } = await affiliate(anAffiliation({ business_no: '124-81-00998' }), await invite());
    const urls = {
      approval_url: 'https://shop.test/a',
      cancel_url: 'https://shop.test/c',
      fail_url: 'https://shop.test/f',
    };
    const order = anOrder({ cid: String(body.cid), ...urls });
    const prepare = () => shop.form('/pay', order, bearer(body.secret_key));
    expect((await prepare()).body.code).toBe('WALLET_NOT_FOUND');
    await operate(shop, ['wallet', 'open', String(order.bank_acct_num), '--money', '50000', '--bank', '0']);
    expect((await prepare()).status).toBe(200);
  });
});
