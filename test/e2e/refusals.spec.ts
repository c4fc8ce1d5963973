import { type Answer, anAffiliation, anApproval, anOrder, type Fields, Shop } from './shop';

const FORM = 'application/x-www-form-urlencoded;charset=utf-8';

function faults(answer: Answer): Record<string, string> {
  const errors = (answer.body.errors ?? []) as Array<{ field: string; code: string }>;
  return Object.fromEntries(errors.map(({ field, code }) => [field, code]));
}

describe('what the API refuses', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  });
  afterAll(() => shop?.close());

  /** Sends it, expects a refusal with this status, and that no row came of it. */
  async function refused(status: number, send: () => Promise<Answer>): Promise<Answer> {
    const before = await shop.rowCount();
    const answer = await send();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await shop.rowCount()).toBe(before);
    return answer;
  }

  const formOf = (fields: Fields) => new URLSearchParams(fields).toString();

  it.each([
    ['blank', { item_name: ' ' }, { item_name: 'REQUIRED' }],
    ['too long by one code point', { item_name: '🍕'.repeat(201) }, { item_name: 'TOO_LONG' }],
    ['letters in an integer', { amount: '16k' }, { amount: 'INVALID_FORMAT' }],
    ['an exponent', { amount: '1e3' }, { amount: 'INVALID_FORMAT' }],
    ['full-width digits', { amount: '１６０００' }, { amount: 'INVALID_FORMAT' }],
    ['2147483648', { amount: '2147483648' }, { amount: 'OUT_OF_RANGE' }],
    ['NUL', { order_id: 'a\u0000b' }, { order_id: 'INVALID_FORMAT' }],
    [
      'several at once',
      { amount: '0', cid: 'x', fail_url: 'javascript:alert(1)' },
      { amount: 'OUT_OF_RANGE', cid: 'INVALID_FORMAT', fail_url: 'INVALID_FORMAT' },
    ],
  ])('%s, with the name of the field', async (_what, changes, expected) => {
    const answer = await refused(400, () => shop.form('/pay', anOrder(changes as Fields)));
    expect(answer.body).toMatchObject({ code: 'INVALID_PARAMETER', outcome: 'final', retryable: false, status: 400 });
    expect(faults(answer)).toEqual(expected);
    expect(answer.text).not.toContain('javascript:');
  });

  it('a field sent twice, in form and JSON', async () => {
    const twice = `${formOf(anOrder())}&amount=1`;
    expect(faults(await refused(400, () => shop.raw('/pay', FORM, twice)))).toEqual({ amount: 'DUPLICATED' });
    const json = JSON.stringify(anOrder()).replace('"amount"', '"amount":1,"amount"');
    expect(faults(await refused(400, () => shop.raw('/pay', 'application/json', json)))).toEqual({
      amount: 'DUPLICATED',
    });
  });

  it('broken UTF-8 and broken percent-encoding, with the name of the field', async () => {
    const { item_name: _, ...rest } = anOrder();
    for (const broken of ['%EA%B3', '%B0%ED', '%zz', '%']) {
      const answer = await refused(400, () => shop.raw('/pay', FORM, `${formOf(rest)}&item_name=${broken}`));
      expect(faults(answer)).toEqual({ item_name: 'INVALID_FORMAT' });
    }
    const bytes = Buffer.concat([Buffer.from(`${formOf(rest)}&item_name=`), Buffer.from([0xb0, 0xed])]);
    expect(faults(await refused(400, () => shop.raw('/pay', FORM, bytes)))).toEqual({ item_name: 'INVALID_FORMAT' });
  });

  it('bodies over 16,384 bytes, and not a byte less', async () => {
    const padding = 'x'.repeat(16_384 - Buffer.byteLength(`${formOf(anOrder({ order_id: 'padding' }))}&more=`));
    const fitting = `${formOf(anOrder({ order_id: 'padding' }))}&more=${padding}`.slice(0, 16_384);
    expect(await shop.raw('/pay', FORM, fitting)).toMatchObject({ status: 200 });
    for (const body of [`${fitting}x`, 'x'.repeat(20_480)]) {
      expect(await refused(413, () => shop.raw('/pay', FORM, body))).toMatchObject({
        body: { code: 'PAYLOAD_TOO_LARGE' },
      });
    }
  });

  it('names that reach for a prototype do nothing', async () => {
    const order = anOrder();
    const polluted = { ...order, '__proto__[admin]': '1', constructor: 'x', 'constructor.prototype': 'y' };
    expect(await shop.form('/pay', polluted)).toMatchObject({ status: 200 });
    const json = JSON.stringify(order).replace('{', '{"__proto__":{"amount":1,"cid":"TCOTHER000"},');
    expect(await shop.raw('/pay', 'application/json', json)).toMatchObject({ status: 200 });
    const empty = await refused(400, () =>
      shop.raw('/pay', 'application/json', `{"__proto__":${JSON.stringify(order)}}`),
    );
    expect(faults(empty)).toMatchObject({ cid: 'REQUIRED', amount: 'REQUIRED' });
  });

  it.each([
    ['another type', 'text/plain', {}],
    ['a multipart form', 'multipart/form-data; boundary=x', {}],
    ['another charset', 'application/x-www-form-urlencoded;charset=euc-kr', {}],
    ['another charset of JSON', 'application/json; charset=utf-16', {}],
    ['a content encoding', FORM, { 'content-encoding': 'gzip' }],
    ['a malformed type', ';', {}],
    ['a second charset', `${FORM};charset=euc-kr`, {}],
    ['a charset without a value', 'application/json;charset=', {}],
  ])('%s: 415', async (_what, type, headers) => {
    const answer = await refused(415, () => shop.raw('/pay', type, formOf(anOrder()), headers));
    expect(answer.body).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
  });

  it('a body without a type: 415', async () => {
    await refused(415, () => shop.raw('/pay', null, Buffer.from(formOf(anOrder()))));
  });

  it.each([
    'application/x-www-form-urlencoded',
    'APPLICATION/X-WWW-FORM-URLENCODED; Charset="UTF-8"',
    `${FORM};x=y`,
    `${FORM}; x="a;charset=euc-kr"`,
  ])('but takes %p', async (type) => {
    expect(await shop.raw('/pay', type, formOf(anOrder()))).toMatchObject({ status: 200 });
  });

  it.each(['[]', '"x"', 'null', '{', '{"a":1}x', ''])('JSON that is no object with the fields: %p', async (text) => {
    await refused(400, () => shop.raw('/pay', 'application/json', text));
  });

  it('a body of thousands of brackets, as any other wrong value', async () => {
    const deep = `{"opponent_name":${'['.repeat(3_000)}${']'.repeat(3_000)}}`;
    for (const path of ['/pay', '/pay/success', '/pay/store/token']) {
      const answer = await refused(400, () => shop.raw(path, 'application/json', deep));
      expect(faults(answer)).toMatchObject({ opponent_name: 'INVALID_FORMAT' });
    }
  });

  it('unknown merchants, orders, payments and addresses: 404', async () => {
    expect(await refused(404, () => shop.form('/pay', anOrder({ cid: 'TCUNKNOWN0' })))).toMatchObject({
      body: { code: 'MERCHANT_NOT_FOUND' },
    });
    expect(await refused(404, () => shop.form('/pay/success', anApproval(anOrder())))).toMatchObject({
      body: { code: 'PAYMENT_NOT_FOUND' },
    });
    expect(await refused(404, () => shop.form('/sandbox/payments/123/authenticate'))).toMatchObject({
      body: { code: 'PAYMENT_NOT_FOUND' },
    });
    for (const tid of ['abc', '1'.repeat(17), '-1', '1e3', '%31x', '%ff', '..%2f..']) {
      expect(await refused(404, () => shop.form(`/sandbox/payments/${tid}/authenticate`))).toMatchObject({
        body: { code: 'NOT_FOUND' },
      });
    }
    for (const path of ['/', '/pay/', '/PAY', '/nothing', '/pay/store/nothing', '/%', '/%00', `/${'x'.repeat(3000)}`]) {
      expect(await refused(404, () => shop.raw(path, 'text/plain', 'x'))).toMatchObject({
        body: { code: 'NOT_FOUND' },
      });
    }
  });

  it('paths that climb out of the documents: 404', async () => {
    for (const path of ['/docs/..%2f..%2fpackage.json', '/docs/%2e%2e%2fpay']) {
      expect(await refused(404, () => shop.get(path))).toMatchObject({ body: { code: 'NOT_FOUND' } });
    }
  });

  it('other methods: 405 with the allowed ones', async () => {
    for (const [path, methods, allow] of [
      ['/pay', ['PUT', 'DELETE', 'PATCH', 'OPTIONS'], 'GET, HEAD, POST'],
      ['/pay/success', ['GET'], 'POST'],
      ['/pay/store/token', ['GET'], 'POST'],
      ['/pay/showQRCode', ['POST', 'DELETE'], 'GET, HEAD'],
      ['/sandbox/payments/1/authenticate', ['GET'], 'POST'],
      ['/health/ready', ['POST'], 'GET, HEAD'],
    ] as const) {
      for (const method of methods) {
        const answer = await refused(405, () => shop.request(method, path));
        expect(answer.headers.get('allow')).toBe(allow);
        expect(answer.body).toMatchObject({ code: 'METHOD_NOT_ALLOWED', instance: path });
      }
    }
  });

  it('checks path, method, type, size, decoding, key, fields and merchant in this order', async () => {
    const big = 'x'.repeat(20_000);
    const badKey = { authorization: 'Bearer nobody' };
    const steps: Array<[number, () => Promise<Answer>]> = [
      [404, () => shop.request('PUT', '/nothing', { body: big, headers: { 'content-type': 'text/plain', ...badKey } })],
      [405, () => shop.request('PUT', '/pay', { body: big, headers: { 'content-type': 'text/plain', ...badKey } })],
      [404, () => shop.raw('/sandbox/payments/abc/authenticate', 'text/plain', big, badKey)],
      [405, () => shop.request('DELETE', '/%70ay')],
      [415, () => shop.raw('/pay', 'text/plain', big, badKey)],
      [413, () => shop.raw('/pay', FORM, `${big}%zz`, badKey)],
      [400, () => shop.raw('/pay', FORM, 'cid=%zz', badKey)],
      [401, () => shop.raw('/pay', FORM, 'cid=x&cid=y', badKey)],
      [400, () => shop.form('/pay', { cid: 'TCUNKNOWN0' })],
      [404, () => shop.form('/pay', anOrder({ cid: 'TCUNKNOWN0' }))],
    ];
    for (const [status, send] of steps) await refused(status, send);
  });

  it('speaks Korean, or English to who prefers it', async () => {
    const say = async (language: string) =>
      (await shop.form('/pay', anOrder({ amount: '' }), { 'accept-language': language })).body;
    const korean = await say('');
    expect(korean).toMatchObject({
      title: '잘못된 요청 값',
      errors: [{ field: 'amount', code: 'REQUIRED', detail: '필수 항목입니다.' }],
    });
    for (const language of ['en', 'en-US,en;q=0.9', 'fr, en;q=0.5, ko;q=0.1']) {
      expect(await say(language)).toMatchObject({
        title: 'Invalid parameter',
        errors: [{ detail: 'This field is required.' }],
      });
    }
    for (const language of ['ko-KR,en;q=0.5', 'fr', '*', 'en;q=0', ';;;']) {
      expect(await say(language)).toMatchObject({ title: '잘못된 요청 값' });
    }
  });

  it('answers problem documents that give nothing away', async () => {
    const answer = await refused(400, () => shop.form('/pay?secret=1', { amount: 'x' }));
    expect(answer.body).toMatchObject({
      type: `${shop.url}/docs/errors#INVALID_PARAMETER`,
      status: 400,
      instance: '/pay',
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(answer.headers.get('x-request-id')).toBe(answer.body.trace_id);
    expect(answer.text).not.toMatch(/stack|SELECT|payment\.|nats|127\.0\.0\.1|node_modules/);
  });

  it('keeps the trace of a caller that has one', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await shop.form('/pay', {}, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    expect(answer.body.trace_id).toBe(trace);
  });

  it('affiliations that are not right', async () => {
    for (const [changes, fault] of [
      [{ business_no: '123' }, { business_no: 'INVALID_FORMAT' }],
      [{ store_phone: '12' }, { store_phone: 'INVALID_FORMAT' }],
      [{ post_no: 'abcde' }, { post_no: 'INVALID_FORMAT' }],
      [{ opponent_name: '' }, { opponent_name: 'REQUIRED' }],
    ] as const) {
      expect(faults(await refused(400, () => shop.form('/pay/store/token', anAffiliation(changes))))).toEqual(fault);
    }
  });
});
