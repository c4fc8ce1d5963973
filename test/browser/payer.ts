import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page, Request } from 'playwright-core';
import type { CheckoutWorld, Ordered } from './checkout';

const PAGES = { authenticated: 'approval', cancelled: 'cancel', failed: 'fail', expired: 'fail' } as const;

/** Where the payer of an order is sent back to, signed as a merchant checks it: under its redirect_secret. */
export async function returnUrl(
  { shop, merchant }: CheckoutWorld,
  { order, tid }: Ordered,
  result: keyof typeof PAGES,
): Promise<string> {
  const { REDIRECT_SECRET } = JSON.parse(await readFile(join(shop.dataDir, 'secrets.json'), 'utf8'));
  const secret = `rs_${createHmac('sha256', REDIRECT_SECRET).update('redirect_secret:TC0ONETIME').digest('base64url')}`;
  const signature = createHmac('sha256', secret)
    .update(`${tid}.${order.order_id}.${order.amount}.${result}`)
    .digest('hex');
  const query = new URLSearchParams({ tid, order_id: String(order.order_id), result, signature });
  return `${merchant.url}/${PAGES[result]}?${query}`;
}

/** Resolves once the page shows this screen. */
export function shows(page: Page, screen: string): Promise<void> {
  return page.locator(`[data-screen="${screen}"]`).waitFor();
}

/** Resolves once the page's heading says this. */
export function says(page: Page, heading: string | RegExp): Promise<void> {
  return page.locator('h1', { hasText: heading }).waitFor();
}

/** Enters digits and waits for the keypad that follows. */
export async function enter(world: CheckoutWorld, page: Page, digits: string): Promise<void> {
  const attempt = await page.locator('form#password').getAttribute('data-attempt');
  await world.press(page, digits);
  await page.locator(`form#password:not([data-attempt="${attempt}"])`).waitFor();
}

/** From the keypad's page or another one to the question whether to stop, and yes. */
export async function giveUp(page: Page): Promise<void> {
  await page.getByRole('link', { name: '결제 취소' }).click();
  await page.getByRole('button', { name: '그만두기' }).click();
}

/** Everything that screen readers are told from now on, in order; a page that is loaded anew is not followed. */
export async function listen(page: Page): Promise<string[]> {
  const heard: string[] = [];
  await page.exposeBinding('heard', (_source, text: string) => heard.push(text));
  await page.evaluate(() => {
    const status = document.getElementById('status');
    const { heard } = window as unknown as { heard(text: string): void };
    if (!status) throw new Error('no status');
    new MutationObserver(() => status.textContent && heard(status.textContent)).observe(status, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  });
  return heard;
}

/** The screens of every document that the page loads from now on; `null` for another site's. */
export async function screensOf(page: Page): Promise<(string | null)[]> {
  const screens: (string | null)[] = [];
  await page.exposeBinding('screen', (_source, screen: string | null) => screens.push(screen));
  await page.addInitScript(() => {
    const { screen } = window as unknown as { screen(name: string | null): void };
    document.addEventListener('DOMContentLoaded', () =>
      screen(document.getElementById('main')?.dataset.screen ?? null),
    );
  });
  return screens;
}

/** The passwords that the page sends from now on, as they go over the wire. */
export function entriesOf(page: Page): Request[] {
  const entries: Request[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/pay/checkout/password')) entries.push(request);
  });
  return entries;
}

/** Wrong passwords in a row that count against the wallet of an order. */
export async function triesTaken({ shop }: CheckoutWorld, { order }: Ordered): Promise<number | undefined> {
  const [row] = await shop.rows<{ tries_taken: number }>(
    `SELECT tries_taken FROM payment.passwords JOIN payment.payments USING (wallet_id) WHERE order_id = $1`,
    [order.order_id],
  );
  return row?.tries_taken;
}

/** What has happened to an order's payment. */
export async function eventsOf({ shop }: CheckoutWorld, { order }: Ordered): Promise<string[]> {
  const rows = await shop.rows<{ type: string }>(
    `SELECT type FROM payment.events JOIN payment.payments ON payments.id = payment_id
     WHERE order_id = $1 ORDER BY events.sequence`,
    [order.order_id],
  );
  return rows.map(({ type }) => type);
}
