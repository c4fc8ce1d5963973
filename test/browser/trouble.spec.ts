import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Page, Route } from 'playwright-core';
import { anApproval, until } from '../e2e/shop';
import { newContext } from './browser';
import { CheckoutWorld, type Ordered, PASSWORD, WRONG } from './checkout';
import { entriesOf, eventsOf, listen, returnUrl, says, shows, triesTaken } from './payer';

const LOST = '연결이 잠시 끊겼어요. 다시 연결하고 있어요.';
const BACK = '다시 연결했어요.';
const TROUBLE = '지금은 결제 화면을 열 수 없어요';

describe('when something is away while a payer pays', () => {
  let world: CheckoutWorld;
  beforeAll(async () => {
    world = await CheckoutWorld.open();
  }, 60_000);
  afterAll(() => world?.close());
  afterEach(() => Promise.all(world.browser.contexts().map((context) => context.close())));

  const ordered = async () => world.ordered({ bank_acct_num: await world.account() });
  const bothOpen = async (order: Ordered): Promise<[pc: Page, phone: Page]> => {
    const pages = await Promise.all([world.pc(order.pcUrl), world.visit(order.scannedUrl)]);
    await world.toKeypad(pages[1]);
    await says(pages[0], '휴대폰에서 결제하고 있어요');
    return pages;
  };
  /** The page is not loaded anew from now on, or this is gone. */
  const mark = (page: Page) => page.evaluate(() => void Object.assign(window, { marked: true }));
  const isMarked = (page: Page) => page.evaluate(() => 'marked' in window);
  const paidOnce = async (order: Ordered) => {
    expect((await world.shop.form('/pay/success', anApproval(order.order))).status).toBe(200);
    expect(await eventsOf(world, order)).toEqual(['payment.authenticated', 'payment.approved']);
    expect(await world.shop.wallet(order.order)).toMatchObject({ money_balance: 34_000, money_held: 0 });
  };

  /** As {@link Shop.without}, for the gateway itself, which cannot be asked whether it is away. */
  const withoutGateway = async (work: () => Promise<void>) => {
    const away = join(world.shop.dataDir, 'gateway-away');
    const health = async () => (await world.shop.get('/health/ready').catch(() => null))?.status;
    await writeFile(away, '');
    try {
      for (const { name, pid } of world.shop.stack.processes()) if (name === 'gateway') process.kill(pid, 'SIGKILL');
      await until(async () => (await health()) === undefined);
      await work();
    } finally {
      if (existsSync(away)) await rm(away);
      await until(async () => (await health()) === 200, 20_000);
    }
  };

  /**
   * The page has come to know what became of an entry: it was paid or, when the service was away for longer than the page
   * sends again, the keypad is there again and nothing was paid or counted.
   */
  const settles = async (order: Ordered, phone: Page, attempt: string | null, paid: Promise<void>) => {
    const again = phone.locator(`form#password:not([data-attempt="${attempt}"])`).waitFor({ timeout: 25_000 });
    const isPaid = await Promise.any([paid.then(() => true), again.then(() => false)]);
    again.catch(() => undefined);
    if (isPaid) return;
    expect(await world.statusOf(order)).toBe('READY');
    expect(await triesTaken(world, order)).toBe(0);
    await world.press(phone, PASSWORD);
    await paid;
  };
  const attemptOf = (phone: Page) => phone.locator('form#password').getAttribute('data-attempt');

  it('the gateway: both pages say so and come back by themselves, with what was entered, and it is paid once', async () => {
    const order = await ordered();
    const [pc, phone] = await bothOpen(order);
    await world.press(phone, PASSWORD.slice(0, 3));
    await Promise.all([mark(pc), mark(phone)]);
    await withoutGateway(async () => {
      await Promise.all([pc, phone].map((page) => page.locator('#status', { hasText: LOST }).waitFor()));
    });
    await Promise.all([pc, phone].map((page) => page.locator('#status', { hasText: BACK }).waitFor()));
    expect(await Promise.all([pc, phone].map(isMarked))).toEqual([true, true]);
    await world.press(phone, PASSWORD.slice(3));
    await pc.waitForURL(await returnUrl(world, order, 'authenticated'));
    expect(await isMarked(phone)).toBe(true);
    await paidOnce(order);
  });

  it('the gateway while the password is on its way: it says that it checks, and then the truth', async () => {
    const order = await ordered();
    const phone = await world.visit(order.phoneUrl);
    await world.toKeypad(phone);
    const attempt = await attemptOf(phone);
    await withoutGateway(async () => {
      await world.press(phone, PASSWORD);
      await phone.locator('#checking', { hasText: '두 번 결제되지 않으니 조금만 기다려 주세요.' }).waitFor();
      await phone.locator('#checking', { hasText: '결과를 확인하고 있어요' }).waitFor();
    });
    const paid = phone.waitForURL(await returnUrl(world, order, 'authenticated'), { timeout: 30_000 });
    await settles(order, phone, attempt, paid);
    await paidOnce(order);
  }, 60_000);

  it('the payment service on the way to the keypad: a page says so, and becomes the keypad by itself', async () => {
    const order = await ordered();
    const phone = await world.visit(order.phoneUrl);
    const pc = await world.pc(order.pcUrl);
    await phone.locator('[data-screen=intro] .button').click();
    await phone.locator('[data-screen=method] .button').click();
    await shows(phone, 'review');
    await says(pc, '휴대폰에서 결제하고 있어요');
    const heard = await listen(pc);
    await world.shop.without('payment', async () => {
      await phone.locator('[data-screen=review] .button').click();
      await says(phone, TROUBLE);
      await phone.locator('main', { hasText: '결제 정보는 그대로 있어요.' }).waitFor();
      await mark(phone);
      const late = await world.visit(order.pcUrl);
      await says(late, TROUBLE);
      expect(await late.locator('body').innerText()).not.toMatch(/16,000|고구마피자/);
    });
    await shows(phone, 'password');
    expect(await isMarked(phone)).toBe(true);
    await world.press(phone, PASSWORD);
    await phone.waitForURL(await returnUrl(world, order, 'authenticated'));
    await pc.waitForURL(await returnUrl(world, order, 'authenticated'));
    expect(heard.filter((text) => text === LOST).length).toBeLessThanOrEqual(1);
    await paidOnce(order);
  });

  it('the payment service for a moment when the password comes: it is sent again, and the PC goes on', async () => {
    const order = await ordered();
    const [pc, phone] = await bothOpen(order);
    const attempt = await attemptOf(phone);
    await world.shop.without('payment', async () => {
      await world.press(phone, PASSWORD);
      await phone.locator('#checking', { hasText: '결과를 확인하고 있어요' }).waitFor();
    });
    const paid = pc.waitForURL(await returnUrl(world, order, 'authenticated'), { timeout: 30_000 });
    await settles(order, phone, attempt, paid);
    await says(phone, '결제를 확인했어요');
    expect(await triesTaken(world, order)).toBe(0);
    await paidOnce(order);
  }, 60_000);

  it('the payment service for longer: it is not paid, the keypad comes back, and no try is lost', async () => {
    const order = await ordered();
    const phone = await world.visit(order.phoneUrl);
    await world.toKeypad(phone);
    const attempt = await attemptOf(phone);
    const entries = entriesOf(phone);
    await mark(phone);
    await world.shop.without('payment', async () => {
      await world.press(phone, PASSWORD);
      await phone.locator('#checking', { hasText: '결과를 확인하고 있어요' }).waitFor();
      // It has given up sending, and looks how the payment stands.
      await until(async () => entries.length === 4, 15_000);
      await phone.waitForResponse((response) => response.url().includes('/pay/status') && response.status() === 503);
    });
    await phone.locator(`form#password:not([data-attempt="${attempt}"])`).waitFor();
    expect(await isMarked(phone)).toBe(true);
    expect(await world.statusOf(order)).toBe('READY');
    expect(await triesTaken(world, order)).toBe(0);
    await world.press(phone, PASSWORD);
    await phone.waitForURL(await returnUrl(world, order, 'authenticated'));
    await paidOnce(order);
  }, 60_000);

  describe('the reply to the password', () => {
    /** The first entry arrives, but its answer does not. */
    const loseReply = async (page: Page) => {
      let lost = 0;
      await page.route('**/pay/checkout/password', async (route: Route) => {
        if (lost > 0) return route.continue();
        lost += 1;
        await route.fetch();
        return route.abort('connectionreset');
      });
    };

    it('to a right one: it is sent again and pays once', async () => {
      const order = await ordered();
      const phone = await world.visit(order.phoneUrl);
      await world.toKeypad(phone);
      await loseReply(phone);
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, order, 'authenticated'));
      expect(await triesTaken(world, order)).toBe(0);
      await paidOnce(order);
    });

    it('to a right one, while the page hears of nothing else: it is sent again and pays once', async () => {
      const order = await ordered();
      const phone = await (await newContext(world.browser)).newPage();
      await phone.context().route(/\/pay\/(live|status)/, (route) => route.abort());
      await phone.goto(order.phoneUrl);
      await world.toKeypad(phone);
      const entries = entriesOf(phone);
      await loseReply(phone);
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, order, 'authenticated'));
      expect(entries).toHaveLength(2);
      expect(entries[1]?.postData()).toBe(entries[0]?.postData());
      await paidOnce(order);
    });

    it('to a wrong one: it is sent again and counts as one try', async () => {
      const order = await ordered();
      const phone = await world.visit(order.phoneUrl);
      await world.toKeypad(phone);
      await loseReply(phone);
      await world.press(phone, WRONG);
      await phone.locator('[role=alert]:focus', { hasText: '4번 더 틀리면' }).waitFor();
      expect(await triesTaken(world, order)).toBe(1);
    });
  });

  it('the stream of events, all the time: both pages ask instead, and the PC goes on', async () => {
    const order = await ordered();
    const block = async (page: Page) => {
      await page.context().route('**/pay/live**', (route) => route.abort());
      return page;
    };
    const pc = await block(await (await newContext(world.browser, { width: 1280 })).newPage());
    const phone = await block(await (await newContext(world.browser)).newPage());
    await Promise.all([pc.goto(order.pcUrl), phone.goto(order.scannedUrl)]);
    await world.toKeypad(phone);
    await says(pc, '휴대폰에서 결제하고 있어요');
    await world.press(phone, PASSWORD);
    await pc.waitForURL(await returnUrl(world, order, 'authenticated'));
    await phone.locator('main', { hasText: 'PC에서 계속돼요' }).waitFor();
    expect(await pc.evaluate(() => document.title)).toBe('가게');
    await paidOnce(order);
    await says(phone, '결제를 마쳤어요');
  });

  it('the network of the PC: its page says so, and learns what happened meanwhile when it is back', async () => {
    const order = await ordered();
    const way = await Way.to(world.shop.url);
    const pc = await world.pc(order.pcUrl.replace(world.shop.url, way.url));
    const phone = await world.visit(order.scannedUrl);
    await pc.locator('#status', { hasText: '휴대폰에서 화면을 열었어요' }).waitFor();
    way.cut();
    await pc.locator('#status', { hasText: LOST }).waitFor();
    await world.toKeypad(phone);
    await world.press(phone, PASSWORD);
    await says(phone, '결제를 확인했어요');
    await says(pc, '휴대폰으로 QR을 찍어 주세요');
    way.mend();
    await pc.waitForURL(await returnUrl(world, order, 'authenticated'));
    way.close();
  });
});

/** A way to the gateway that can be cut, with everything that is on it. */
class Way {
  private readonly open = new Set<Socket>();
  private isCut = false;

  private constructor(
    private readonly server: Server,
    target: URL,
  ) {
    server.on('connection', (near: Socket) => {
      if (this.isCut) return near.destroy();
      const far = connect(Number(target.port), target.hostname);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.open.add(one);
        one.on('error', () => one.destroy());
        one.on('close', () => {
          this.open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async to(url: string): Promise<Way> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, 'localhost', listening));
    return new Way(server, new URL(url));
  }

  get url(): string {
    return `http://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.open) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
