import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../stack/src/ports';
import { Shop, until } from './shop';

const SERVER = join(__dirname, '../../examples/shop/server.mjs');
const ACCOUNT = '220987654321';

/** The example as its readers start it: a process of its own. */
class ExampleShop {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  static async open(oneqUrl: string): Promise<ExampleShop> {
    const port = await freePort();
    const env = { PATH: process.env.PATH, SHOP_PORT: String(port), ONEQ_URL: oneqUrl };
    const child = spawn(process.execPath, [SERVER], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    await until(async () => output.includes(`shop: http://localhost:${port}\n`));
    return new ExampleShop(child, `http://localhost:${port}`);
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  }

  async get(url: string): Promise<{ status: number; text: string }> {
    const response = await fetch(new URL(url, this.url));
    return { status: response.status, text: await response.text() };
  }

  /** What the button does without script. */
  order(fields: Record<string, string> = {}): Promise<Response> {
    const body = new URLSearchParams({ quantity: '1', device: 'pc', ...fields });
    return fetch(`${this.url}/orders`, { method: 'POST', redirect: 'manual', body });
  }

  /** What the button does with script, and the payment's number from the order's page. */
  async orderInTwoWindows(fields: Record<string, string> = {}): Promise<{ orderUrl: string; tid: string }> {
    const body = new URLSearchParams({ quantity: '1', device: 'pc', ...fields });
    const answer = await fetch(`${this.url}/orders`, { method: 'POST', headers: { accept: 'application/json' }, body });
    const { orderUrl } = (await answer.json()) as { orderUrl: string };
    const [, tid = ''] = /<dt>거래 번호<\/dt><dd>(\d+)<\/dd>/.exec((await this.get(orderUrl)).text) ?? [];
    return { orderUrl, tid };
  }

  /** What the shop's own window asks while the payment is open in the other one. */
  async status(orderUrl: string): Promise<string> {
    const response = await fetch(this.url + orderUrl, { headers: { accept: 'application/json' } });
    return ((await response.json()) as { status: string }).status;
  }
}

type Spoil = (path: string, response: ServerResponse) => boolean;

/** Stands between the example and OneQ Pay; passes everything on, and spoils answers on their way back. */
class Wire {
  readonly requests: { path: string; type: string | undefined; body: string }[] = [];
  spoil: Spoil = () => false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async open(target: string): Promise<Wire> {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { url: path = '', headers } = request;
      wire.requests.push({ path, type: headers['content-type'], body });
      const { authorization = '', 'content-type': type = '' } = headers;
      const answer = await fetch(target + path, {
        method: 'POST',
        headers: { authorization, 'content-type': type },
        body,
      });
      const text = await answer.text();
      if (wire.spoil(path, response)) return;
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const wire = new Wire(server, `http://127.0.0.1:${port}`);
    return wire;
  }

  bodies(path: string): string[] {
    return this.requests.filter((request) => request.path === path).map(({ body }) => body);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

function problem(response: ServerResponse, status: number, body: Record<string, string>): true {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
  return true;
}

describe('examples/shop', () => {
  let oneq: Shop;
  let wire: Wire;
  let shop: ExampleShop;
  beforeAll(async () => {
    oneq = await Shop.open();
    wire = await Wire.open(oneq.url);
    shop = await ExampleShop.open(wire.url);
  });
  afterAll(async () => {
    await shop?.close();
    wire?.close();
    await oneq?.close();
  });
  beforeEach(() => {
    wire.requests.length = 0;
    wire.spoil = () => false;
  });

  const moneyBalance = async () => Number((await oneq.wallet({ bank_acct_num: ACCOUNT })).money_balance);
  /** Where the payer is sent after saying yes or no. */
  const comeBack = async (tid: string, outcome = 'success') =>
    String((await oneq.authenticate(tid, { outcome })).body.redirect_url);

  it('shows its window, in Korean and closed to foreign content', async () => {
    const response = await fetch(shop.url);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'");
    const text = await response.text();
    expect(text).toContain('<html lang="ko">');
    expect(text).toContain('16,000원');
    for (const asset of ['/shop.css', '/browser.js']) expect((await shop.get(asset)).status).toBe(200);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(text).not.toMatch(/ style=| on[a-z]+=/);
  });

  it('sends the payer to the PC page, or to the phone page', async () => {
    const onPc = await shop.order();
    expect([onPc.status, onPc.headers.get('location')]).toEqual([303, expect.stringContaining('/pay/showQRCode?')]);
    const onPhone = await shop.order({ device: 'phone' });
    expect(onPhone.headers.get('location')).toContain('/pay/oneq/transfer?');
  });

  it('takes the price from the shop, not from the browser, and refuses an order it does not sell', async () => {
    expect((await shop.order({ quantity: '3', amount: '1', payment_method_type: '계좌' })).status).toBe(303);
    const [sent] = wire.requests;
    expect(sent?.type).toBe('application/x-www-form-urlencoded;charset=utf-8');
    const fields = Object.fromEntries(new URLSearchParams(sent?.body));
    expect(fields).toMatchObject({
      item_name: '고구마피자',
      quantity: '3',
      amount: '48000',
      payment_method_type: '계좌',
    });
    for (const quantity of ['0', '10', '1.5', '']) expect((await shop.order({ quantity })).status).toBe(400);
    expect((await shop.order({ payment_method_type: '<b>' })).status).toBe(400);
    expect(wire.requests).toHaveLength(1);
  });

  it('is paid exactly once, however often the landing page is loaded', async () => {
    const { orderUrl, tid } = await shop.orderInTwoWindows();
    const before = await moneyBalance();
    expect(await shop.status(orderUrl)).toBe('waiting');
    const landing = await comeBack(tid);
    expect(await shop.status(orderUrl)).toBe('waiting');
    const pages = await Promise.all([shop.get(landing), shop.get(landing)]);
    pages.push(await shop.get(landing), await shop.get(orderUrl));
    for (const page of pages) expect(page).toMatchObject({ status: 200, text: expect.stringContaining('페이머니') });
    expect(await shop.status(orderUrl)).toBe('paid');
    expect(await moneyBalance()).toBe(before - 16_000);
    expect(wire.bodies('/pay/success')).toHaveLength(1);
  });

  it('sends the same approval again while nobody knows what became of it, and is paid once', async () => {
    const { orderUrl, tid } = await shop.orderInTwoWindows({ payment_method_type: '계좌' });
    const landing = await comeBack(tid);
    const spoils: Spoil[] = [
      (_, response) => response.destroy() !== undefined,
      (_, response) => problem(response, 504, { code: 'UPSTREAM_TIMEOUT', outcome: 'unknown' }),
      (_, response) => problem(response, 503, { code: 'SERVICE_UNAVAILABLE', outcome: 'final' }),
    ];
    wire.spoil = (path, response) => spoils.shift()?.(path, response) ?? false;
    expect((await shop.get(landing)).text).toContain('결제가 끝났어요');
    expect(await shop.status(orderUrl)).toBe('paid');
    const sent = wire.bodies('/pay/success');
    expect(sent).toHaveLength(4);
    expect(new Set(sent).size).toBe(1);
    const wallet = await oneq.wallet({ bank_acct_num: ACCOUNT });
    expect(wallet).toMatchObject({ bank_balance: 10_000_000 - 16_000, bank_held: 0 });
  });

  it.each([
    ['cancel', '결제를 취소했어요', 'cancelled'],
    ['fail', '결제하지 못했어요', 'failed'],
  ])('shows what happened after %s, and takes another order', async (outcome, heading, status) => {
    const { orderUrl, tid } = await shop.orderInTwoWindows();
    const page = await shop.get(await comeBack(tid, outcome));
    expect(page.text).toContain(heading);
    expect(page.text).toContain('다시 주문하기');
    expect(await shop.status(orderUrl)).toBe(status);
    expect(wire.bodies('/pay/success')).toHaveLength(0);
  });

  it('believes no landing page: only the answer of POST /pay/success makes an order paid', async () => {
    const { orderUrl, tid } = await shop.orderInTwoWindows({ payment_method_type: '계좌' });
    const order_id = orderUrl.split('/').at(-1) ?? '';
    const query = (changes = {}) => `?${new URLSearchParams({ tid, order_id, result: 'authenticated', ...changes })}`;
    expect((await shop.get(`/approval${query()}`)).text).toContain('결제를 기다리고 있어요');
    expect((await shop.get(`/approval${query({ tid: '1' })}`)).status).toBe(404);
    expect((await shop.get(`/approval${query({ order_id: '<script>' })}`)).text).not.toContain('<script>');
    expect(await shop.status(orderUrl)).toBe('waiting');
    // A forged cancellation does not keep the payer's own yes from counting.
    expect((await shop.get(`/cancel${query({ result: '<script>' })}`)).text).toContain('결제를 취소했어요');
    expect((await shop.get(await comeBack(tid))).text).toContain('결제가 끝났어요');
    // Nor does a forged yes make money of a payment that was cancelled, or a late cancellation unmake one.
    expect((await shop.get(`/cancel${query()}`)).text).toContain('결제가 끝났어요');
    const other = await shop.orderInTwoWindows();
    const landing = await comeBack(other.tid, 'cancel');
    expect((await shop.get(landing.replace('/cancel', '/approval'))).text).toContain('결제를 취소했어요');
    expect(await shop.status(other.orderUrl)).toBe('cancelled');
  });

  it('shows what OneQ Pay says as text, whatever is in it', async () => {
    wire.spoil = (_, response) =>
      problem(response, 400, { outcome: 'final', detail: '<img src=x onerror="alert(1)">' });
    const answer = await shop.order();
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
  });

  it('says what to do when OneQ Pay is not running, and survives odd requests', async () => {
    const alone = await ExampleShop.open(`http://localhost:${await freePort()}`);
    try {
      const answer = await alone.order();
      expect(answer.status).toBe(502);
      expect(await answer.text()).toMatch(/<code>npm start<\/code> 명령을 먼저 실행해 주세요/);
      expect((await alone.get('/orders/..%2f..%2fetc')).status).toBe(404);
      expect((await alone.get('/fail/x')).status).toBe(404);
      await alone.order({ quantity: '1'.repeat(100_000) }).catch(() => undefined);
      expect((await alone.get('/')).status).toBe(200);
    } finally {
      await alone.close();
    }
  });

  it('says plainly that its port is in use, and has help', async () => {
    const run = promisify(execFile);
    const { port } = new URL(shop.url);
    const env = { PATH: process.env.PATH, SHOP_PORT: port };
    await expect(run(process.execPath, [SERVER], { env })).rejects.toMatchObject({
      code: 1,
      stderr: `Port ${port} is in use. Choose another: SHOP_PORT=${Number(port) + 1} npm run shop\n`,
    });
    expect((await run(process.execPath, [SERVER, '--help'], { env })).stdout).toContain('ONEQ_URL');
  });
});
