#!/usr/bin/env node
// @ts-check
/**
 * 원큐피자, a shop with one product that is paid with OneQ Pay: what a merchant has to write, and nothing else.
 *
 *   1. POST /orders      prepares the payment (POST /pay) and sends the payer to OneQ Pay
 *   2. GET  /approval    the payer is back and has said yes: approve (POST /pay/success), which moves the money
 *   3. GET  /cancel, /fail   the payer is back without having paid
 *
 * How the pages look is in pages.mjs, shop.css and browser.js; nothing there is about payment.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { orderPage, problemPage, shopPage } from './pages.mjs';

const { env } = process;
const PORT = Number(env.SHOP_PORT || env.PORT || 3000);
const HOST = env.SHOP_HOST || 'localhost';
const SHOP_URL = env.SHOP_URL || `http://localhost:${PORT}`;
const ONEQ_URL = env.ONEQ_URL || 'http://localhost:8080';
const SHOP_ACCOUNT = env.SHOP_ACCOUNT || '220987654321';

/** The sandbox's built-in merchant. Your own cid and secret key come from POST /pay/store/token; keep the key secret. */
const CID = 'TC0ONETIME';
const SECRET_KEY = 'sk_test_oneq';

const PIZZA = { name: '고구마피자', price: 16_000, quantityMax: 9 };
const METHODS = ['', 'MONEY', '계좌']; // '' leaves the choice to the payer

/** OneQ Pay answers within 5 s. Whoever waits longer only learns later that it has to ask again. */
const ANSWER_MS = 6_000;
const LANDING_MS = 8_000;
const REPEAT_MS = { first: 500, max: 30_000 };

/**
 * @typedef {'waiting' | 'approving' | 'paid' | 'cancelled' | 'failed' | 'expired'} Status
 * @typedef {object} Order
 * @property {Record<string, string>} prepared What was sent to POST /pay; the approval has to say the same.
 * @property {string} tid
 * @property {string} payUrl
 * @property {Status} status Becomes `paid` in one place only: on OneQ Pay's answer to POST /pay/success.
 * @property {Record<string, unknown>} [receipt] That answer.
 * @property {string} [reason] Why it was refused.
 * @property {Promise<void>} [approval] The approval under way, which every reload of the landing page shares.
 */

/** @type {Map<string, Order>} By order_id. A real shop keeps its orders in its database, from before it asks for money. */
const orders = new Map();

/** 1. Prepares the payment of a new order and answers where to send the payer. */
async function placeOrder({ form, isScript }) {
  const quantity = Number(form.get('quantity'));
  const method = form.get('payment_method_type') ?? '';
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > PIZZA.quantityMax || !METHODS.includes(method)) {
    return page(400, problemPage('주문을 다시 확인해 주세요', '한 번에 1판부터 9판까지 살 수 있어요.'));
  }
  const prepared = {
    cid: CID,
    category_cd: '552101',
    opponent_name: '원큐피자',
    item_name: PIZZA.name,
    member_id: 'demo-member',
    order_id: randomBytes(16).toString('base64url'), // nobody can guess it, so it also opens the order's page
    quantity: String(quantity),
    amount: String(PIZZA.price * quantity), // the shop's price: never an amount that the browser sends
    ...(method && { payment_method_type: method }),
    bank_acct_num: SHOP_ACCOUNT, // a real shop takes it from the member who is logged in
    bank_acct_alias: '월급통장',
    balance: '30000',
    approval_url: new URL('/approval', SHOP_URL).href,
    cancel_url: new URL('/cancel', SHOP_URL).href,
    fail_url: new URL('/fail', SHOP_URL).href,
  };
  // Without an answer there may or may not be a payment that nobody will pay; it expires by itself.
  const answer = await ask('/pay', prepared);
  if (!answer) return page(502, problemPage('원큐페이에 연결하지 못했어요', 'npm start', ONEQ_URL));
  const { tid, next_redirect_url, android_app_scheme, detail } = answer.body;
  if (answer.status !== 200) return page(502, problemPage('결제를 시작하지 못했어요', String(detail ?? '')));

  const payUrl = String(form.get('device') === 'phone' ? android_app_scheme : next_redirect_url);
  orders.set(prepared.order_id, { prepared, tid: String(tid), payUrl, status: 'waiting' });
  // With script, the payment opens in a window of its own, while this one follows the order.
  return isScript ? json({ payUrl, orderUrl: `/orders/${prepared.order_id}` }) : redirect(payUrl);
}

/**
 * 2. and 3. The payer is back. An address can be typed by anyone, so it decides nothing: an approval is asked for, and
 * only its answer counts. That is also why `signature` needs no check here; a shop that wants one, say before it releases
 * reserved goods on /cancel, verifies it with its redirect_secret.
 */
async function land({ path, query }) {
  const order = orders.get(query.get('order_id') ?? '');
  if (!order || order.tid !== query.get('tid')) return page(404, problemPage('주문을 찾을 수 없어요'));
  if (path === '/approval' && order.status !== 'paid') {
    order.approval ??= approve(order).finally(() => {
      order.approval = undefined;
    });
    await Promise.race([order.approval, sleep(LANDING_MS, undefined, { ref: false })]);
  } else if (order.status === 'waiting') {
    order.status = path === '/cancel' ? 'cancelled' : query.get('result') === 'expired' ? 'expired' : 'failed';
  }
  return page(200, orderPage(order));
}

/**
 * Approves, which moves the money. No answer does not mean no: it may have happened. The same request, unchanged, is safe
 * to send again; so it is sent until OneQ Pay says what is true, also after the payer has closed the page.
 * @param {Order} order
 */
async function approve(order) {
  const { cid, order_id, category_cd, opponent_name, item_name, member_id, amount } = order.prepared;
  const tran_dt = new Date().toLocaleString('sv', { timeZone: 'Asia/Seoul' }).replaceAll('-', '.');
  const approval = { cid, order_id, category_cd, opponent_name, item_name, member_id, amount, tran_dt };
  order.status = 'approving';
  for (let pauseMs = REPEAT_MS.first; ; pauseMs = Math.min(pauseMs * 2, REPEAT_MS.max)) {
    const answer = await ask('/pay/success', approval);
    if (answer?.status === 200) {
      Object.assign(order, { status: 'paid', receipt: answer.body });
      return;
    }
    // Anything else (503, 429, an answer of something in between) speaks of this attempt, not of an earlier one.
    if (answer && [400, 404, 409].includes(answer.status) && answer.body.outcome === 'final') {
      const { code, detail } = answer.body;
      order.status = STATUS_BY_CODE[String(code)] ?? 'failed';
      order.reason = String(detail ?? '');
      return;
    }
    console.error(`order ${order_id}: ${answer?.body.code ?? 'no answer'}, asking again in ${pauseMs} ms`);
    await sleep(pauseMs, undefined, { ref: false });
  }
}

/** @type {Record<string, Status>} */
const STATUS_BY_CODE = {
  PAYMENT_NOT_AUTHENTICATED: 'waiting', // the payer has not said yes; the landing page was opened too early
  PAYMENT_CANCELLED: 'cancelled',
  PAYMENT_EXPIRED: 'expired',
};

/**
 * One call of the API. Undefined when there is no answer that can be read: refused, cut off, too late.
 * @param {string} path
 * @param {Record<string, string>} fields
 * @returns {Promise<{ status: number, body: Record<string, unknown> } | undefined>}
 */
async function ask(path, fields) {
  try {
    const response = await fetch(new URL(path, ONEQ_URL), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded;charset=utf-8',
        authorization: `Bearer ${SECRET_KEY}`,
        'accept-language': 'ko',
      },
      body: new URLSearchParams(fields).toString(),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, body: Object(await response.json()) };
  } catch {
    return undefined;
  }
}

/** What the opener of the payment window follows: the page, or for its script the status alone. */
function showOrder({ path, isScript }) {
  const order = orders.get(path.slice('/orders/'.length));
  if (!order) return page(404, problemPage('주문을 찾을 수 없어요'));
  return isScript ? json({ status: order.status }) : page(200, orderPage(order));
}

const asset = (name, type) => ({ status: 200, type, body: readFileSync(new URL(name, import.meta.url)) });
const page = (status, body) => ({ status, type: 'text/html', body });
const json = (value) => ({ status: 200, type: 'application/json', body: JSON.stringify(value) });
const redirect = (location) => ({ status: 303, type: 'text/plain', body: '', location });

const ROUTES = {
  'GET /': () => page(200, shopPage(PIZZA)),
  'POST /orders': placeOrder,
  'GET /orders/:id': showOrder,
  'GET /approval': land,
  'GET /cancel': land,
  'GET /fail': land,
  'GET /shop.css': () => asset('shop.css', 'text/css'),
  'GET /browser.js': () => asset('browser.js', 'text/javascript'),
};

const SECURITY_HEADERS = {
  // Browsers apply form-action to where a post is redirected as well; OneQ Pay may answer with any address of its own.
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; " +
    "form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
  vary: 'accept',
};

const server = createServer(async (request, response) => {
  let answer;
  try {
    const { pathname: path, searchParams: query } = new URL(`http://shop${request.url}`);
    const handler = ROUTES[`${request.method} ${path.replace(/^\/orders\/.+/, '/orders/:id')}`];
    const isScript = request.headers.accept === 'application/json';
    if (handler) answer = await handler({ path, query, isScript, form: await readForm(request) });
    else answer = page(404, problemPage('없는 페이지예요'));
  } catch (error) {
    console.error(error);
    answer = page(500, problemPage('가게에 문제가 생겼어요'));
  }
  const { status, type, body, location } = answer;
  response.writeHead(status, {
    ...SECURITY_HEADERS,
    'content-type': `${type};charset=utf-8`,
    ...(location && { location }),
  });
  response.end(body);
});

async function readForm(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > 4096) throw new Error('a form of this shop is never that long');
  }
  return new URLSearchParams(text);
}

if (process.argv.slice(2).some((word) => word === '--help' || word === '-h')) {
  console.log(readFileSync(new URL('help.txt', import.meta.url), 'utf8').trimEnd());
} else if (!Number.isInteger(PORT) || PORT < 1 || PORT > 65_535) {
  console.error('SHOP_PORT has to be a port: 1 to 65535.');
  process.exit(1);
} else {
  server.on('error', (error) => {
    console.error(
      /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE'
        ? `Port ${PORT} is in use. Choose another: SHOP_PORT=${PORT + 1} npm run shop`
        : `The shop cannot listen on ${HOST}:${PORT}: ${error.message}`,
    );
    process.exit(1);
  });
  server.listen(PORT, HOST, () => {
    console.log('원큐피자, an example shop that is paid with OneQ Pay');
    console.log(`shop: ${SHOP_URL}`);
    console.log(`It needs OneQ Pay at ${ONEQ_URL}: run npm start beside it. Ctrl-C closes the shop.`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}
