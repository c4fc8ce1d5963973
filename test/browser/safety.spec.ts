import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { type Answer, anAffiliation, type Fields } from '../e2e/shop';
import { newContext, qrOf, troublesOf } from './browser';
import { CheckoutWorld, type Ordered, PASSWORD, WRONG } from './checkout';
import { layoutFaultsOf } from './look';
import { Payer } from './payer-by-http';

const QUIET_MODULES = 4;
const MODULE_PX = 5;

/** What the pages keep from others, and what others cannot make them do. */
describe("the payer's pages", () => {
  let world: CheckoutWorld;
  beforeAll(async () => {
    // Everything that the services could tell is in the logs.
    world = await CheckoutWorld.open({ env: { LOG_LEVEL: 'trace' } });
  }, 60_000);
  afterAll(() => world.close());

  const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';

  async function boundTo({ order }: Ordered): Promise<unknown> {
    const [row] = await world.shop.rows<{ bound_session: Buffer | null }>(
      `SELECT bound_session FROM payment.payments LEFT JOIN payment.checkouts ON payment_id = payments.id
       WHERE order_id = $1`,
      [order.order_id],
    );
    return row?.bound_session ?? null;
  }

  describe('headers', () => {
    async function eachKind(): Promise<Record<string, Answer>> {
      const ordered = await world.ordered();
      const payer = new Payer(world);
      await payer.begin(ordered);
      return {
        pc: await payer.look(ordered.pcUrl),
        phone: await payer.look(payer.passwordUrl(ordered)),
        elsewhere: await new Payer(world).look(ordered.phoneUrl),
        notFound: await payer.look('/pay/showQRCode?token=x'),
        forbidden: await new Payer(world).send('begin', ordered.phoneUrl, { csrf: 'guessed' }),
      };
    }

    it('keep every page to itself: no frame, no store, no referrer, no foreign or inline content', async () => {
      const answers = await eachKind();
      expect(Object.values(answers).map(({ status }) => status)).toEqual([200, 200, 409, 404, 403]);
      for (const { headers, text } of Object.values(answers)) {
        const policy = headers.get('content-security-policy') ?? '';
        const directives = Object.fromEntries(policy.split('; ').map((each) => each.split(/ (.*)/)));
        expect(directives).toMatchObject({
          'default-src': "'none'",
          'script-src': expect.stringMatching(/^'nonce-[\w+/]{22}=='$/),
          'style-src': "'self'",
          'font-src': "'self'",
          'connect-src': "'self'",
          'form-action': "'self'",
          'base-uri': "'none'",
          'frame-ancestors': "'none'",
        });
        expect(policy).not.toMatch(/unsafe|upgrade-insecure|\*|http/);
        expect(Object.fromEntries(headers)).toMatchObject({
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'x-content-type-options': 'nosniff',
          'cross-origin-opener-policy': 'unsafe-none',
        });
        expect(text).not.toMatch(/ style="| on\w+="|<script(?![^>]*( nonce="| type="application\/json"))/);
      }
    });

    it('let scripts run by a nonce of this load alone', async () => {
      const { pcUrl } = await world.ordered();
      const nonces = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const { headers, text } = await new Payer(world).look(pcUrl);
          const [, nonce = ''] = /'nonce-([^']+)'/.exec(headers.get('content-security-policy') ?? '') ?? [];
          expect(text).toContain(`nonce="${nonce}"`);
          return nonce;
        }),
      );
      expect(new Set(nonces).size).toBe(5);
    });

    it('give the session a cookie that no script and no other site can use', async () => {
      const { phoneUrl } = await world.ordered();
      const { headers } = await world.shop.get(phoneUrl.slice(world.shop.url.length));
      expect(headers.get('set-cookie')).toMatch(/^oneq_session=[\w-]{22}; Path=\/; SameSite=Lax; HttpOnly$/);
    });
  });

  it("stay blank in another site's frame", async () => {
    const { pcUrl, phoneUrl } = await world.ordered();
    const page = await world.visit(world.merchant.url);
    for (const url of [pcUrl, phoneUrl, world.merchant.url]) {
      await page.evaluate(
        (src) =>
          new Promise((resolve) => {
            const frame = Object.assign(document.createElement('iframe'), { src, onload: resolve });
            document.body.append(frame);
          }),
        url,
      );
    }
    const texts = await Promise.all(
      page
        .mainFrame()
        .childFrames()
        .map((frame) => frame.textContent('h1, html')),
    );
    expect(texts.map((text) => text?.includes('가게'))).toEqual([false, false, true]); // the shop's own page is there
    expect(troublesOf(page).filter((trouble) => trouble.includes('frame-ancestors'))).toHaveLength(2);
    await page.context().close();
  });

  describe('the QR code', () => {
    it.each([1, 2].flatMap((scale) => [false, true].map((dark) => ({ scale, dark }))))(
      'reads from the screen as the phone’s address, with its quiet zone: %j',
      async ({ scale, dark }) => {
        const { pcUrl, scannedUrl } = await world.ordered();
        const page = await world.pc(pcUrl, { scale, dark });
        await expect(qrOf(page, '.qr svg')).resolves.toBe(scannedUrl);
        expect(tokenOf(scannedUrl)).not.toBe(tokenOf(pcUrl));
        const quiet = quietZoneOf(PNG.sync.read(await page.locator('.qr svg').screenshot()));
        expect(quiet.map((px) => Math.floor(px / (MODULE_PX * scale)))).toEqual([QUIET_MODULES, QUIET_MODULES]);
        await page.context().close();
      },
    );

    it('opens the phone’s page, never the PC’s; the PC’s token opens no phone’s page', async () => {
      const { pcUrl, scannedUrl } = await world.ordered();
      const swapped = [`/pay/oneq/transfer?token=${tokenOf(pcUrl)}`, `/pay/showQRCode?token=${tokenOf(scannedUrl)}`];
      const statuses = swapped.map(async (url) => (await world.shop.get(url)).status);
      expect(await Promise.all(statuses)).toEqual([404, 404]);
      expect((await world.shop.get(scannedUrl.slice(world.shop.url.length))).status).toBe(200);
    });
  });

  it('work on a PC without script: code, details, status, paying here, cancelling', async () => {
    const ordered = await world.ordered();
    const page = await world.pc(ordered.pcUrl, { javaScript: false });
    page.setDefaultTimeout(5_000);
    await expect(qrOf(page, '.qr svg')).resolves.toBe(ordered.scannedUrl);
    await expect(page.textContent('.facts')).resolves.toMatch(/원큐피자 을지로점\s*상품\s*고구마피자[\s\S]*16,000원/);
    await page.click('text=이 기기에서 결제하기');
    await page.click('text=다음');
    await expect(page.textContent('h1')).resolves.toBe('무엇으로 결제할까요?');
    await page.click('main >> text=다음');
    await page.click('text=16,000원 결제하기');
    const hint = page.locator('noscript', { has: page.locator('p.hint') });
    await expect(hint.textContent()).resolves.toBe('비밀번호를 누르려면 자바스크립트를 켜 주세요.');
    await expect(hint.isVisible()).resolves.toBe(true);

    const other = await world.ordered();
    await page.goto(other.pcUrl);
    await new Payer(world, 'qr').begin(other);
    const check = page.locator('noscript a'); // whose text locators by text pass over
    await expect(check.textContent()).resolves.toBe('결제 상태 확인하기');
    await check.click();
    await expect(page.textContent('h1')).resolves.toBe('휴대폰에서 결제하고 있어요');
    await page.click('text=결제 취소');
    await page.click('text=그만두기');
    await expect(page.textContent('h1')).resolves.toBe('결제를 취소했어요');
    await expect(world.statusOf(other)).resolves.toBe('CANCELLED');
    await page.context().close();
  });

  it('are not bound by being looked at: twenty visitors, whatever the address asks for', async () => {
    const ordered = await world.ordered();
    const pc = await world.pc(ordered.pcUrl);
    const queries = ['', '&via=qr', '&step=method', '&step=review&payment_method_type=MONEY', '&step=cancel', '&go=1'];
    const looks = Array.from({ length: 17 }, (_each, index) =>
      new Payer(world).look(`${ordered.phoneUrl}${queries[index % queries.length]}`),
    );
    expect((await Promise.all(looks)).map(({ status }) => status)).toEqual(looks.map(() => 200));
    const browsers = await Promise.all(queries.slice(0, 3).map((query) => world.visit(ordered.phoneUrl + query)));
    await pc.locator('#status', { hasText: '휴대폰에서 화면을 열었어요' }).waitFor(); // their scripts ran, too
    await expect(boundTo(ordered)).resolves.toBeNull();
    await expect(world.statusOf(ordered)).resolves.toBe('READY');
    await pc.reload();
    await expect(qrOf(pc, '.qr svg')).resolves.toBe(ordered.scannedUrl);
    for (const page of [pc, ...browsers]) await page.context().close();
  });

  it('tell another phone neither shop, goods, amount nor number, whatever became of the payment', async () => {
    const ordered = await world.ordered();
    const payer = new Payer(world, 'qr');
    const became = (assignments: string) =>
      world.shop.rows(`UPDATE payment.payments SET ${assignments} WHERE order_id = $1`, [ordered.order.order_id]);
    const steps: Readonly<Record<string, () => Promise<unknown>>> = {
      elsewhere: () => payer.begin(ordered),
      confirmed: () => payer.pay(ordered),
      'already-paid': () => world.shop.approve(ordered.order),
      cancelled: () => became("status = 'CANCELLED', finished_at = now(), cancelled_amount = amount"),
      failed: () => became("status = 'FAILED', approved_at = NULL, cancelled_amount = 0"),
      expired: () => became("status = 'EXPIRED'"),
    };
    for (const [screen, step] of Object.entries(steps)) {
      await step();
      for (const url of [ordered.phoneUrl, ordered.scannedUrl, `${ordered.phoneUrl}&step=cancel&lang=en`]) {
        const { text } = await new Payer(world).look(url);
        expect(text).toContain(`data-screen="${screen}"`);
        expect(text).not.toMatch(/원큐피자|고구마피자|16,000/);
        expect(text).not.toContain(ordered.tid);
        expect(text).not.toContain(world.merchant.url);
      }
    }
  });

  describe('the keypad', () => {
    let page: Page;
    let open: () => Promise<void>;
    beforeAll(async () => {
      const ordered = await world.ordered({ bank_acct_num: await world.account() });
      const payer = new Payer(world);
      await payer.begin(ordered);
      const context = await newContext(world.browser);
      await payer.lend(context);
      page = await context.newPage();
      open = async () => {
        await page.goto(payer.passwordUrl(ordered));
      };
    });
    beforeEach(() => open());
    afterAll(() => page.context().close());

    it.each(['ko', 'en'])('tells no digit but by its drawing (%s)', async (lang) => {
      await page.goto(`${page.url()}&lang=${lang}`);
      const told = await page.locator('#pad').evaluate((pad) =>
        [pad, ...pad.querySelectorAll('*')].flatMap((element) => {
          const values = [...element.attributes]
            .filter(({ name }) => name !== 'd' && name !== 'data-code')
            // How each drawing is drawn is the same for all.
            .filter(({ name }) => !['viewBox', 'stroke-width', 'tabindex'].includes(name))
            .map(({ value }) => value);
          const texts = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE);
          return [...values, ...texts.map(({ textContent }) => textContent ?? '')];
        }),
      );
      const aDigit = /\d|\b(zero|one|two|three|four|five|six|seven|eight|nine)\b|[영공]|하나|다섯|여섯|일곱|여덟|아홉/i;
      expect(told.length).toBeGreaterThan(30);
      expect(told.filter((text) => aDigit.test(text))).toEqual([]);
    });

    it('draws its keys alike: the same elements and attributes for each digit', async () => {
      const kinds = await page.locator('#pad [data-code]').evaluateAll((keys) =>
        keys.map((key) => {
          const parts = [key, ...key.querySelectorAll('*')];
          return parts.map(({ tagName, attributes }) => [tagName, ...[...attributes].map(({ name }) => name)]).join();
        }),
      );
      expect(kinds).toHaveLength(10);
      expect(new Set(kinds).size).toBe(1);
    });

    it('is another one with each load: every drawing, every code, and the order', async () => {
      const seen = async () => {
        const codes = await world.codes(page);
        const keys = await page
          .locator('#pad [data-code]')
          .evaluateAll((all) =>
            all.map((key) => [key.getAttribute('data-code'), key.querySelector('path')?.getAttribute('d')] as const),
          );
        return {
          codes: keys.map(([code]) => code),
          paths: keys.map(([, path]) => path),
          order: keys.map(([code]) => codes.indexOf(code ?? '')),
        };
      };
      const first = await seen();
      await page.reload();
      const second = await seen();
      expect([...first.order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(new Set([...first.codes, ...second.codes]).size).toBe(20);
      expect(new Set([...first.paths, ...second.paths]).size).toBe(20);
      expect(second.order).not.toEqual(first.order);
    });
  });

  it('send and log no password, no token, no session, no key', async () => {
    const ordered = await world.ordered({ bank_acct_num: await world.account() });
    const context = await newContext(world.browser);
    const phone = await context.newPage();
    const sent: string[] = [];
    const bodies: string[] = [];
    const referrers: unknown[] = [];
    context.on('request', (request) => {
      sent.push(request.url());
      referrers.push(request.headers().referer);
      if (request.method() === 'POST') bodies.push(request.postData() ?? '');
    });
    await phone.goto(ordered.phoneUrl);
    const csrf = await phone.locator('[name=csrf]').first().getAttribute('value');
    await world.toKeypad(phone);
    await world.press(phone, WRONG);
    await phone.locator('[role=alert]').waitFor();
    await world.press(phone, PASSWORD);
    await phone.waitForURL(`${world.merchant.url}/approval**`);

    const entries = bodies.map((body) => new URLSearchParams(body)).filter((body) => body.has('keys'));
    expect(entries).toHaveLength(2);
    for (const secret of [PASSWORD, WRONG]) expect([...bodies, ...sent].join('\n')).not.toContain(secret);
    expect(referrers.filter(Boolean)).toEqual([]);

    const [session] = (await context.cookies(world.shop.url)).filter(({ name }) => name === 'oneq_session');
    const logs = await world.shop.logs();
    expect(logs).toContain(ordered.tid); // it is these logs that would have it
    expect(logs).toContain('"event":"password.wrong"');
    const secrets = {
      password: PASSWORD,
      wrong: WRONG,
      pcToken: tokenOf(ordered.pcUrl),
      phoneToken: tokenOf(ordered.phoneUrl),
      cookie: session?.value,
      csrf,
      ...Object.fromEntries(
        entries.flatMap((entry, index) => [
          [`attempt ${index}`, entry.get('attempt')],
          [`keys ${index}`, entry.get('keys')],
        ]),
      ),
    };
    const told = Object.entries(secrets).filter(([, secret]) => !secret || logs.includes(secret));
    expect(told).toEqual([]);
    await context.close();
  });

  describe('names of shops and goods', () => {
    const NAMES: Readonly<Record<string, string>> = {
      markup: `<script>alert(1)</script><img src=x onerror="alert(2)">&amp;"'`,
      long: '가'.repeat(100),
      'long in one word': 'W'.repeat(100),
      'right to left': 'مطعم البيتزا اللذيذ 24 פיצה',
      emoji: '🍕👨‍👩‍👧‍👦 피자 🇰🇷',
    };

    it.each(Object.entries(NAMES))('are text and break no page: %s', async (_kind, name) => {
      const affiliated = await world.shop.form('/pay/store/token', anAffiliation({ opponent_name: name }));
      const { cid } = affiliated.body as { cid: string };
      const ordered = await world.ordered({ cid, opponent_name: name, item_name: name });
      const payer = new Payer(world);
      await payer.begin(ordered);
      const context = await newContext(world.browser);
      await payer.lend(context);
      const page = await context.newPage();
      const dialogs: string[] = [];
      page.on('dialog', (dialog) => {
        dialogs.push(dialog.message());
        void dialog.dismiss();
      });
      const faults: string[] = [];
      for (const url of [
        ordered.pcUrl,
        payer.at(ordered, { step: 'cancel' }),
        payer.at(ordered, { step: 'method' }),
        payer.at(ordered, { step: 'review', payment_method_type: 'MONEY' }),
        payer.passwordUrl(ordered),
      ]) {
        await page.goto(url);
        const names = await page.locator('bdi.name').allTextContents();
        expect(names.length).toBeGreaterThan(0);
        expect(new Set(names)).toEqual(new Set([name]));
        for (const width of [320, 360, 1280]) {
          await page.setViewportSize({ width, height: 740 });
          faults.push(...(await layoutFaultsOf(page)).map((fault) => `${width} px, ${url}: ${fault}`));
        }
      }
      expect(faults).toEqual([]);
      expect(dialogs).toEqual([]);
      expect(troublesOf(page)).toEqual([]);
      await context.close();
    });
  });

  describe('forged forms', () => {
    const FORMS = ['begin', 'cancel', 'release'] as const;
    let ordered: Ordered;
    let mine: Payer;
    let csrf: string;
    beforeEach(async () => {
      ordered = await world.ordered();
      mine = new Payer(world);
      csrf = /name="csrf" value="([\w-]+)"/.exec((await mine.look(ordered.phoneUrl)).text)?.[1] ?? '';
    });

    const fieldsOf = (form: string): Fields => ({
      token: tokenOf(form === 'release' ? ordered.pcUrl : ordered.phoneUrl),
      ...(form === 'cancel' && { page: 'phone' }),
    });
    const cookieOf = (payer: Payer) => ({ cookie: `oneq_session=${payer.cookie}` });

    async function expectNothingChanged(): Promise<void> {
      await expect(world.statusOf(ordered)).resolves.toBe('READY');
      await expect(boundTo(ordered)).resolves.toBeNull();
    }

    it.each(FORMS)('%s: are refused without cookie, with a wrong proof, from another site or browser', async (form) => {
      const post = (fields: Fields, headers: Fields) =>
        world.shop.form(`/pay/checkout/${form}`, { ...fieldsOf(form), ...fields }, headers);
      const answers = [
        await post({ csrf }, {}),
        await post({}, cookieOf(mine)),
        await post({ csrf: `${csrf.slice(1)}A` }, cookieOf(mine)),
        await post({ csrf }, { ...cookieOf(mine), 'sec-fetch-site': 'cross-site' }),
        await post({ csrf }, cookieOf(new Payer(world))),
      ];
      for (const { status, text } of answers) {
        expect(status).toBe(403);
        expect(text).toContain('다시 한번 시도해 주세요');
        expect(text).not.toMatch(/원큐피자|16,000/);
      }
      await expectNothingChanged();
      // Not refused for any other reason.
      expect((await post({ csrf }, cookieOf(mine))).status).toBe(303);
    });

    it('password: counts no try', async () => {
      const again = await world.ordered({ bank_acct_num: await world.account() });
      const payer = new Payer(world);
      await payer.begin(again);
      const form = { payment_method_type: 'MONEY', top_up_amount: '0', mode: 'pad', attempt: 'x', keys: 'y' };
      for (let tries = 0; tries < 6; tries += 1) {
        const answer = await payer.send('password', again.pcUrl, { ...form, token: tokenOf(again.phoneUrl), csrf: '' });
        expect(answer.body).toMatchObject({ outcome: 'stale' });
      }
      const { status } = await payer.enter(again, PASSWORD);
      expect(status).toBe(200);
      await expect(world.statusOf(again)).resolves.toBe('AUTHENTICATED');
    });

    it('sent by another site’s script arrive without the cookie, and change nothing', async () => {
      const context = await newContext(world.browser);
      await mine.lend(context);
      const page = await context.newPage();
      await page.goto(world.merchant.url);
      await page.evaluate(
        ({ action, fields }) => {
          const form = Object.assign(document.createElement('form'), { method: 'post', action });
          for (const [name, value] of Object.entries(fields)) {
            form.append(Object.assign(document.createElement('input'), { name, value }));
          }
          document.body.append(form);
          form.submit();
        },
        { action: `${world.shop.url}/pay/checkout/begin`, fields: { ...fieldsOf('begin'), csrf } },
      );
      await page.locator('h1', { hasText: '다시 한번 시도해 주세요' }).waitFor();
      await expectNothingChanged();
      await page.click('text=결제 화면 다시 열기'); // and the payer goes on
      await page.click('text=다음');
      await expect(page.textContent('h1')).resolves.toBe('무엇으로 결제할까요?');
      await context.close();
    });
  });

  describe('the language', () => {
    it('sticks once it was chosen, from page to page and from payment to payment', async () => {
      const page = await world.visit((await world.ordered()).phoneUrl);
      await page.click('text=English');
      await expect(page.textContent('h1')).resolves.toBe('Pay 16,000 won?');
      await page.click('text=Next');
      await expect(page.textContent('h1')).resolves.toBe('How would you like to pay?');
      await page.goto((await world.ordered()).pcUrl);
      await expect(page.textContent('h1')).resolves.toBe('Scan the QR code with your phone');
      await page.click('text=한국어');
      await expect(page.textContent('h1')).resolves.toBe('휴대폰으로 QR을 찍어 주세요');
      await expect(page.getAttribute('html', 'lang')).resolves.toBe('ko');
      await page.context().close();
    });

    it('is switched on the very screen, not before it', async () => {
      const ordered = await world.ordered();
      const payer = new Payer(world, 'qr');
      await payer.begin(ordered);
      const context = await newContext(world.browser);
      await payer.lend(context);
      const page = await context.newPage();
      await page.goto(payer.at(ordered, { step: 'review', payment_method_type: '계좌' }));
      await page.click('text=English');
      await expect(page.textContent('h1')).resolves.toBe('Ready to pay?');
      await expect(page.textContent('.facts')).resolves.toContain('····');
      await context.close();
    });

    it.each(['xx', '', 'EN', 'ko,en', '"><script>alert(1)</script>'])('asked for as %j is harmless', async (lang) => {
      const { phoneUrl } = await world.ordered();
      const answer = await new Payer(world).look(`${phoneUrl}&lang=${encodeURIComponent(lang)}`, {
        'accept-language': 'en-GB',
      });
      expect(answer.status).toBe(200);
      expect(answer.text).toContain('<html lang="en">');
      expect(answer.text).not.toContain('<script>alert');
      expect(answer.headers.getSetCookie().join()).not.toContain('oneq_lang');
    });
  });

  it('repeat nothing of an address that is not theirs', async () => {
    const evil = encodeURIComponent('"><script>alert(1)</script>');
    const { phoneUrl } = await world.ordered();
    for (const name of ['token', 'step', 'mode', 'first', 'notice', 'via', 'payment_method_type', 'x']) {
      const path = name === 'token' ? '/pay/oneq/transfer?' : `${phoneUrl}&`;
      const { text } = await new Payer(world).look(`${path}${name}=${evil}`);
      expect(text).not.toContain('<script>alert');
    }
  });
});

/** Pixels without a dark one from the left and from above; corners do not count, which may be the page's. */
function quietZoneOf({ data, width, height }: PNG): [left: number, top: number] {
  const isDark = (x: number, y: number) => (data[(y * width + x) * 4] ?? 0) < 128;
  const across = Array.from({ length: width }, (_each, at) => at);
  const isInside = (at: number) => at > width * 0.1 && at < width * 0.9;
  const inside = across.filter(isInside).filter((at) => at < height);
  return [
    across.findIndex((x) => inside.some((y) => isDark(x, y))),
    across.findIndex((y) => inside.some((x) => isDark(x, y))),
  ];
}
