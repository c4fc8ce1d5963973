import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import qrcode from 'qrcode';
import { axe, fontsOf, newContext, openBrowser, qrOf, troublesOf } from './browser';

const ASSETS = join(__dirname, '../../dist/apps/gateway/assets');
const FONT = '"OneQ Sans"';

/** The helpers themselves, and the pages' font, on a page that has nothing else. */
describe('a real browser', () => {
  let browser: Browser;
  let server: Server;
  let origin: string;
  let body: string;

  beforeAll(async () => {
    server = createServer(async ({ url = '' }, response) => {
      const name = /^\/assets\/([\w.-]+)$/.exec(url)?.[1];
      if (name) return response.setHeader('content-type', typeOf(name)).end(await readFile(join(ASSETS, name)));
      response.setHeader(
        'content-security-policy',
        "default-src 'self'; script-src 'self' 'unsafe-inline'; img-src 'self' data:",
      );
      response.setHeader('content-type', 'text/html; charset=utf-8').statusCode = url === '/' ? 200 : 404;
      response.end(url === '/' ? body : '');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    server.close();
  });

  async function open(content: string): Promise<Page> {
    body = `<!doctype html><html lang="ko"><head><title>원큐페이</title><link rel="stylesheet" href="/assets/fonts.css">
<link rel="icon" href="data:,"></head><body><main>${content}</main></body></html>`;
    const page = await (await newContext(browser)).newPage();
    await page.goto(origin);
    return page;
  }

  it("shows Korean in the pages' own font, from the small file while the words are the pages' own", async () => {
    const page = await open('<h1>결제할까요?</h1>');
    const files = filesOf(page);
    await page.evaluate((font) => document.body.style.setProperty('font-family', font), FONT);
    await page.evaluate(() => document.fonts.ready);
    expect(files).toEqual(['oneq-sans-ui.woff2']);
    expect(await fontsOf(page, 'h1')).toEqual(['Wanted Sans Variable']);

    await page.evaluate(() => document.querySelector('h1')?.append('쌍팥죽 Café'));
    await page.evaluate((font) => document.fonts.load(`1rem ${font}`, '쌍'), FONT);
    expect(files).toEqual(['oneq-sans-ui.woff2', 'oneq-sans-names.woff2']);
    expect(await fontsOf(page, 'h1')).toEqual(['Wanted Sans Variable']);
    expect(troublesOf(page)).toEqual([]);
  });

  it('has weights, and digits of one width', async () => {
    const page = await open('<h1>결제</h1>');
    await page.evaluate((font) => document.fonts.load(`1rem ${font}`, '결1'), FONT);
    expect(await widthOf(page, 'Pay', '700')).toBeGreaterThan(await widthOf(page, 'Pay', '400'));
    const digits = await Promise.all([...'0123456789'].map((digit) => widthOf(page, digit.repeat(10))));
    expect(digits).toEqual(digits.map(() => digits[0]));
  });

  it('tells what went wrong on a page', async () => {
    const page = await open('<h1>결제</h1><p style="color:red">빨강</p><img alt="" src="/missing.png">');
    await page.evaluate(() => fetch('http://127.0.0.1:1/').catch(() => undefined));
    const troubles = troublesOf(page);
    expect(troubles).toContain(`404: ${origin}/missing.png`);
    expect(troubles).toContainEqual(
      expect.stringMatching(/^console: .*inline style violates .*Content Security Policy/),
    );
    expect(troubles).toContainEqual(expect.stringMatching(/^console: .*127\.0\.0\.1:1.*Content Security Policy/));
  });

  it('has visitors of every kind', async () => {
    const options = { lang: 'en-GB', dark: true, width: 320, height: 568, reducedMotion: true, forcedColors: true };
    const page = await (await newContext(browser, options)).newPage();
    await page.goto(origin);
    const matches = (query: string) => page.evaluate((media) => matchMedia(media).matches, query);
    expect(await page.evaluate(() => navigator.language)).toBe('en-GB');
    expect(await matches('(prefers-color-scheme: dark) and (prefers-reduced-motion) and (forced-colors)')).toBe(true);
    expect(await matches('(width: 320px) and (height: 568px)')).toBe(true);

    const noScript = await (await newContext(browser, { javaScript: false })).newPage();
    body = '<p>1</p><script>document.querySelector("p").textContent = "2"</script>';
    await noScript.goto(origin);
    expect(await noScript.textContent('p')).toBe('1');
  });

  it('finds what people with disabilities stumble over', async () => {
    expect(await axe(await open('<h1>결제</h1>'))).toEqual([]);
    expect(await axe(await open('<h1>결제</h1><input>'))).toEqual([
      expect.stringMatching(/^label \(critical\) input: /),
    ]);
  });

  it('reads a QR code from the picture of it', async () => {
    const text = 'http://192.168.0.2:8080/pay/oneq/transfer?token=AbC&via=qr';
    const page = await open(`<h1>결제</h1>${await qrcode.toString(text, { type: 'svg', width: 200 })}`);
    expect(await qrOf(page, 'svg')).toBe(text);
    expect(await qrOf(page, 'h1')).toBeUndefined();
  });

  function filesOf(page: Page): string[] {
    const names: string[] = [];
    page.on('request', (request) => names.push(request.url().slice(`${origin}/assets/`.length)));
    return names;
  }
});

function typeOf(name: string): string {
  return name.endsWith('.css') ? 'text/css' : 'font/woff2';
}

function widthOf(page: Page, text: string, fontWeight = '400'): Promise<number> {
  return page.evaluate(
    ({ text, ...style }) => {
      const element = Object.assign(document.createElement('span'), { textContent: text });
      Object.assign(element.style, style, { fontVariantNumeric: 'tabular-nums' });
      document.body.append(element);
      const { width } = element.getBoundingClientRect();
      element.remove();
      return width;
    },
    { text, fontFamily: FONT, fontWeight },
  );
}
