import type { BrowserContext, Page, Route } from 'playwright-core';
import { anApproval, until } from '../e2e/shop';
import { newContext, troublesOf } from './browser';
import { CheckoutWorld, type Ordered, PASSWORD, WRONG } from './checkout';
import { enter, eventsOf, giveUp, listen, returnUrl, says, screensOf, shows, triesTaken } from './payer';

/** After so long, ms, without its page the PC counts as gone (design of the pages: 20 s). */
const PC_GONE_MS = 20_500;

describe('paying in a browser', () => {
  let world: CheckoutWorld;
  /** An order whose PC page was closed when the tests began: some time has to pass until that is noticed. */
  let abandoned: { readonly ordered: Ordered; readonly closedAt: number };

  beforeAll(async () => {
    world = await CheckoutWorld.open();
    const ordered = await world.ordered();
    const context = await newContext(world.browser, { width: 1280 });
    const pc = await context.newPage();
    const [live] = await Promise.all([
      pc.waitForResponse((response) => response.url().includes('/pay/live')),
      pc.goto(ordered.pcUrl),
    ]);
    expect(live.status()).toBe(200);
    await context.close();
    abandoned = { ordered, closedAt: performance.now() };
  }, 60_000);
  afterAll(() => world?.close());

  const approve = async ({ order }: Ordered) => {
    const { status } = await world.shop.form('/pay/success', anApproval(order));
    expect(status).toBe(200);
  };
  /** An order of a wallet that has a password. */
  const known = async (changes: { readonly balance?: string; readonly bank_acct_alias?: string } = {}) =>
    world.ordered({ ...changes, bank_acct_num: await world.account(changes.balance) });
  const moneyOf = ({ order }: Ordered) => world.shop.wallet(order);
  /** A PC that has handed over to a phone, both open. */
  const handedOver = async (ordered: Ordered): Promise<[pc: Page, phone: Page]> => {
    const pages = await Promise.all([world.pc(ordered.pcUrl), world.visit(ordered.scannedUrl)]);
    await shows(pages[0], 'qr');
    return pages;
  };
  const start = async (phone: Page) => {
    await phone.locator('[data-screen=intro] button').click();
    await shows(phone, 'method');
  };

  /** Its pages hear of nothing. */
  const deaf = (context: BrowserContext) => context.route(/\/pay\/(live|status)/, (route) => route.abort());

  afterEach(() => Promise.all(world.browser.contexts().map((context) => context.close())));

  describe('the whole way', () => {
    it('by QR code: the PC follows the phone and goes on by itself, signed; the phone stays', async () => {
      const ordered = await known();
      const [pc, phone] = await handedOver(ordered);
      await expect(pc.locator('h1').textContent()).resolves.toBe('휴대폰으로 QR을 찍어 주세요');
      await pc.locator('#status', { hasText: '휴대폰에서 화면을 열었어요' }).waitFor();
      await world.toKeypad(phone);
      await says(pc, '휴대폰에서 결제하고 있어요');
      expect(await pc.locator('.qr [role=img]').count()).toBe(0);
      await world.pay(phone);
      await pc.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      await phone.locator('main', { hasText: 'PC에서 계속돼요' }).waitFor();
      expect(await phone.locator('#main').getAttribute('data-leave')).toBeNull();
      await approve(ordered);
      await says(phone, '결제를 마쳤어요');
      expect(new URL(phone.url()).origin).toBe(world.shop.url);
      expect(await eventsOf(world, ordered)).toEqual(['payment.authenticated', 'payment.approved']);
      expect([...troublesOf(pc), ...troublesOf(phone)]).toEqual([]);
    });

    it.each([true, false])(
      'by QR code: a PC that is loaded after the phone came says that it did (scripts: %p)',
      async (javaScript) => {
        const ordered = await world.ordered();
        await world.visit(ordered.scannedUrl);
        const { pathname, search } = new URL(ordered.pcUrl);
        await until(async () => (await world.shop.get(pathname + search)).text.includes('data-phase="opened"'));
        const pc = await world.pc(ordered.pcUrl, { javaScript });
        await pc.locator('#status', { hasText: '휴대폰에서 화면을 열었어요' }).waitFor();
      },
    );

    it.each([
      ['direct', async (ordered: Ordered, page: Page) => void (await page.goto(ordered.phoneUrl))],
      [
        'by 이 기기에서 결제하기',
        async (ordered: Ordered, page: Page) => {
          await page.goto(ordered.pcUrl);
          await page.getByRole('link', { name: '이 기기에서 결제하기' }).click();
        },
      ],
    ])('%s: that browser goes on, and Back never shows a keypad again', async (_way, open) => {
      const ordered = await known();
      const page = await (await newContext(world.browser)).newPage();
      await open(ordered, page);
      await world.toKeypad(page);
      await world.pay(page);
      const url = await returnUrl(world, ordered, 'authenticated');
      await page.waitForURL(url);
      const screens = await screensOf(page);
      for (let back = 0; back < 3; back += 1) {
        const visits = world.merchant.visits.length;
        await page.goBack();
        await until(async () => world.merchant.visits.length > visits);
        await page.waitForURL(url);
      }
      expect(screens).toContain('confirmed');
      expect(screens.filter((screen) => screen !== 'confirmed' && screen !== null)).toEqual([]);
      expect(await eventsOf(world, ordered)).toEqual(['payment.authenticated']);
    });

    it("in the shop's popup: it comes back to the shop's page with its opener, and never counts as closed", async () => {
      const ordered = await known();
      const shop = await world.visit(`${world.merchant.url}/checkout`);
      const [popup] = await Promise.all([
        shop.waitForEvent('popup'),
        shop.evaluate((url) => {
          const opened = window.open(url, 'pay', 'width=420,height=760');
          const seen = { closed: 0, looks: 0 };
          Object.assign(window, { seen });
          setInterval(() => {
            seen.looks += 1;
            if (!opened || opened.closed) seen.closed += 1;
          }, 20);
        }, ordered.pcUrl),
      ]);
      await popup.getByRole('link', { name: '이 기기에서 결제하기' }).click();
      await world.toKeypad(popup);
      await world.pay(popup);
      await popup.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await popup.evaluate(() => window.opener?.location.pathname)).toBe('/checkout');
      const seen = await shop.evaluate(() => (window as unknown as { seen: { closed: number; looks: number } }).seen);
      expect(seen.looks).toBeGreaterThan(5);
      expect(seen.closed).toBe(0);
    });

    it('in English: no Korean on the way but names', async () => {
      const ordered = await world.ordered({ item_name: 'Sweet potato pizza' });
      const options = { lang: 'en-GB' };
      const [pc, phone] = await Promise.all([
        world.pc(ordered.pcUrl, options),
        world.visit(ordered.scannedUrl, options),
      ]);
      const merchant = (await pc.locator('bdi').first().textContent()) ?? '';
      const isEnglish = async (page: Page, heading: string) => {
        await says(page, heading);
        expect(await page.getAttribute('html', 'lang')).toBe('en');
        expect(await page.title()).toBe(`${heading} | OneQ Pay`);
        const text = await page.evaluate(() => document.body.innerText);
        expect(text.replaceAll(merchant, '').replace('한국어', '')).not.toMatch(/[가-힣]/);
      };
      await isEnglish(pc, 'Scan the QR code with your phone');
      await isEnglish(phone, 'Pay 16,000 won?');
      await phone.getByRole('button', { name: 'Next' }).click();
      await isEnglish(phone, 'How would you like to pay?');
      await isEnglish(pc, "You're paying on your phone");
      await phone.getByRole('button', { name: 'Next' }).click();
      await isEnglish(phone, 'Ready to pay?');
      await phone.getByRole('button', { name: 'Pay 16,000 won' }).click();
      await isEnglish(phone, 'Create a payment password');
      await enter(world, phone, PASSWORD);
      await isEnglish(phone, 'Enter it once more');
      await world.press(phone, PASSWORD);
      await pc.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      await isEnglish(phone, 'Payment confirmed');
      await approve(ordered);
      await isEnglish(phone, 'Payment complete');
    });
  });

  describe('two phones', () => {
    it('the second one sees that it is paid elsewhere and cannot cancel, until the PC shows the QR code again', async () => {
      const ordered = await world.ordered();
      const [pc, first] = await handedOver(ordered);
      const third = await world.visit(ordered.scannedUrl);
      const second = await (await newContext(world.browser)).newPage();
      await deaf(second.context());
      await second.goto(ordered.scannedUrl);
      const csrf = await second.locator('[data-screen=intro] input[name=csrf]').inputValue();
      await start(first);
      await says(third, '다른 휴대폰에서 결제하고 있어요'); // by itself
      await second.locator('[data-screen=intro] button').click();
      await says(second, '다른 휴대폰에서 결제하고 있어요');
      const nothing = async () => {
        expect(await second.content()).not.toMatch(/원큐피자|고구마피자|16,000/);
        expect(await second.locator('form').count()).toBe(0);
      };
      await nothing();
      await second.goto(`${ordered.scannedUrl}&step=cancel`);
      await shows(second, 'elsewhere');
      await nothing();
      const token = new URL(ordered.phoneUrl).searchParams.get('token') ?? '';
      await second.request.post(`${world.shop.url}/pay/checkout/cancel`, { form: { token, csrf, page: 'phone' } });
      expect(await world.statusOf(ordered)).toBe('READY');

      await pc.getByRole('button', { name: 'QR 다시 보기' }).click();
      await shows(pc, 'qr');
      await shows(first, 'intro');
      await second.getByRole('link', { name: '다시 확인하기' }).click();
      await start(second);
      await shows(first, 'elsewhere');
      await says(pc, '휴대폰에서 결제하고 있어요');
      expect(troublesOf(pc)).toEqual([]);
    });
  });

  describe('the password', () => {
    /** What the page shows of a lock: the minute is rounded up, in Seoul. */
    const lockTime = async ({ order }: Ordered) => {
      const [row] = await world.shop.rows<{ locked_until: Date }>(
        'SELECT locked_until FROM payment.passwords JOIN payment.payments USING (wallet_id) WHERE order_id = $1',
        [order.order_id],
      );
      const minute = new Date(Math.ceil(Number(row?.locked_until) / 60_000) * 60_000);
      const time = minute.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'Asia/Seoul' });
      const [, clock, half] = /^(\d+:\d\d)\s(AM|PM)$/.exec(time) ?? [];
      return `${half === 'AM' ? '오전' : '오후'} ${clock}`;
    };

    it('wrong four times: the alert has the focus and says how many tries are left; the fifth locks the wallet', async () => {
      const bank_acct_num = await world.account();
      const ordered = await world.ordered({ bank_acct_num });
      const other = await world.ordered({ bank_acct_num });
      const [phone, waiting] = await Promise.all([world.visit(ordered.phoneUrl), world.visit(other.phoneUrl)]);
      await Promise.all([world.toKeypad(phone), world.toKeypad(waiting)]);
      for (const left of ['4번', '3번', '2번', '한 번']) {
        await enter(world, phone, WRONG);
        const alert = `비밀번호가 달라요. ${left} 더 틀리면 30분 동안 결제할 수 없어요.`;
        await expect(phone.locator('[role=alert]:focus').textContent()).resolves.toBe(alert);
        expect(await phone.title()).toMatch(/^오류: /);
      }
      await world.press(phone, WRONG);
      await shows(phone, 'locked');
      const heading = `${await lockTime(ordered)}부터 다시 결제할 수 있어요`;
      await expect(phone.locator('h1').textContent()).resolves.toBe(heading);
      expect(await world.statusOf(ordered)).toBe('FAILED');
      expect(new URL(phone.url()).origin).toBe(world.shop.url); // bad news is read first

      // Another payment of the wallet: not even the right password, and it is not failed.
      await world.press(waiting, PASSWORD);
      await says(waiting, heading);
      expect(await world.statusOf(other)).toBe('READY');
      expect(await triesTaken(world, other)).toBe(5);

      const before = world.shop.stack.processes().find(({ name }) => name === 'payment');
      process.kill(before?.pid ?? 0, 'SIGTERM');
      await until(async () => world.shop.stack.processes().every(({ pid }) => pid !== before?.pid));
      await until(async () => (await world.shop.get('/health/ready')).status === 200);
      await waiting.goto(other.phoneUrl);
      await says(waiting, heading);

      await phone.getByRole('link', { name: '주문 화면으로' }).click();
      await phone.waitForURL(await returnUrl(world, ordered, 'failed'));
    });

    it('wrong four times, then right: pays, and all tries are given back', async () => {
      const ordered = await known();
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      for (let wrong = 0; wrong < 4; wrong += 1) await enter(world, phone, WRONG);
      expect(await triesTaken(world, ordered)).toBe(4);
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await triesTaken(world, ordered)).toBe(0);
    });

    it('set for the first time: easy ones are refused, two different ones begin anew, a good one pays', async () => {
      const ordered = await world.ordered();
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      await says(phone, '결제 비밀번호를 만들어 주세요');
      for (const weak of ['111592', '123592', '832195']) {
        await enter(world, phone, weak);
        const alert = '알아채기 쉬운 숫자예요. 다른 숫자로 만들어 주세요.';
        await expect(phone.locator('[role=alert]:focus').textContent()).resolves.toBe(alert);
        await phone.locator('.step', { hasText: '2단계 중 1단계' }).waitFor();
      }
      await enter(world, phone, PASSWORD);
      await phone.locator('.step', { hasText: '2단계 중 2단계' }).waitFor();
      await says(phone, '한 번 더 눌러 주세요');
      await enter(world, phone, WRONG);
      const different = '두 번 누른 숫자가 서로 달라요. 처음부터 다시 눌러 주세요.';
      await expect(phone.locator('[role=alert]:focus').textContent()).resolves.toBe(different);
      await phone.locator('.step', { hasText: '2단계 중 1단계' }).waitFor();
      await world.pay(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));

      const next = await world.ordered({ bank_acct_num: order(ordered) });
      await phone.goto(next.phoneUrl);
      await world.toKeypad(phone);
      await says(phone, '결제 비밀번호를 눌러 주세요');
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, next, 'authenticated'));
    });
  });

  describe('what it is paid with', () => {
    it('short of pay money: adds the difference from the account and pays, with all four amounts shown first', async () => {
      const ordered = await known({ balance: '12000', bank_acct_alias: '월급통장' });
      const phone = await world.visit(ordered.phoneUrl);
      await start(phone);
      await phone.locator('label', { hasText: '4,000원 채우고 결제' }).locator('input:checked').waitFor();
      await phone.locator('[data-screen=method] button').click();
      await says(phone, '4,000원을 채우고 결제할까요?');
      const facts = (await phone.locator('dl').last().innerText()).replace(/\s+/g, ' ');
      expect(facts).toMatch(
        /페이머니 잔액 12,000원 채울 금액 4,000원.*월급통장.*결제할 금액 16,000원 결제 후 잔액 0원/,
      );
      await phone.getByRole('link', { name: '계좌로 바로 결제하기' }).waitFor();
      await phone.getByRole('button', { name: '채우고 16,000원 결제' }).click();
      await shows(phone, 'password');
      await world.pay(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await moneyOf(ordered)).toMatchObject({ money_balance: 12_000, bank_balance: 10_000_000 });
      await approve(ordered);
      expect(await moneyOf(ordered)).toMatchObject({
        money_balance: 0,
        money_held: 0,
        bank_balance: 9_996_000,
        bank_held: 0,
      });
    });

    it.each([
      ['cancelled by the shop', (tid: string) => world.shop.authenticate(tid, { outcome: 'cancel' })],
      ['expired', (tid: string) => world.shop.form(`/sandbox/payments/${tid}/expire`)],
    ])('charge-and-pay that is %s before the approval leaves both balances as they were', async (_how, end) => {
      const ordered = await known({ balance: '12000' });
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      await world.pay(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await moneyOf(ordered)).toMatchObject({ money_held: 12_000, bank_held: 4_000 });
      expect((await end(ordered.tid)).status).toBe(200);
      expect(await moneyOf(ordered)).toMatchObject({
        money_balance: 12_000,
        money_held: 0,
        bank_balance: 10_000_000,
        bank_held: 0,
      });
    });

    it('nothing that can pay: says so, with what each lacks, and leads back to the shop', async () => {
      const ordered = await world.ordered({ balance: '1000', amount: '20000000' });
      const phone = await world.visit(ordered.phoneUrl);
      await start(phone);
      const hint = '쓸 수 있는 결제 수단이 없어요. 잔액을 채운 뒤 다시 주문해 주세요.';
      await phone.locator('.hint', { hasText: hint }).waitFor();
      expect(await phone.locator('input[type=radio]:not(:disabled)').count()).toBe(0);
      await phone.locator('label', { hasText: '잔액이 19,999,000원 모자라요' }).waitFor();
      await phone.locator('label', { hasText: '잔액이 10,000,000원 모자라요' }).waitFor();
      await giveUp(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'cancelled'));
    });

    it('a method that the shop does not take cannot be chosen and says why', async () => {
      const ordered = await world.ordered({ payment_method_type: '계좌' });
      const phone = await world.visit(ordered.phoneUrl);
      await start(phone);
      const money = phone.locator('label', { hasText: '이 가게에서는 쓸 수 없어요' });
      expect(await money.locator('input').getAttribute('value')).toBe('MONEY');
      expect(await money.locator('input').isDisabled()).toBe(true);
      expect(await phone.locator('input[value="계좌"]').isChecked()).toBe(true);
      // An address that asks for it nevertheless is shown the choice again.
      await phone.goto(`${ordered.phoneUrl}&step=password&payment_method_type=MONEY&top_up_amount=0`);
      await shows(phone, 'method');
    });

    it('money that was spent elsewhere meanwhile: another method may be chosen, and the right password is not a try', async () => {
      const bank_acct_num = await world.account('16000');
      const ordered = await world.ordered({ bank_acct_num });
      const other = await world.ordered({ bank_acct_num });
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      expect((await world.shop.authenticate(other.tid)).status).toBe(200);
      await world.press(phone, PASSWORD);
      await phone.locator('[role=alert]:focus', { hasText: '잔액이 모자라서 결제하지 못했어요' }).waitFor();
      expect(await phone.title()).toMatch(/^오류: /);
      expect(await triesTaken(world, ordered)).toBe(0);
      expect(await world.statusOf(ordered)).toBe('READY');
      await phone.locator('input[value="계좌"]').check();
      await phone.locator('[data-screen=method] button').click();
      await phone.locator('[data-screen=review] .button').click();
      await shows(phone, 'password');
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await moneyOf(ordered)).toMatchObject({ money_held: 16_000, bank_held: 16_000 });
    });
  });

  describe('giving up', () => {
    const nextOn = (screen: string) => async (phone: Page) => {
      await phone.locator(`[data-screen=${screen}] .button`).click();
    };
    it.each([
      ['intro', []],
      ['method', [nextOn('intro')]],
      ['review', [nextOn('intro'), nextOn('method')]],
    ])('on the phone from %s: asks first, then goes to the cancel_url', async (screen, steps) => {
      const ordered = await world.ordered();
      const phone = await world.visit(ordered.phoneUrl);
      for (const step of steps) await step(phone);
      await shows(phone, screen);
      await phone.getByRole('link', { name: '결제 취소' }).click();
      await says(phone, '결제를 그만둘까요?');
      await phone.getByRole('link', { name: '계속 결제하기' }).click();
      await shows(phone, screen === 'intro' ? 'intro' : 'method');
      expect(await world.statusOf(ordered)).toBe('READY');
      await giveUp(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'cancelled'));
      expect(await world.statusOf(ordered)).toBe('CANCELLED');
      await phone.goto(ordered.phoneUrl);
      await says(phone, '결제를 취소했어요');
    });

    it('on a phone that came by QR code: it says so, and the PC goes to the cancel_url', async () => {
      const ordered = await world.ordered();
      const [pc, phone] = await handedOver(ordered);
      await start(phone);
      await giveUp(phone);
      await says(phone, /^결제를 취소했어요$/);
      await pc.waitForURL(await returnUrl(world, ordered, 'cancelled'));
      expect(new URL(phone.url()).origin).toBe(world.shop.url);
    });

    it('on the PC before a phone came: goes to the cancel_url, and a phone that comes later sees it', async () => {
      const ordered = await world.ordered();
      const pc = await world.pc(ordered.pcUrl);
      await giveUp(pc);
      await pc.waitForURL(await returnUrl(world, ordered, 'cancelled'));
      const phone = await world.visit(ordered.scannedUrl);
      await says(phone, '결제를 취소했어요');
      expect(await phone.locator('form').count()).toBe(0);
    });

    it('on the PC while the phone enters the password: the keypad goes, and the database agrees', async () => {
      const ordered = await world.ordered();
      const [pc, phone] = await handedOver(ordered);
      await world.toKeypad(phone);
      await world.press(phone, '482');
      await says(pc, '휴대폰에서 결제하고 있어요');
      await giveUp(pc);
      await pc.waitForURL(await returnUrl(world, ordered, 'cancelled'));
      await says(phone, '다른 화면에서 결제를 취소했어요');
      expect(await phone.locator('#pad').count()).toBe(0);
      expect(await world.statusOf(ordered)).toBe('CANCELLED');
    });

    it.each([
      ['cancelled on the PC', '결제를 취소했어요', 'cancel'],
      ['expired', '결제 시간이 지났어요', 'expire'],
    ])(
      'a password that comes when the payment was %s already is not looked at, and the phone says how it is',
      async (_how, heading, way) => {
        const bank_acct_num = await world.account();
        const ordered = await world.ordered({ bank_acct_num });
        const phone = await (await newContext(world.browser)).newPage();
        await deaf(phone.context());
        await phone.goto(ordered.scannedUrl);
        await world.toKeypad(phone);
        if (way === 'cancel') {
          const pc = await world.pc(ordered.pcUrl);
          await giveUp(pc);
          await pc.waitForURL(await returnUrl(world, ordered, 'cancelled'));
        } else {
          await world.shop.form(`/sandbox/payments/${ordered.tid}/expire`);
        }
        await world.press(phone, WRONG);
        await says(phone, heading);
        expect(await phone.locator('#pad').count()).toBe(0);
        expect(await triesTaken(world, ordered)).toBe(0);
      },
    );

    it('on a PC that has not heard of the payment: it is told the truth, and goes to the approval_url', async () => {
      const ordered = await known();
      const phone = await world.visit(ordered.scannedUrl);
      const pc = await (await newContext(world.browser, { width: 1280 })).newPage();
      await deaf(pc.context());
      await pc.goto(ordered.pcUrl);
      await pc.getByRole('link', { name: '결제 취소' }).click();
      await says(pc, '결제를 그만둘까요?');
      await world.toKeypad(phone);
      await world.pay(phone);
      await says(phone, '결제를 확인했어요');
      const screens = await screensOf(pc);
      await pc.getByRole('button', { name: '그만두기' }).click();
      await pc.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(screens).toEqual(['confirmed', null]);
      expect(await eventsOf(world, ordered)).toEqual(['payment.authenticated']);
    });

    it('on the PC at the very moment of the last key: one wins, and both screens and the database say which', async () => {
      const ordered = await known();
      const [pc, phone] = await handedOver(ordered);
      await world.toKeypad(phone);
      await says(pc, '휴대폰에서 결제하고 있어요');
      await pc.getByRole('link', { name: '결제 취소' }).click();
      await world.press(phone, PASSWORD.slice(0, 5));
      const last = (await world.codes(phone))[Number(PASSWORD[5])];
      // Neither arrives before both are on their way: a phone that hears of the end first has no keys any more.
      const sent = /\/pay\/checkout\/(cancel|password)$/;
      const both = Promise.all([pc.waitForRequest(sent), phone.waitForRequest(sent)]);
      const together = async (route: Route) => {
        await both;
        await route.continue();
      };
      for (const page of [pc, phone]) await page.route(sent, together);
      await Promise.all([
        pc.getByRole('button', { name: '그만두기' }).click(),
        phone.locator(`#pad [data-code="${last}"]`).click(),
        phone.waitForResponse(sent),
        both,
      ]);
      await pc.waitForURL(`${world.merchant.url}/**`);
      const status = await world.statusOf(ordered);
      const result = status === 'CANCELLED' ? 'cancelled' : 'authenticated';
      expect(pc.url()).toBe(await returnUrl(world, ordered, result));
      await says(phone, result === 'cancelled' ? /결제를 취소했어요/ : '결제를 확인했어요');
      expect(await eventsOf(world, ordered)).toEqual([`payment.${result}`]);
    });

    it('a payment that fails elsewhere: the phone says so, the PC is told and goes to the fail_url', async () => {
      const ordered = await world.ordered();
      const [pc, phone] = await handedOver(ordered);
      await start(phone);
      await says(pc, '휴대폰에서 결제하고 있어요');
      await world.shop.authenticate(ordered.tid, { outcome: 'fail' });
      await Promise.all([says(phone, '결제하지 못했어요'), says(pc, '결제하지 못했어요')]);
      await pc.waitForURL(await returnUrl(world, ordered, 'failed'));
    });
  });

  describe('time', () => {
    it('over: the PC and the phone by QR code change by themselves, and the PC goes to the fail_url', async () => {
      const ordered = await world.ordered();
      const [pc, phone] = await handedOver(ordered);
      await start(phone);
      await says(pc, '휴대폰에서 결제하고 있어요');
      await world.shop.form(`/sandbox/payments/${ordered.tid}/expire`);
      await Promise.all([says(phone, '결제 시간이 지났어요'), says(pc, '결제 시간이 지났어요')]);
      await pc.waitForURL(await returnUrl(world, ordered, 'expired'));
      expect(await phone.locator('a, button', { hasText: '결제' }).count()).toBe(0);
    });

    it('over on a phone that pays by itself: it goes to the fail_url by its button only', async () => {
      const ordered = await world.ordered();
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      await world.shop.form(`/sandbox/payments/${ordered.tid}/expire`);
      await says(phone, '결제 시간이 지났어요');
      expect(await phone.locator('#main').getAttribute('data-leave')).toBeNull();
      await phone.getByRole('link', { name: '주문 화면으로' }).click();
      await phone.waitForURL(await returnUrl(world, ordered, 'expired'));
    });

    it('is announced at five and at one minute, and is over only when the server says so', async () => {
      const ordered = await world.ordered();
      const phone = await (await newContext(world.browser)).newPage();
      await phone.clock.install();
      await phone.goto(ordered.phoneUrl);
      await shows(phone, 'intro');
      const heard = await listen(phone);
      const timer = phone.locator('#timer');
      expect(await timer.textContent()).toMatch(/^1[45]분 \d\d초$/);
      expect(await timer.getAttribute('aria-live')).toBe('off');
      await phone.clock.fastForward('10:00');
      await until(async () => heard.includes('5분 남았어요'));
      expect(heard).not.toContain('1분 남았어요');
      await phone.clock.fastForward('04:00');
      await until(async () => heard.includes('1분 남았어요'));
      await phone.clock.fastForward('01:00');
      await phone.locator('#timer', { hasText: /^0초$/ }).waitFor();
      expect(heard.filter((text) => text.endsWith('남았어요'))).toEqual(['5분 남았어요', '1분 남았어요']);
      await shows(phone, 'intro');
      await world.shop.form(`/sandbox/payments/${ordered.tid}/expire`);
      await says(phone, '결제 시간이 지났어요');
    });
  });

  describe('a payment that is paid', () => {
    it('shows its receipt whichever address is opened, and nothing to pay with; refresh and Back do no harm', async () => {
      const ordered = await known();
      const phone = await world.visit(ordered.phoneUrl);
      await world.toKeypad(phone);
      const keypad = phone.url();
      await world.pay(phone);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      await approve(ordered);
      const isReceipt = async (page: Page) => {
        await says(page, '이미 결제한 주문이에요');
        const text = (await page.locator('main').innerText()).replace(/\s+/g, ' ');
        expect(text).toMatch(/16,000원.*원큐.*고구마피자.*페이머니.*20\d\d\. \d+\. \d+\. (오전|오후) \d+:\d\d/);
        expect(text).toContain(ordered.tid);
        expect(await page.locator('form, button').count()).toBe(0);
        expect(await page.locator('#main').getAttribute('data-leave')).toBeNull();
      };
      const screens = await screensOf(phone);
      for (const url of [ordered.phoneUrl, keypad, `${ordered.phoneUrl}&step=cancel`, ordered.pcUrl]) {
        await phone.goto(url);
        await isReceipt(phone);
      }
      await phone.reload();
      await isReceipt(phone);
      for (let back = 0; back < 3; back += 1) {
        await phone.goBack();
        await isReceipt(phone);
      }
      const stranger = await world.visit(ordered.pcUrl);
      await isReceipt(stranger);
      expect(new Set(screens)).toEqual(new Set(['already-paid']));
      await phone.getByRole('link', { name: '주문 화면으로' }).click();
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(await eventsOf(world, ordered)).toEqual(['payment.authenticated', 'payment.approved']);
    });
  });

  it('a PC whose page was closed before the password: the phone may go on itself, and is asked to', async () => {
    const { ordered, closedAt } = abandoned;
    const phone = await world.visit(ordered.scannedUrl);
    await world.toKeypad(phone);
    await until(async () => performance.now() > closedAt + PC_GONE_MS, 25_000);
    const visits = world.merchant.visits.length;
    await world.pay(phone);
    await phone.locator('main', { hasText: 'PC 화면이 닫혀 있어요' }).waitFor();
    expect(await phone.locator('#main').getAttribute('data-leave')).toBeNull();
    expect(world.merchant.visits).toHaveLength(visits);
    await phone.getByRole('link', { name: '이 휴대폰에서 계속하기' }).click();
    await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
  }, 40_000);
});

/** The account that an order is paid from. */
function order(ordered: Ordered): string {
  return String(ordered.order.bank_acct_num);
}
