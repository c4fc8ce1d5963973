/**
 * Hostile requests against the running platform, over raw sockets. `FUZZ_REQUESTS=50000 npx jest test/fuzz/gateway` is
 * the long form; `FUZZ_SEED=…` chooses other requests.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import {
  ActAsPayerRequest,
  AffiliateRequest,
  ApproveRequest,
  CancelRequest,
  ChargeRequest,
  ERRORS,
  ListPaymentsRequest,
  type MessageClass,
  NetCancelRequest,
  PrepareRequest,
  RedeliverFailedRequest,
  RotateKeyRequest,
  SetWebhookRequest,
} from '@oneq/contracts';
import fc from 'fast-check';
import { CancelForm, CheckoutForm, PasswordForm } from '../../apps/gateway/src/checkout/requests';
import { Shop } from '../e2e/shop';
import { damaged, fieldsFor, formBytes, hostileText, jsonBytes } from './values';

const SEED = Number(process.env.FUZZ_SEED ?? 20_161_115);
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 3_000);
const AT_ONCE = 8;
const SLOW_MS = 1_000;

/** Where bodies go, and what is to be in them; all but the test of a webhook, which waits for somebody else. */
const BODIES: ReadonlyArray<readonly [string, MessageClass<object>, string?]> = [
  ['/pay/store/token', AffiliateRequest],
  ['/pay', PrepareRequest],
  ['/pay/success', ApproveRequest],
  ['/pay/cancel', CancelRequest],
  ['/pay/net-cancel', NetCancelRequest],
  ['/pay/store/key', RotateKeyRequest],
  ['/pay/store/webhook', SetWebhookRequest, 'PUT'],
  ['/pay/store/webhook', SetWebhookRequest, 'DELETE'],
  ['/pay/webhooks/redeliver', RedeliverFailedRequest],
  ['/pay/webhooks/whd_1/redeliver', RedeliverFailedRequest],
  ['/sandbox/payments/12345/authenticate', ActAsPayerRequest],
  ['/sandbox/payments/12345/expire', ActAsPayerRequest],
  ['/sandbox/wallets/1101234567/charge', ChargeRequest],
  ['/pay/checkout/begin', CheckoutForm],
  ['/pay/checkout/cancel', CancelForm],
  ['/pay/checkout/release', CheckoutForm],
  ['/pay/checkout/password', PasswordForm],
];
const GETS = [
  ...[
    '/pay',
    '/pay/12345',
    '/pay/showQRCode',
    '/pay/oneq/transfer',
    '/pay/status',
    '/pay/live',
    '/pay/store',
    '/pay/store/webhook',
    '/pay/webhooks',
    '/pay/events',
    '/docs',
    '/docs/errors',
  ],
  ...[
    '/openapi.json',
    '/health/live',
    '/health/ready',
    '/sandbox/wallets/1101234567',
    '/pay/assets/x/checkout.css',
    '/',
  ],
];

const escaped = (text: string) =>
  formBytes([[text, '']])
    .toString()
    .replace(/=$/, '');
const pathTrick = fc.oneof(
  { arbitrary: fc.constant(''), weight: 12 },
  {
    arbitrary: fc.constantFrom(
      '/',
      '//',
      '/.',
      '/..',
      '/%2e%2e/',
      '%2f',
      '%',
      '%ff',
      '%00',
      ';a=b',
      `/${'x'.repeat(3_000)}`,
    ),
    weight: 2,
  },
  { arbitrary: hostileText.map((text) => `/${escaped(text)}`), weight: 1 },
);
const header = (name: string, ...values: string[]) => fc.constantFrom(...values).map((value) => `${name}: ${value}`);
const headers = fc.uniqueArray(
  fc.oneof(
    header(
      'Authorization',
      'Bearer sk_test_oneq',
      'Bearer nobody',
      'Bearer',
      'Basic x',
      `Bearer ${'a'.repeat(7_000)}`,
      'b\u00e9',
    ),
    header('Idempotency-Key', 'a', '"a"', '""', 'a b', 'x'.repeat(255), 'x'.repeat(256), '\u00ff', '"', 'a, b'),
    header('OneQ-Test-Code', 'PAYMENT_FAILED', 'INVALID_PARAMETER', 'nothing', '__proto__', 'constructor', ''),
    header('Accept-Language', 'en', ';;;', '*', `${'en,'.repeat(2_000)}ko`, 'ko;q=0.0001,en;q=1'),
    header('Cookie', 'oneq_session=x', `oneq_session=${'a'.repeat(22)}`, ';'.repeat(3_000), '=', '__proto__=1'),
    header('Accept-Encoding', 'gzip', 'identity;q=0', '*;q=0'),
    header('Content-Encoding', 'identity', 'gzip', 'x'),
    header('traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, '00-0-0-0', 'x'.repeat(500)),
    header('Expect', '100-continue', 'x'),
    header('X-Forwarded-For', '127.0.0.1', '999.0.0.1', 'x'.repeat(1_000)),
    header('X-Big', 'x'.repeat(20_000)),
    header('Range', 'bytes=0-0,-1', 'x'),
    header('Upgrade', 'websocket', 'h2c'),
  ),
  { maxLength: 4, selector: (line) => line.split(':')[0] },
);
const contentType = fc.constantFrom<readonly string[]>(
  ...[['application/x-www-form-urlencoded;charset=utf-8'], ['application/x-www-form-urlencoded'], ['application/json']],
  ...[
    ['application/json; charset=utf-8'],
    ['application/json;charset=utf-16'],
    ['text/plain'],
    ['multipart/form-data'],
  ],
  ...[[], [''], [';'], ['application/json', 'text/plain'], [`application/json;${'a=b;'.repeat(500)}`]],
);

interface Sent {
  readonly head: string;
  readonly body: Buffer;
}

const method = (usual: string) =>
  fc.oneof(
    { arbitrary: fc.constant(usual), weight: 15 },
    fc.constantFrom('PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'GET', 'POST'),
  );

const bodies = fc.constantFrom(...BODIES).chain(([path, type, usualMethod = 'POST']) => {
  const fields = fieldsFor(type);
  const wellFormed = fc.oneof(
    fields.map((pairs) => ({ usual: 'application/x-www-form-urlencoded;charset=utf-8', bytes: formBytes(pairs) })),
    fields.map((pairs) => ({ usual: 'application/json', bytes: jsonBytes(pairs) })),
  );
  return fc
    .tuple(method(usualMethod), wellFormed, damaged(wellFormed.map(({ bytes }) => bytes)), fc.nat({ max: 9 }))
    .map(([verb, { usual, bytes }, broken, luck]) => ({
      target: `${verb} ${path}`,
      usual,
      bytes: luck === 0 ? broken : luck === 1 ? Buffer.concat(Array(40).fill(bytes)).subarray(0, 17_000) : bytes,
    }));
});
const post: fc.Arbitrary<Sent> = fc
  .tuple(bodies, pathTrick, headers, contentType, fc.nat({ max: 5 }))
  .map(([{ target, usual, bytes }, trick, lines, types, luck]) => {
    const type = (luck === 0 ? types : [usual]).map((each) => `Content-Type: ${each}`);
    return {
      head: [`${target}${trick} HTTP/1.1`, ...type, ...lines, `Content-Length: ${bytes.length}`].join('\r\n'),
      body: bytes,
    };
  });
const query = fc.oneof(
  fieldsFor(ListPaymentsRequest).map((pairs) => formBytes(pairs).toString()),
  fc.array(fc.tuple(hostileText, hostileText), { maxLength: 4 }).map((pairs) => formBytes(pairs).toString()),
  fc.constantFrom(
    '',
    'a=%zz',
    'a=%ff',
    'token=%',
    '<b>=1&<b>=2',
    'token=a&token=b',
    '__proto__[a]=1',
    'a'.repeat(5_000),
    '&&&&=&=',
  ),
);
const get: fc.Arbitrary<Sent> = fc
  .tuple(fc.constantFrom(...GETS), method('GET'), pathTrick, query, headers)
  .map(([target, verb, trick, text, lines]) => ({
    head: [`${verb} ${target}${trick}?${text} HTTP/1.1`, ...lines].join('\r\n'),
    body: Buffer.alloc(0),
  }));

interface Answered {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly ms: number;
}

/** Sends bytes as they are, and reads until the other side ends, or an event stream begins. */
function send(port: number, { head, body }: Sent): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1');
    const end = () => {
      socket.destroy();
      const text = Buffer.concat(chunks).toString();
      const at = text.indexOf('\r\n\r\n');
      // A body that Node announced to read comes after the interim answer.
      const answer = text.startsWith('HTTP/1.1 100') ? text.slice(at + 4) : text;
      const split = answer.indexOf('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
      resolve({ status, head: answer.slice(0, split), body: answer.slice(split + 4), ms: performance.now() - started });
    };
    socket.setTimeout(15_000, () => socket.destroy(new Error('no answer in 15 s')));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      if (chunk.includes('text/event-stream')) end();
    });
    socket.on('end', end);
    socket.on('error', (error) => (chunks.length > 0 ? end() : reject(error)));
    socket.write(
      Buffer.concat([Buffer.from(`${head}\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'), body]),
    );
  });
}

/** What is wrong with an answer; undefined when nothing is. */
function fault({ status, head, body }: Answered, sent: Sent): string | undefined {
  if (status >= 200 && status < 400) return undefined;
  if (status < 400 || status >= 500) return `status ${status}`;
  if (/^HEAD /.test(sent.head) || /content-type: text\/html/i.test(head)) return undefined; // no body; a payer's page
  if (!/content-type: application\/problem\+json/i.test(head)) return 'no problem document';
  const text = /transfer-encoding: chunked/i.test(head) ? body.replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, '') : body;
  const problem = JSON.parse(text);
  // What Node refuses before there is a request has no code.
  if (problem.type === 'about:blank') return undefined;
  const definition = ERRORS[problem.code as keyof typeof ERRORS];
  if (!definition || definition.status !== status || problem.status !== status) return 'not of the table';
  const fields = (problem.errors ?? []).map(({ field }: { field: string }) => field);
  return fields.every((field: string) => /^[A-Za-z0-9_-]{0,40}$/.test(field)) ? undefined : `echoes a name: ${fields}`;
}

describe('hostile requests', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  });
  afterAll(() => shop?.close());

  const port = () => Number(new URL(shop.url).port);
  const memoryMb = () => {
    const { pid } = shop.stack.processes().find(({ name }) => name === 'gateway') ?? { pid: 'self' };
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024);
  };

  it(`are answered or refused, and harm nothing: ${REQUESTS} of them (seed ${SEED})`, async () => {
    const requests = fc.sample(fc.oneof({ arbitrary: post, weight: 3 }, { arbitrary: get, weight: 2 }), {
      numRuns: REQUESTS,
      seed: SEED,
    });
    const processes = shop.stack.processes();
    const memoryBefore = memoryMb();
    const statuses = new Map<number, number>();
    const faults: string[] = [];
    const slow: Sent[] = [];
    let slowestMs = 0;
    const queue = requests.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const sent of queue) {
          const answered = await send(port(), sent);
          statuses.set(answered.status, (statuses.get(answered.status) ?? 0) + 1);
          slowestMs = Math.max(slowestMs, answered.ms);
          if (answered.ms > SLOW_MS) slow.push(sent);
          const wrong = fault(answered, sent);
          if (wrong)
            faults.push(
              `${wrong}: ${JSON.stringify(sent.head.slice(0, 500))} ${JSON.stringify(sent.body.toString().slice(0, 1_000))}`,
            );
        }
      }),
    );
    const counted = {
      statuses: Object.fromEntries([...statuses].sort()),
      slowestMs,
      memoryMb: [memoryBefore, memoryMb()],
    };
    if (process.env.FUZZ_REQUESTS) process.stdout.write(`${JSON.stringify(counted)}\n`);
    expect(faults.slice(0, 5)).toEqual([]);
    expect(shop.stack.processes()).toEqual(processes);
    // A busy machine makes any request slow once; one that is slow alone is slow by itself.
    for (const sent of slow.slice(0, 10)) {
      const times: number[] = [];
      for (let i = 0; i < 5; i += 1) times.push((await send(port(), sent)).ms);
      expect(times.sort((a, b) => a - b)[2]).toBeLessThan(SLOW_MS);
    }
  }, 900_000);
});
