import { Payer } from '../../bench/payer';
import { type Answer, type Fields, Shop } from '../e2e/shop';
import { send } from './http';

const RIGHT = '482915';

describe("the payer's tokens", () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  }, 60_000);
  afterAll(() => shop?.close());

  const tokenOf = (url: unknown) => new URL(String(url)).searchParams.get('token') ?? '';
  async function prepared() {
    const { answer, tid, order } = await shop.prepare();
    const { next_redirect_url, android_app_scheme } = answer.body;
    return {
      tid,
      order,
      pc: tokenOf(next_redirect_url),
      phone: tokenOf(android_app_scheme),
      url: String(android_app_scheme),
    };
  }
  const PATHS = { pc: '/pay/showQRCode', phone: '/pay/oneq/transfer' } as const;
  /** A page without what is each visit's own. */
  const shown = ({ status, text }: Answer) => [status, text.replace(/nonce="[^"]*"|lang=[^"]*"|href="[^"]*"/g, '')];

  it('open nothing when they are forged, altered, cut, lengthened or of the other page: the page for nobody’s', async () => {
    const one = await prepared();
    const nobodys = {
      pc: shown(await shop.get(`${PATHS.pc}?token=x`)),
      phone: shown(await shop.get(`${PATHS.phone}?token=x`)),
    };
    expect(nobodys.pc[0]).toBe(404);
    for (const page of ['pc', 'phone'] as const) {
      const token = one[page];
      const bytes = Buffer.from(token, 'base64url');
      const flipped = Array.from({ length: bytes.length * 8 }, (_each, bit) => {
        const copy = Buffer.from(bytes);
        copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        return copy.toString('base64url');
      });
      const others = await prepared();
      const mixed = Buffer.concat([Buffer.from(others[page], 'base64url').subarray(0, 8), bytes.subarray(8)]);
      const forged = [
        ...flipped,
        one[page === 'pc' ? 'phone' : 'pc'],
        mixed.toString('base64url'),
        ...Array.from({ length: token.length }, (_each, length) => token.slice(0, length)),
        `${token}A`,
        `${token}=`,
        `${token}==`,
        `${token}%00`,
        token.toUpperCase(),
        token.repeat(200),
        'A'.repeat(8_000),
        one.tid,
        Buffer.alloc(24).toString('base64url'),
        Buffer.alloc(24, 255).toString('base64url'),
      ].filter((each) => each !== token);
      for (const each of forged) {
        const answer = await shop.get(`${PATHS[page]}?token=${encodeURIComponent(each)}`);
        expect([each, answer.status]).toEqual([each, 404]);
        expect(shown(answer)[1] === nobodys[page][1]).toBe(true);
      }
      const twice = await shop.get(`${PATHS[page]}?token=${token}&token=${token}`);
      expect(twice.status).toBe(404);
    }
  }, 120_000);

  it('of one page act on no form or stream of the other', async () => {
    const { pc, phone, order } = await prepared();
    const first = await shop.get(`${PATHS.phone}?token=${phone}`);
    const cookie = (first.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
    const csrf = /name="csrf" value="([\w-]+)"/.exec(first.text)?.[1] ?? '';
    const act = (form: string, fields: Fields) => shop.form(`/pay/checkout/${form}`, { csrf, ...fields }, { cookie });
    await act('begin', { token: pc });
    await act('release', { token: phone });
    await act('cancel', { token: pc, page: 'phone' });
    await act('cancel', { token: phone, page: 'pc' });
    for (const query of [`token=${pc}&page=phone`, `token=${phone}&page=pc`]) {
      expect((await shop.get(`/pay/status?${query}`)).status).toBe(404);
      expect((await shop.get(`/pay/live?${query}`)).status).toBe(404);
    }
    const [payment] = await shop.rows(
      `SELECT status, bound_session FROM payment.payments LEFT JOIN payment.checkouts ON payment_id = payments.id WHERE order_id = $1`,
      [order.order_id],
    );
    expect(payment).toEqual({ status: 'READY', bound_session: null });
  });

  it('and a right password, replayed as it was sent, move money once and only for their own payment', async () => {
    const [one, other] = [await prepared(), await prepared()];
    const payer = new Payer(shop.url);
    await payer.begin(one.url);
    await payer.begin(other.url);
    const { html } = await payer.open(`${one.url}&step=password&payment_method_type=MONEY&top_up_amount=0&mode=type`);
    await payer.enter(one.url, RIGHT);
    for (let i = 0; i < 3; i += 1) {
      const replayed = await payer.submit(html, RIGHT);
      expect(['stale', 'authenticated', 'repeat']).toContain(replayed.body.outcome);
      const swapped = await payer.submit(html.replaceAll(one.phone, other.phone), RIGHT);
      expect(swapped.body).toMatchObject({ outcome: 'stale' });
    }
    expect(await shop.wallet(one.order)).toMatchObject({ money_held: 16_000 });
    expect(await shop.wallet(other.order)).toMatchObject({ money_held: 0 });
  });

  describe('headers', () => {
    async function everyKind(): Promise<Record<string, Answer>> {
      const { pc, phone } = await prepared();
      const page = await shop.get(`${PATHS.pc}?token=${pc}`);
      const asset = /"(\/pay\/assets\/[^"]+)"/.exec(page.text)?.[1] ?? '';
      const stream = await fetch(`${shop.url}/pay/live?token=${pc}&page=pc`);
      await stream.body?.cancel();
      return {
        page,
        'page of nobody': await shop.get(`${PATHS.pc}?token=x`),
        'refused form': await shop.form('/pay/checkout/begin', { token: phone }),
        JSON: await shop.get('/pay?limit=1', { authorization: 'Bearer sk_test_oneq' }),
        snapshot: await shop.get(`/pay/status?token=${pc}&page=pc`),
        stream: { status: stream.status, headers: stream.headers, text: '', body: {} },
        asset: await shop.get(asset),
        docs: await shop.get('/docs'),
        'docs of errors': await shop.get('/docs/errors'),
        openapi: await shop.get('/openapi.json'),
        health: await shop.get('/health/live'),
        '400': await shop.form('/pay'),
        '401': await shop.get('/pay'),
        '404': await shop.get('/nothing'),
        '404 of a number': await shop.get('/pay/x'),
        '404 of a broken path': await shop.get('/%'),
        '405': await shop.request('DELETE', '/pay'),
        '413': await shop.form('/pay', { x: 'x'.repeat(20_000) }),
        '415': await shop.raw('/pay', 'text/plain', 'x'),
        '429': await shop.form('/pay', {}, { 'oneq-test-code': 'TOO_MANY_REQUESTS' }),
        '500': await shop.form('/pay', {}, { 'oneq-test-code': 'INTERNAL_ERROR' }),
      };
    }

    it('forbid framing and guessing of types, and tell no referrer, on every kind of answer', async () => {
      for (const [kind, { headers }] of Object.entries(await everyKind())) {
        expect([kind, headers.get('x-frame-options')]).toEqual([kind, 'DENY']);
        expect([kind, headers.get('content-security-policy')]).toEqual([
          kind,
          expect.stringMatching(/(^|; ?)default-src '(none|self)'.*(^|; ?)frame-ancestors 'none'/),
        ]);
        expect([kind, headers.get('x-content-type-options')]).toEqual([kind, 'nosniff']);
        expect([kind, headers.get('referrer-policy')]).toEqual([kind, 'no-referrer']);
        expect([kind, headers.get('content-type')]).toEqual([kind, expect.stringMatching(/^[a-z]+\/[a-z+-]/)]);
        for (const name of ['x-powered-by', 'server', 'access-control-allow-origin']) {
          expect([kind, name, headers.get(name)]).toEqual([kind, name, null]);
        }
      }
    });

    it('let no store keep what is of one merchant or payer', async () => {
      const open = ['asset', 'docs', 'docs of errors', 'openapi'];
      for (const [kind, { headers }] of Object.entries(await everyKind())) {
        if (open.includes(kind)) continue;
        expect([kind, headers.get('cache-control')]).toEqual([kind, expect.stringContaining('no-store')]);
      }
    });

    it('give no other site’s script a way in, whatever it asks', async () => {
      for (const path of ['/pay', '/pay/success', '/pay/checkout/password', '/pay/status']) {
        const answer = await send(shop.url, path, {
          method: 'OPTIONS',
          headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
        });
        expect(answer.status).toBe(405);
        expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    });
  });
});

describe('behind https', () => {
  it('browsers are told to stay there on every kind of answer, and the session is bound to the host', async () => {
    const shop = await Shop.open({ env: { PUBLIC_URL: 'https://pay.example' } });
    const { answer } = await shop.prepare();
    const page = await shop.get(String(answer.body.next_redirect_url).replace('https://pay.example', ''));
    const answers = [
      page,
      await shop.get('/nothing'),
      await shop.get('/pay'),
      await shop.raw('/pay', 'text/plain', 'x'),
    ];
    for (const { headers } of answers) expect(headers.get('strict-transport-security')).toMatch(/max-age=[1-9]\d{6,}/);
    expect(page.headers.getSetCookie().join()).toMatch(
      /^__Host-oneq_session=[^;]+; Path=\/; SameSite=Lax; HttpOnly; Secure$/,
    );
    await shop.close();
  }, 60_000);
});
