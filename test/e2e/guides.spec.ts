import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WebhookSink } from '@oneq/testing';
import { Webhook } from 'standardwebhooks';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { freePort } from '../../stack/src/ports';
import { anAffiliation, anApproval, Shop, until } from './shop';

const GUIDES = join(__dirname, '../../docs/guides');
const RECEIVER = join(__dirname, '../../examples/webhook-receiver/receiver.mjs');
const BOUNDARY = '--- end of block ---';

jest.setTimeout(90_000);

/** A block that is pasted into a terminal, and the lines that are shown after it. */
interface Session {
  readonly script: string;
  readonly shown: readonly string[];
}

const read = (page: string) => readFile(join(GUIDES, page), 'utf8');
const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

function sessionsOf(markdown: string): Session[] {
  const sessions = markdown.matchAll(/<!-- session -->\n```sh\n(.*?)```\n(?:\n```(?:json|text)\n(.*?)```)?/gs);
  return [...sessions].map(([, script = '', shown = '']) => ({ script, shown: linesOf(shown) }));
}

/** The module that a page shows, compiled. */
async function moduleOf(page: string, env: Record<string, string> = {}): Promise<Record<string, never>> {
  const [, source = ''] = /<!-- module -->\n```ts\n(.*?)```/s.exec(await read(page)) ?? [];
  const options = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022 };
  const { outputText } = transpileModule(source, { compilerOptions: options });
  const exported = {};
  new Function('require', 'exports', 'process', outputText)(require, exported, { env });
  return exported as Record<string, never>;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const pattern = (text: string) => new RegExp(`^${text.split('…').map(escaped).join('.*')}$`, 's');

/** What a shown value stands for: `…` in a text is anything, as the last member of an object any others. */
function shape(shown: unknown): unknown {
  if (typeof shown === 'string') return shown.includes('…') ? expect.stringMatching(pattern(shown)) : shown;
  if (Array.isArray(shown)) return shown.map(shape);
  if (shown === null || typeof shown !== 'object') return shown;
  const { '…': open, ...members } = shown as Record<string, unknown>;
  const shapes = Object.fromEntries(Object.entries(members).map(([name, value]) => [name, shape(value)]));
  return open ? expect.objectContaining(shapes) : shapes;
}

function compare(line: string, shown: string): void {
  if (shown.startsWith('{')) expect(JSON.parse(line)).toEqual(shape(JSON.parse(shown.replaceAll(',…}', ',"…":true}'))));
  else expect(line).toMatch(pattern(shown));
}

/** The example as its readers start it. */
class Receiver {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    private readonly output: () => string,
  ) {}

  static async open(secret: string): Promise<Receiver> {
    const port = await freePort();
    const env = { PATH: process.env.PATH, PORT: String(port), WEBHOOK_SECRET: secret };
    const child = spawn(process.execPath, [RECEIVER], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    await until(async () => output.includes('receiver: '));
    return new Receiver(child, `http://localhost:${port}/webhooks/oneq`, () => output);
  }

  /** What it has printed since it listens. */
  get heard(): string[] {
    return linesOf(this.output()).slice(1);
  }

  async close(): Promise<void> {
    this.child.kill();
    await once(this.child, 'exit');
  }
}

describe('the guides', () => {
  let shop: Shop;
  let folder: string;
  let receiverPort: number;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oneq-guides-'));
    receiverPort = await freePort();
    shop = await Shop.open();
  }, 60_000);
  afterAll(async () => {
    await shop?.close();
    await rm(folder, { recursive: true });
  });

  /** As this stack and its receiver have it. */
  const local = (text: string) =>
    text
      .replaceAll('http://localhost:8080', shop.url)
      .replaceAll('localhost:3001', `localhost:${receiverPort}`)
      .replaceAll('examples/webhook-receiver/receiver.mjs', RECEIVER)
      .replaceAll(/^sleep (\d)$/gm, (_, seconds) => `sleep ${Number(seconds) * 2}`); // a busy machine takes longer

  /** Pastes a page's sessions and compares what they print with what is shown. Returns what they printed. */
  async function follow(page: string): Promise<string[][]> {
    const sessions = sessionsOf(await read(page));
    const end = `trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n`;
    const script = end + sessions.map((session) => local(session.script)).join(`\necho; echo '${BOUNDARY}'\n`);
    const env = { ...process.env, PORT: String(receiverPort) };
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], { cwd: folder, env });
    const printed = stdout.split(BOUNDARY).map(linesOf);
    for (const [i, { shown }] of sessions.entries()) {
      const lines = printed[i] ?? [];
      if (lines.length !== shown.length) expect(lines).toEqual(shown);
      for (const [n, line] of shown.entries()) compare(lines[n] ?? '', local(line));
    }
    return printed;
  }

  it('are those of the index', async () => {
    const index = await read('README.md');
    const pages = (await readdir(GUIDES)).filter((name) => name !== 'README.md');
    for (const page of pages) expect(index).toContain(`](${page})`);
    expect(pages).toHaveLength(5);
  });

  it('lead nowhere that is not there', async () => {
    const anchor = (heading: string) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} -]/gu, '')
        .replaceAll(' ', '-');
    for (const page of await readdir(GUIDES)) {
      for (const [, file, section] of (await read(page)).matchAll(/\]\((?!http)([^)#]*)(?:#([^)]*))?\)/g)) {
        const target = join(GUIDES, file || page);
        if (!section) await access(target);
        else {
          const headings = [...(await readFile(target, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
          expect(headings.map(anchor)).toContain(section);
        }
      }
    }
  });

  it('show code blocks that are executed, or are marked as text', async () => {
    for (const page of await readdir(GUIDES)) {
      const blocks = (await read(page)).matchAll(/(<!-- \w+ -->\n)?^```(\w+)$(.*?)^```$/gms);
      for (const [, marker, language] of blocks)
        if (language === 'sh' || language === 'ts') expect(marker).toBeTruthy();
    }
  });

  it('can be pasted into zsh, which takes no comments at its prompt', async () => {
    for (const page of await readdir(GUIDES)) {
      for (const { script } of sessionsOf(await read(page))) expect(script).not.toMatch(/(^|\s)#/);
    }
  });

  it('lead to a first payment, and the redirect is checked', async () => {
    const printed = await follow('first-payment.md');
    const [, [store = ''] = [], , [paid = ''] = []] = printed;
    const { redirect_secret } = JSON.parse(store);
    const { redirect_url } = JSON.parse(paid);
    const { isFromOneQ } = (await moduleOf('first-payment.md')) as unknown as {
      isFromOneQ: (address: string, amount: number, secret: string) => boolean;
    };
    expect(isFromOneQ(redirect_url, 16_000, redirect_secret)).toBe(true);
    const path = redirect_url.slice('http://localhost:3000'.length);
    expect(isFromOneQ(path.replace('?', '?order_id=mine&'), 16_000, redirect_secret)).toBe(true);
    expect(isFromOneQ(redirect_url, 16_001, redirect_secret)).toBe(false);
    expect(isFromOneQ(redirect_url.replace('authenticated', 'cancelled'), 16_000, redirect_secret)).toBe(false);
    expect(isFromOneQ(redirect_url.replace(/signature=../, 'signature='), 16_000, redirect_secret)).toBe(false);
    expect(isFromOneQ('/approval', 16_000, redirect_secret)).toBe(false);
  });

  it('cancel', async () => {
    await follow('cancelling.md');
  });

  it('replace keys, and tell what mistakes answer', async () => {
    await follow('keys.md');
    const rows = [...(await read('keys.md')).matchAll(/^\| `((?:Bearer|Basic|sk_).*?)`.* \| `(.*)` \|$/gm)];
    expect(rows).toHaveLength(7);
    for (const [, sent = '', detail] of rows) {
      const authorization = sent.replace('…', 'of-another-kind');
      const { status, body } = await shop.get('/pay/store', { authorization, 'accept-language': 'en' });
      expect([sent, status, body.detail]).toEqual([sent, 401, detail]);
    }
  });

  describe('after a timeout', () => {
    type Request = { path: string; fields: Record<string, string>; headers?: Record<string, string> };
    type Settled = (request: Request) => Promise<{ status: number; body: Record<string, unknown> }>;
    const settling = async (url: string, key = 'sk_test_oneq') =>
      (await moduleOf('after-a-timeout.md', { ONEQ_URL: url, ONEQ_KEY: key })) as unknown as { settled: Settled };

    it('rehearse it', async () => {
      await follow('after-a-timeout.md');
    });

    it('send until it is settled, and no longer', async () => {
      const { order, tid } = await shop.prepare();
      await shop.authenticate(tid);
      const { settled } = await settling(shop.url);
      const approval: Request = { path: '/pay/success', fields: anApproval(order) };
      expect(await settled(approval)).toMatchObject({ status: 200, body: { tid } });
      const other = { ...approval, fields: anApproval(order, { amount: '1' }) };
      expect(await settled(other)).toMatchObject({ status: 409, body: { code: 'PAYMENT_MISMATCH' } });
      const { settled: withBadKey } = await settling(shop.url, 'sk_test_mistyped');
      await expect(withBadKey(approval)).rejects.toThrow('/pay/success: 401 SECRET_KEY_INVALID');
    });

    it('go on through lost answers of every kind', async () => {
      const kinds = [
        (response: ServerResponse) => response.destroy(),
        (response: ServerResponse) => response.writeHead(502).end('<html>'),
        (response: ServerResponse) => problem(response, 504, { outcome: 'unknown', retryable: true }),
        (response: ServerResponse) => problem(response, 503, { outcome: 'final', retryable: true }),
        (response: ServerResponse) => response.writeHead(200).end('{"done":true}'),
      ];
      const bodies: string[] = [];
      const server = createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        bodies.push(body);
        kinds[bodies.length - 1]?.(response);
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { settled } = await settling(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      const answer = await settled({
        path: '/pay/cancel',
        fields: { tid: '1' },
        headers: { 'idempotency-key': 'one' },
      });
      expect(answer).toMatchObject({ status: 200, body: { done: true } });
      expect(bodies).toEqual(kinds.map(() => 'tid=1'));
      server.close();
      server.closeAllConnections();
    });
  });

  it('tell what a request that is sent twice answers', async () => {
    const affiliation = anAffiliation();
    const { body } = await shop.form('/pay/store/token', affiliation);
    expect((await shop.form('/pay/store/token', affiliation)).body).toEqual({ ...body, secret_key: undefined });
    const lost = anAffiliation();
    const header = { 'oneq-test-code': 'TIMEOUT_AFTER_COMMIT' };
    expect((await shop.form('/pay/store/token', lost, header)).status).toBe(504);
    expect(Object.keys((await shop.form('/pay/store/token', lost)).body)).not.toContain('secret_key');
    const key = { authorization: `Bearer ${body.secret_key}` };
    const [one, two] = [await shop.form('/pay/store/key', {}, key), await shop.form('/pay/store/key', {}, key)];
    for (const { body: rotated } of [one, two]) {
      const answer = await shop.get('/pay/store', { authorization: `Bearer ${rotated.secret_key}` });
      expect(answer.status).toBe(200);
    }
    const under = { ...key, 'idempotency-key': 'rotation' };
    expect((await shop.form('/pay/store/key', {}, under)).body.secret_key).toMatch(/^sk_test_/);
    expect((await shop.form('/pay/store/key', {}, under)).body.secret_key).toBeUndefined();
  });

  it('tell what becomes of a webhook secret that is rotated twice', async () => {
    const sink = await WebhookSink.open();
    const { body } = await shop.form('/pay/store/token', anAffiliation());
    const key = { authorization: `Bearer ${body.secret_key}` };
    const set = async (fields: Record<string, string> = {}) => {
      const form = new URLSearchParams({ url: sink.url, ...fields });
      return String((await shop.request('PUT', '/pay/store/webhook', { headers: key, body: form })).body.secret);
    };
    /** Those of these secrets that sign. */
    const signing = async (secrets: string[]) => {
      await shop.form('/pay/store/webhook/test', {}, key);
      const arrival = sink.arrivals.at(-1);
      const headers = arrival?.headers as Record<string, string>;
      return secrets.filter((secret) => {
        try {
          return Boolean(new Webhook(secret).verify(arrival?.body ?? '', headers));
        } catch {
          return false;
        }
      });
    };
    const first = await set();
    const second = await set({ rotate: 'true' });
    expect(await set()).toBe(second);
    expect(await signing([first, second])).toEqual([first, second]);
    const third = await set({ rotate: 'true' });
    expect(await signing([first, second, third])).toEqual([second, third]);
    await sink.close();
  });

  it('tell how webhooks are set, received, redelivered and rotated', async () => {
    await follow('webhooks.md');
  });

  describe('show a receiver that', () => {
    const secret = `whsec_${randomBytes(32).toString('base64')}`;
    let receiver: Receiver;
    beforeAll(async () => {
      receiver = await Receiver.open(secret);
    });
    afterAll(() => receiver?.close());

    const event = (sequence: number, status: string) => ({ type: 'payment.x', data: { tid: '7', status, sequence } });
    async function post(id: string, payload: object, at = new Date(), changes: Record<string, string> = {}) {
      const body = JSON.stringify(payload);
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(secret).sign(id, at, body),
        ...changes,
      };
      return (await fetch(receiver.url, { method: 'POST', headers, body: changes.body ?? body })).status;
    }
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

    it('takes what is signed, once, and keeps the newest state', async () => {
      expect(await post('evt_2', event(2, 'APPROVED'))).toBe(204);
      expect(await post('evt_2', event(2, 'APPROVED'))).toBe(204);
      expect(await post('evt_1', event(1, 'AUTHENTICATED'), minutesAgo(4))).toBe(204);
      await until(async () => receiver.heard.length === 3);
      expect(receiver.heard).toEqual([
        'payment.x 7: APPROVED',
        'evt_2: known already',
        'payment.x 7: late, newer is known',
      ]);
    });

    it('refuses what is altered, old, from the future, or not signed', async () => {
      const heard = receiver.heard.length;
      const approved = event(9, 'APPROVED');
      expect(await post('evt_9', approved, new Date(), { body: JSON.stringify(event(9, 'CANCELLED')) })).toBe(401);
      expect(await post('evt_9', approved, minutesAgo(6))).toBe(401);
      expect(await post('evt_9', approved, minutesAgo(-6))).toBe(401);
      expect(await post('evt_9', approved, new Date(), { 'webhook-id': 'evt_10' })).toBe(401);
      expect(await post('evt_9', approved, new Date(), { 'webhook-timestamp': 'now' })).toBe(401);
      for (const signature of ['', 'v1,', 'v1,AAAA', 'v2,AAAA', randomBytes(32).toString('base64')]) {
        expect(await post('evt_9', approved, new Date(), { 'webhook-signature': signature })).toBe(401);
      }
      expect(await post('evt_9', { ...approved, padding: 'x'.repeat(70_000) })).toBe(413);
      expect((await fetch(receiver.url)).status).toBe(404);
      expect(receiver.heard).toHaveLength(heard);
    });

    it('takes the second of two signatures, as while a secret is being replaced', async () => {
      const body = event(10, 'CANCELLED');
      const at = new Date();
      const signature = new Webhook(secret).sign('evt_10', at, JSON.stringify(body));
      const signatures = `v1,${randomBytes(32).toString('base64')} ${signature}`;
      expect(await post('evt_10', body, at, { 'webhook-signature': signatures })).toBe(204);
    });

    it('says what it lacks', async () => {
      const run = promisify(execFile)(process.execPath, [RECEIVER], { env: { PATH: process.env.PATH } });
      await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('Set WEBHOOK_SECRET') });
    });
  });
});

function problem(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}
