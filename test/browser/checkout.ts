import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type Fields, Shop } from '../e2e/shop';
import { type ContextOptions, newContext, openBrowser } from './browser';

/** A password that may be set. */
export const PASSWORD = '482915';
export const WRONG = '482916';

/** A prepared payment as its payer meets it. */
export interface Ordered {
  readonly order: Fields;
  readonly tid: string;
  /** Address of the PC's page. */
  readonly pcUrl: string;
  /** Address of the phone's page. */
  readonly phoneUrl: string;
  /** The phone's page as the QR code has it. */
  readonly scannedUrl: string;
}

/** The whole platform, a merchant's site that payers return to, and a real browser. */
export class CheckoutWorld {
  private constructor(
    readonly shop: Shop,
    readonly browser: Browser,
    readonly merchant: Merchant,
    private readonly keypadSecret: string,
  ) {}

  static async open(options: Parameters<typeof Shop.open>[0] = {}): Promise<CheckoutWorld> {
    const [shop, browser, merchant] = await Promise.all([Shop.open(options), openBrowser(), Merchant.open()]);
    const secrets = JSON.parse(await readFile(join(shop.dataDir, 'secrets.json'), 'utf8'));
    return new CheckoutWorld(shop, browser, merchant, secrets.KEYPAD_SECRET);
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.merchant.close();
    await this.shop.close();
  }

  async ordered(changes: Fields = {}): Promise<Ordered> {
    const { order, tid, answer } = await this.shop.prepare({ ...this.merchant.urls, ...changes });
    const phoneUrl = String(answer.body.android_app_scheme);
    return { order, tid, pcUrl: String(answer.body.next_redirect_url), phoneUrl, scannedUrl: `${phoneUrl}&via=qr` };
  }

  /** A new page of a visitor of its own. */
  async visit(url: string, options: ContextOptions = {}): Promise<Page> {
    const page = await (await newContext(this.browser, options)).newPage();
    await page.goto(url);
    return page;
  }

  pc(url: string, options: ContextOptions = {}): Promise<Page> {
    return this.visit(url, { width: 1280, height: 800, ...options });
  }

  /** Goes from the intro to the keypad. */
  async toKeypad(page: Page, options: { method?: 'MONEY' | '계좌' } = {}): Promise<void> {
    await page.locator('[data-screen=intro] button').click();
    await page.locator('[data-screen=method]').waitFor();
    if (options.method) await page.locator(`input[value="${options.method}"]`).check();
    await page.locator('[data-screen=method] button').click();
    await page.locator('[data-screen=review] .button, [data-screen=top-up] .button').click();
    await page.locator('[data-screen=password]').waitFor();
  }

  /** Presses these digits on the pad, by the codes that only the payment service and this test can read. */
  async press(page: Page, digits: string): Promise<void> {
    await page.waitForLoadState(); // a key that is pressed before the script came does nothing
    const codes = await this.codes(page);
    for (const digit of digits) await page.locator(`#pad [data-code="${codes[Number(digit)]}"]`).click();
  }

  /** The code of each digit, 0 to 9, of the keypad that is shown. */
  async codes(page: Page): Promise<string[]> {
    const form = page.locator('form#password');
    const [attempt, purpose] = await Promise.all([
      form.getAttribute('data-attempt'),
      form.getAttribute('data-purpose'),
    ]);
    return this.codesOf(attempt ?? '', purpose ?? '');
  }

  /** The code of each digit, 0 to 9, of a keypad's attempt. */
  codesOf(attempt: string, purpose: string): string[] {
    const id = Buffer.from(attempt, 'base64url')
      .subarray(7, 23)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    return [...'0123456789'].map((digit) =>
      createHmac('sha256', this.keypadSecret).update(`key:${id}:${purpose}:${digit}`).digest('base64url').slice(0, 8),
    );
  }

  /** Enters the password; a wallet that has none gets it by being entered twice. */
  async pay(page: Page, digits = PASSWORD): Promise<void> {
    const isNew = (await page.locator('form#password').getAttribute('data-purpose')) === 'set1';
    await this.press(page, digits);
    if (!isNew) return;
    await page.locator('form#password[data-purpose=set2]').waitFor();
    await this.press(page, digits);
  }

  /** An account whose wallet has {@link PASSWORD}, all of its money free. Without the browser, which would take seconds. */
  async account(balance = '50000'): Promise<string> {
    const { order, tid, phoneUrl } = await this.ordered({ balance, amount: '1', payment_method_type: '계좌' });
    const token = new URL(phoneUrl).searchParams.get('token') ?? '';
    const agreed = { payment_method_type: '계좌', top_up_amount: '0', mode: 'pad' };
    const intro = await this.shop.get(new URL(phoneUrl).pathname + new URL(phoneUrl).search);
    const cookie = (intro.headers.getSetCookie()[0] ?? '').split(';')[0] ?? '';
    const csrf = / name="csrf" value="([^"]+)"/.exec(intro.text)?.[1] ?? '';
    await this.shop.form('/pay/checkout/begin', { token, csrf }, { cookie });
    let page = `/pay/oneq/transfer?${new URLSearchParams({ token, step: 'password', ...agreed })}`;
    for (const purpose of ['set1', 'set2']) {
      const { text } = await this.shop.get(page, { cookie });
      const attempt = / data-attempt="([^"]+)"/.exec(text)?.[1] ?? '';
      const codes = this.codesOf(attempt, purpose);
      const keys = [...PASSWORD].map((digit) => codes[Number(digit)]).join('');
      const first = new URLSearchParams(page.split('?')[1]).get('first') ?? '';
      const entry = { token, csrf, attempt, keys, first, ...agreed };
      const { status, text: refusal, body } = await this.shop.form('/pay/checkout/password', entry, { cookie });
      if (status !== 200) throw new Error(`the password was not set: ${refusal}`);
      page = String(body.next);
    }
    await this.shop.authenticate(tid, { outcome: 'cancel' });
    return order.bank_acct_num ?? '';
  }

  /** Status of an order's newest payment, as the database has it. */
  async statusOf({ order }: Ordered): Promise<string | undefined> {
    const [payment] = await this.shop.rows<{ status: string }>(
      'SELECT status FROM payment.payments WHERE order_id = $1 ORDER BY attempt DESC LIMIT 1',
      [order.order_id],
    );
    return payment?.status;
  }
}

/** The merchant's three pages, and whom they saw. */
class Merchant {
  /** Path and query of each visit, in order. */
  readonly visits: string[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', ({ url = '' }, response) => {
      if (url !== '/favicon.ico') this.visits.push(url);
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<!doctype html><html lang="ko"><title>가게</title><h1>가게</h1></html>');
    });
  }

  static async open(): Promise<Merchant> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Merchant(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get urls() {
    return {
      approval_url: `${this.url}/approval`,
      cancel_url: `${this.url}/cancel`,
      fail_url: `${this.url}/fail`,
    };
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}
