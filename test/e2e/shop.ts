import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE } from '@oneq/testing';
import { Pool } from 'pg';
import { freePort } from '../../stack/src/ports';
import { type Stack, startStack } from '../../stack/src/stack';

export type Fields = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined when it is not JSON. */
  readonly body: Record<string, unknown>;
}

const SERVICES = ['gateway', 'affiliation', 'payment'] as const;

/** The built service, which does not start while {@link Shop.without} says so. */
function program(service: string, dataDir: string, preload: string | undefined): string {
  const main = join(__dirname, `../../dist/apps/${service}/src/main.js`);
  const away = join(dataDir, `${service}-away`);
  const first = preload === undefined ? '' : `require(${JSON.stringify(preload)}); `;
  return `if (require('node:fs').existsSync(${JSON.stringify(away)})) process.exit(1); else { ${first}require(${JSON.stringify(main)}); }`;
}

let counter = 0;

/** The whole platform as its users meet it: real processes, real HTTP. */
export class Shop {
  private constructor(
    readonly stack: Stack,
    readonly url: string,
    readonly dataDir: string,
    private readonly mode: 'sandbox' | 'live',
    /** A look into the database. */
    private readonly database: Pool,
  ) {}

  static async open(
    options: {
      paymentReplicas?: number;
      env?: Fields;
      /** Gives up as soon as it does in service, also on a busy machine. */
      isPrompt?: boolean;
      mode?: 'sandbox' | 'live';
      /** Servers to use instead of the stack's own. */
      databaseUrl?: string;
      natsUrl?: string;
      /** A module that each service's process loads before its program. */
      preload?: string;
    } = {},
  ): Promise<Shop> {
    const port = await freePort();
    const mode = options.mode ?? 'sandbox';
    const dataDir = await mkdtemp(join(tmpdir(), 'oneq-e2e-'));
    await chmod(dataDir, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
    for (const service of SERVICES)
      await writeFile(join(dataDir, `${service}.js`), program(service, dataDir, options.preload));
    const stack = await startStack({
      port,
      host: 'localhost',
      publicUrl: `http://localhost:${port}`,
      dataDir,
      mode,
      paymentReplicas: options.paymentReplicas ?? 1,
      databaseUrl: options.databaseUrl,
      natsUrl: options.natsUrl,
      // Several payment processes are there to meet: one alone would get nearly all that a test asks.
      env: { ...(options.isPrompt ? {} : PATIENCE), AFFINITY_UNANSWERED_MAX: '1', ...options.env },
      entry: (service) => join(dataDir, `${service}.js`),
    });
    const database = new Pool({ connectionString: stack.databaseUrl, max: 2 });
    database.on('error', () => {}); // a test takes the database away; the pool connects again
    return new Shop(stack, `http://localhost:${port}`, dataDir, mode, database);
  }

  async close(): Promise<void> {
    await this.database.end();
    await this.stack.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** The rows of a query, read by an administrator. */
  async rows<Row = Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.database.query(sql, values)).rows as Row[];
  }

  /** Runs `work` while every statement that touches this table waits. */
  async locked(table: string, work: () => Promise<void>): Promise<void> {
    const client = await this.database.connect();
    try {
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${table}`);
      await work();
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }

  /** Number of rows in all tables of the services. */
  async rowCount(): Promise<number> {
    const tables = [
      'payment.wallets',
      'payment.payments',
      'payment.transfers',
      'payment.events',
      'affiliation.merchants',
    ];
    const [row] = await this.rows<{ n: number }>(
      `SELECT (${tables.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ')})::integer AS n`,
    );
    return row?.n ?? Number.NaN;
  }

  async request(method: string, path: string, init: RequestInit = {}): Promise<Answer> {
    const response = await fetch(this.url + path, { method, redirect: 'manual', ...init });
    const text = await response.text();
    let body: Record<string, unknown> = {};
    try {
      body = JSON.parse(text);
    } catch {
      // a page
    }
    return { status: response.status, headers: response.headers, text, body };
  }

  get(path: string, headers: Fields = {}): Promise<Answer> {
    return this.request('GET', path, { headers });
  }

  /** Posts a form as the specification has it. */
  form(path: string, fields: Fields = {}, headers: Fields = {}): Promise<Answer> {
    const type = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' };
    return this.request('POST', path, {
      headers: { ...type, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** Posts a body as it is. */
  raw(path: string, type: string | null, body: string | Buffer, headers: Fields = {}): Promise<Answer> {
    const bytes = typeof body === 'string' ? body : new Uint8Array(body);
    return this.request('POST', path, { headers: { ...(type && { 'content-type': type }), ...headers }, body: bytes });
  }

  json(path: string, body: unknown, headers: Fields = {}): Promise<Answer> {
    return this.raw(path, 'application/json', JSON.stringify(body), headers);
  }

  async prepare(changes: Fields = {}): Promise<{ order: Fields; tid: string; answer: Answer }> {
    const order = anOrder(changes);
    const answer = await this.form('/pay', order);
    return { order, tid: String(answer.body.tid), answer };
  }

  authenticate(tid: string, fields: Fields = {}): Promise<Answer> {
    return this.form(`/sandbox/payments/${tid}/authenticate`, fields);
  }

  approve(order: Fields, changes: Fields = {}): Promise<Answer> {
    return this.form('/pay/success', anApproval(order, changes));
  }

  async wallet(order: Fields): Promise<Record<string, unknown>> {
    return (await this.get(`/sandbox/wallets/${order.bank_acct_num}`)).body;
  }

  /** Runs `work` while a service is dead and cannot be started again. */
  async without(service: (typeof SERVICES)[number], work: () => Promise<void>): Promise<void> {
    const away = join(this.dataDir, `${service}-away`);
    await writeFile(away, '');
    try {
      for (const { name, pid } of this.stack.processes()) if (name === service) process.kill(pid, 'SIGKILL');
      await until(async () => (await this.get('/health/ready')).status === 503);
      await work();
    } finally {
      await rm(away);
      await until(async () => (await this.get('/health/ready')).status === 200);
    }
  }

  /** Everything that the services have logged until now. */
  async logs(): Promise<string> {
    // Lines are written in batches: once a service's line on these requests is there, so is all that it logged before.
    const trace = randomBytes(16).toString('hex');
    const key = `sk_${this.mode === 'live' ? 'live' : 'test'}_${randomBytes(32).toString('base64url')}`;
    const headers = { traceparent: `00-${trace}-${trace.slice(16)}-01` };
    await this.form('/pay', anOrder(), { ...headers, authorization: `Bearer ${key}` });
    await this.get(`/pay/showQRCode?token=${randomBytes(32).toString('base64url')}`, headers);
    let logs = '';
    await until(async () => {
      const dir = join(this.dataDir, 'logs');
      const files = await readdir(dir);
      logs = (await Promise.all(files.map((file) => readFile(join(dir, file), 'utf8')))).join('\n');
      const lines = logs.split('\n').filter((line) => line.includes(trace));
      return SERVICES.every((service) => lines.some((line) => line.includes(`"service":"${service}"`)));
    });
    return logs;
  }
}

/** An order of the specification's sample, with a number and an account of its own. */
export function anOrder(changes: Fields = {}): Fields {
  counter += 1;
  return {
    cid: 'TC00NETIME',
    category_cd: '552101',
    opponent_name: '원큐피자',
    item_name: '고구마피자',
    member_id: 'member_id',
    order_id: `order-${process.pid}-${counter}`,
    quantity: '1',
    amount: '16000',
    bank_acct_num: String(110_000_000_000 + (process.pid % 10_000) * 100_000 + counter),
    balance: '50000',
    approval_url: 'http://localhost:3000/approval?shop=1',
    cancel_url: 'http://localhost:3000/cancel',
    fail_url: 'http://localhost:3000/fail',
    ...changes,
  };
}

export function anApproval(order: Fields, changes: Fields = {}): Fields {
  const { cid = '', order_id = '', category_cd = '', item_name = '', member_id = '', amount = '' } = order;
  return { cid, order_id, category_cd, item_name, member_id, amount, tran_dt: '2016.11.15 21:18:22', ...changes };
}

export function anAffiliation(changes: Fields = {}): Fields {
  counter += 1;
  return {
    business_no: String(1_000_000_000 + (process.pid % 10_000) * 100_000 + counter),
    opponent_name: '동네카페',
    store_phone: '02-2002-1111',
    store_address1: '서울특별시 중구',
    store_address2: '을지로 35',
    ...changes,
  };
}

/** Resolves once the condition holds; fails after `timeoutMs`, which a crowded machine is not to use up. */
export async function until(condition: () => Promise<boolean>, timeoutMs = 25_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the awaited condition did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
