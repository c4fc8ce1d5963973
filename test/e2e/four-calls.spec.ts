import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { anAffiliation, anApproval, anOrder, Shop } from './shop';

describe("the specification's calls", () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  });
  afterAll(() => shop?.close());

  it('take a payment from prepare to approval, with the very fields of the specification', async () => {
    const order = anOrder();
    const prepared = await shop.form('/pay', order);
    expect(prepared.status).toBe(200);
    expect(prepared.headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(Object.keys(prepared.body)).toEqual(['tid', 'next_redirect_url', 'android_app_scheme', 'approved_at']);
    const { tid, next_redirect_url, android_app_scheme, approved_at } = prepared.body as Record<string, string>;
    expect(tid).toMatch(/^[1-9][0-9]{0,15}$/);
    expect(next_redirect_url).toMatch(new RegExp(`^${shop.url}/pay/showQRCode\\?token=[A-Za-z0-9_-]{22,}$`));
    expect(android_app_scheme).toMatch(new RegExp(`^${shop.url}/pay/oneq/transfer\\?token=[A-Za-z0-9_-]{22,}$`));
    expect(approved_at).toMatch(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/);

    const authenticated = await shop.authenticate(String(tid));
    expect(authenticated).toMatchObject({ status: 200, body: { tid, status: 'AUTHENTICATED' } });

    const approved = await shop.approve(order);
    expect(approved.status).toBe(200);
    expect(approved.headers.get('content-type')).toBe('application/json;charset=UTF-8');
    expect(approved.text).toBe(
      JSON.stringify({
        tid,
        cid: 'TC00NETIME',
        order_id: order.order_id,
        member_id: 'member_id',
        payment_method_type: 'MONEY',
        item_name: '고구마피자',
        amount: 16000,
        tran_dt: '2016.11.15 21:18:22',
      }),
    );
    expect(await shop.wallet(order)).toEqual({
      bank_acct_num: order.bank_acct_num,
      money_balance: 34_000,
      money_held: 0,
      bank_balance: 10_000_000,
      bank_held: 0,
    });
  });

  it('take JSON with the same fields, and both spellings of the built-in cid mean the same orders', async () => {
    const order = anOrder({ payment_method_type: '계좌' });
    const { body } = await shop.form('/pay', order);
    const json = {
      ...order,
      cid: 'TC0ONETIME',
      amount: 16000,
      quantity: 1,
      balance: 1,
      category_cd: 552101,
      item_code: null,
    };
    const again = await shop.json('/pay', json);
    expect(again.body).toEqual(body);
    await shop.json(`/sandbox/payments/${body.tid}/authenticate`, {});
    const approved = await shop.json('/pay/success', { ...anApproval(order), cid: 'TC0ONETIME', amount: 16000 });
    expect(approved.body).toMatchObject({ cid: 'TC0ONETIME', payment_method_type: '계좌' });
    expect((await shop.approve(order)).body).toEqual({ ...approved.body, cid: 'TC00NETIME' });
  });

  it('affiliate a merchant, whose key then works for its own cid alone', async () => {
    const request = anAffiliation();
    const first = await shop.form('/pay/store/token', request);
    expect(first.status).toBe(200);
    expect(Object.keys(first.body).sort()).toEqual(['approved_at', 'category_cd', 'cid', 'created_at', 'secret_key']);
    expect(first.body).toMatchObject({ category_cd: 552303, cid: expect.stringMatching(/^TC[A-Z0-9]{8}$/) });
    const { secret_key, ...rest } = first.body as Record<string, string>;
    expect(secret_key).toMatch(/^sk_test_[A-Za-z0-9_-]{43}$/);
    expect((await shop.form('/pay/store/token', request)).body).toEqual(rest);
    expect(await shop.form('/pay/store/token', { ...request, opponent_name: '다른 카페' })).toMatchObject({
      status: 409,
      body: { code: 'MERCHANT_ALREADY_EXISTS', outcome: 'final', retryable: false },
    });

    const order = anOrder({ cid: String(rest.cid) });
    const key = { authorization: `Bearer ${secret_key}` };
    const prepared = await shop.form('/pay', order, key);
    expect(prepared).toMatchObject({ status: 200, body: { approved_at: rest.approved_at } });

    const foreign = await shop.form('/pay', anOrder(), key);
    const unknown = await shop.form('/pay', anOrder({ cid: 'TCUNKNOWN0' }), key);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, trace_id: '' }).toEqual({ ...unknown.body, trace_id: '' });
    await shop.authenticate(String(prepared.body.tid));
    const theirs = await shop.form('/pay/success', anApproval(order), { authorization: 'Bearer sk_test_oneq' });
    expect(theirs).toMatchObject({ status: 404, body: { code: 'MERCHANT_NOT_FOUND' } });
    expect(await shop.form('/pay/success', anApproval(order), key)).toMatchObject({ status: 200 });
  });

  it('check a key that is sent, before the fields', async () => {
    for (const authorization of ['Bearer sk_test_nobody', 'Basic c2s6', 'Bearer', 'sk_test_oneq', 'Bearer a b']) {
      const refused = await shop.form('/pay', {}, { authorization });
      expect(refused).toMatchObject({ status: 401, body: { code: 'SECRET_KEY_INVALID' } });
      expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    }
    expect(await shop.form('/pay', {}, { authorization: 'Bearer sk_test_oneq' })).toMatchObject({ status: 400 });
  });

  it('send the payer back with a signature over tid, order, amount and result', async () => {
    const { tid, order } = await shop.prepare({ order_id: `주문 ${process.pid}&1` });
    const { body } = await shop.authenticate(tid);
    const url = new URL(String(body.redirect_url));
    expect(String(body.redirect_url).startsWith('http://localhost:3000/approval?shop=1&tid=')).toBe(true);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      shop: '1',
      tid,
      order_id: order.order_id,
      result: 'authenticated',
      signature: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const master = JSON.parse(await readSecret(shop)).REDIRECT_SECRET;
    const secret = `rs_${createHmac('sha256', master).update('redirect_secret:TC0ONETIME').digest('base64url')}`;
    const expected = createHmac('sha256', secret).update(`${tid}.${order.order_id}.16000.authenticated`).digest('hex');
    expect(url.searchParams.get('signature')).toBe(expected);
  });

  it('let the sandbox payer cancel, fail and run out of time', async () => {
    for (const [outcome, status, result, code] of [
      ['cancel', 'CANCELLED', 'cancelled', 'PAYMENT_CANCELLED'],
      ['fail', 'FAILED', 'failed', 'PAYMENT_FAILED'],
    ] as const) {
      const { tid, order } = await shop.prepare();
      await shop.authenticate(tid);
      const ended = await shop.authenticate(tid, { outcome });
      expect(ended).toMatchObject({ status: 200, body: { tid, status } });
      expect(new URL(String(ended.body.redirect_url)).searchParams.get('result')).toBe(result);
      expect(await shop.authenticate(tid)).toMatchObject({ status: 409, body: { code } });
      expect(await shop.approve(order)).toMatchObject({ status: 409, body: { code } });
      expect(await shop.wallet(order)).toMatchObject({ money_balance: 50_000, money_held: 0 });
    }
    const { tid, order } = await shop.prepare();
    expect(await shop.form(`/sandbox/payments/${tid}/expire`)).toMatchObject({
      status: 200,
      body: { status: 'EXPIRED' },
    });
    expect(await shop.approve(order)).toMatchObject({ status: 409, body: { code: 'PAYMENT_EXPIRED' } });
  });

  it('know one payment by one tid: leading zeros mean nothing', async () => {
    // About one tid in ten has fewer than sixteen digits.
    let tid = '';
    while (tid === '' || tid.length === 16) tid = (await shop.prepare()).tid;
    expect(await shop.authenticate(tid.padStart(16, '0'))).toMatchObject({ status: 200, body: { tid } });
  });

  it('answer the sandbox for a bare POST without body or type', async () => {
    const { tid } = await shop.prepare();
    expect(await shop.request('POST', `/sandbox/payments/${tid}/authenticate`)).toMatchObject({ status: 200 });
  });

  it('charge a wallet, and know no wallet of an unknown account', async () => {
    const { order } = await shop.prepare({ balance: '0' });
    const charged = await shop.form(`/sandbox/wallets/${order.bank_acct_num}/charge`, { amount: '16000' });
    expect(charged).toMatchObject({ status: 200, body: { money_balance: 16_000 } });
    for (const account of ['999999', 'x', '1'.repeat(50)]) {
      expect(await shop.get(`/sandbox/wallets/${account}`)).toMatchObject({
        status: 404,
        body: { code: 'WALLET_NOT_FOUND' },
      });
    }
  });

  it('show the payer merchant, goods, amount and state, escaped, on each page by its own token', async () => {
    const { answer, tid } = await shop.prepare({
      item_name: '<script>alert(1)</script> & "피자"',
      amount: '1234567',
      payment_method_type: '계좌',
    });
    const pc = String(answer.body.next_redirect_url).slice(shop.url.length);
    const phone = String(answer.body.android_app_scheme).slice(shop.url.length);
    for (const [path, heading] of [
      [pc, '휴대폰으로 QR을 찍어 주세요'],
      [phone, '1,234,567원을 결제할까요?'],
    ] as const) {
      const page = await shop.get(path);
      expect(page.status).toBe(200);
      expect(page.headers.get('content-type')).toMatch(/^text\/html/);
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      expect(page.text).toContain('원큐피자 을지로점');
      expect(page.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;피자&quot;');
      expect(page.text).not.toContain('<script>');
      expect(page.text).toContain('1,234,567원');
      expect(page.text).toContain(`${heading}</h1>`);
    }
    await shop.authenticate(tid, { outcome: 'cancel' });
    expect((await shop.get(pc, { 'accept-language': 'en' })).text).toContain('Payment cancelled');

    const [pcToken] = pc.split('token=').slice(1);
    for (const bad of ['', '?token=', '?token=x', `?token=${pcToken}&token=${pcToken}`, `?token=${tid}`]) {
      expect((await shop.get(`/pay/oneq/transfer${bad}`)).status).toBe(404);
    }
    const swapped = await shop.get(`/pay/oneq/transfer?token=${pcToken}`);
    expect(swapped.status).toBe(404);
    expect(swapped.text).toContain('열 수 없는 결제 링크예요');
  });

  it('are documented from the classes that validate them', async () => {
    const { body } = await shop.get('/openapi.json');
    const paths = body.paths as Record<string, Record<string, { responses: Record<string, unknown> }>>;
    expect(Object.keys(paths).sort()).toEqual([
      '/pay',
      '/pay/cancel',
      '/pay/events',
      '/pay/net-cancel',
      '/pay/store',
      '/pay/store/key',
      '/pay/store/token',
      '/pay/store/webhook',
      '/pay/store/webhook/test',
      '/pay/success',
      '/pay/webhooks',
      '/pay/webhooks/redeliver',
      '/pay/webhooks/{delivery}/redeliver',
      '/pay/{tid}',
      '/sandbox/payments/{tid}/authenticate',
      '/sandbox/payments/{tid}/expire',
      '/sandbox/wallets/{bank_acct_num}',
      '/sandbox/wallets/{bank_acct_num}/charge',
    ]);
    expect(Object.keys(paths['/pay/success']?.post?.responses ?? {})).toEqual(
      expect.arrayContaining(['200', '400', '404', '409', '503']),
    );
    const schemas = (
      body.components as { schemas: Record<string, { required: string[]; properties: Record<string, unknown> }> }
    ).schemas;
    expect(schemas.PrepareRequest?.required).toEqual([
      'cid',
      'category_cd',
      'opponent_name',
      'item_name',
      'member_id',
      'order_id',
      'quantity',
      'amount',
      'bank_acct_num',
      'balance',
      'approval_url',
      'cancel_url',
      'fail_url',
    ]);
    expect(schemas.PrepareRequest?.properties.item_name).toMatchObject({
      type: 'string',
      maxLength: 200,
      example: '고구마피자',
    });
    expect((await shop.get('/docs')).text).toContain('swagger-ui');
    expect((await shop.get('/docs/errors')).text).toContain('id="PAYMENT_MISMATCH"');
  });

  it('add up, as npm run audit tells of the running stack', async () => {
    const audit = [path.join(__dirname, '../../stack/bootstrap.mjs'), 'audit'];
    const env = { ...process.env, DATA_DIR: shop.dataDir };
    const { stdout } = await promisify(execFile)(process.execPath, audit, { env }); // rejects when a row breaks an invariant
    expect(stdout).toContain('Every invariant holds.');
  });

  it('leave no key, token or account number in the logs', async () => {
    const { order, answer, tid } = await shop.prepare();
    const affiliated = await shop.form('/pay/store/token', anAffiliation());
    const token = String(answer.body.next_redirect_url).split('token=')[1];
    await shop.get(`/pay/showQRCode?token=${token}`);
    await shop.authenticate(tid);
    await shop.approve(order);
    await shop.wallet(order);
    const logs = await shop.logs();
    expect(logs).toContain(tid);
    for (const secret of [token, order.bank_acct_num, affiliated.body.secret_key])
      expect(logs).not.toContain(String(secret));
  });
});

describe('live mode', () => {
  it('has no sandbox: no helpers, no built-in merchant, no affiliation without an invitation', async () => {
    const shop = await Shop.open({ mode: 'live' });
    try {
      expect(await shop.form('/sandbox/payments/1/authenticate')).toMatchObject({
        status: 404,
        body: { code: 'NOT_FOUND' },
      });
      expect(await shop.form('/pay', anOrder())).toMatchObject({ status: 401, body: { code: 'SECRET_KEY_REQUIRED' } });
      const key = { authorization: 'Bearer sk_test_oneq' };
      expect(await shop.form('/pay', anOrder(), key)).toMatchObject({
        status: 401,
        body: { code: 'SECRET_KEY_INVALID' },
      });
      const affiliation = anAffiliation({ business_no: '220-81-62517' });
      expect(await shop.form('/pay/store/token', affiliation)).toMatchObject({
        status: 401,
        body: { code: 'SECRET_KEY_REQUIRED' },
      });
      expect(await shop.form('/pay/store/token')).toMatchObject({ status: 401 }); // the key comes before the fields
      expect(await shop.rowCount()).toBe(0);
    } finally {
      await shop.close();
    }
  });
});

async function readSecret(shop: Shop): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(`${shop.dataDir}/secrets.json`, 'utf8');
}
