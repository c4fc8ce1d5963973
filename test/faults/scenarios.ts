import { setTimeout as delay } from 'node:timers/promises';
import { HttpConnection } from '../../bench/load/http-connection';
import { memoryMb } from '../../bench/measure';
import type { StackProcess } from '../../stack/src/stack';
import { anApproval } from '../e2e/shop';
import { type Fields, inParallel, type Reply } from './client';
import type { Random } from './random';
import { AMOUNT, KEY, type World } from './world';

/** What a scenario counted, for people and for the test. */
export type Counts = Readonly<Record<string, number>>;

const count = (replies: readonly Reply[], test: (reply: Reply) => boolean) => replies.filter(test).length;
const isOk = ({ status }: Reply) => status === 200;

/** Many identical approvals at once: one capture, and every answer the same, byte for byte. */
export async function duplicates(world: World, payments: number, copies: number): Promise<Counts> {
  let different = 0;
  let refused = 0;
  const orders: Fields[] = [];
  await inParallel(payments, 8, async () => {
    const { order } = await world.begun();
    orders.push(order);
    const replies = await Promise.all(Array.from({ length: copies }, () => world.approve(order)));
    refused += count(replies, (reply) => !isOk(reply));
    different += new Set(replies.map(({ text }) => text)).size - 1;
  });
  return { payments, requests: payments * copies, refused, different, captures: await captures(world, orders) };
}

/** Altered approvals among good ones, in any order: none of them passes, and none of the good ones fails. */
export async function tampering(world: World, payments: number, random: Random): Promise<Counts> {
  const ALTERED: readonly Fields[] = [
    { amount: '15999' },
    { amount: '1' },
    { amount: '160000' },
    { item_name: '고구마피자 ' + '세트' },
    { category_cd: '552102' },
    { member_id: 'another' },
    { opponent_name: '다른가게' },
    { tid: '1' },
    { order_id: 'another' },
    { cid: 'TC0000000X' },
  ];
  let passed = 0;
  let refused = 0;
  const orders: Fields[] = [];
  await inParallel(payments, 8, async () => {
    const { order } = await world.begun();
    orders.push(order);
    const requests = random.shuffled([...ALTERED, ...ALTERED.map(() => ({}))]);
    const replies = await Promise.all(
      requests.map(async (changes) => ({
        altered: Object.keys(changes).length > 0,
        reply: await world.client.settled('/pay/success', anApproval(order, changes)),
      })),
    );
    passed += replies.filter(({ altered, reply }) => altered && isOk(reply)).length;
    refused += replies.filter(({ altered, reply }) => !altered && !isOk(reply)).length;
  });
  return { payments, altered: payments * ALTERED.length, passed, refused, captures: await captures(world, orders) };
}

/** Approve, cancel, expire and net-cancel at the same moment: one end, and losers are told which. */
export async function races(world: World, payments: number, random: Random): Promise<Counts> {
  let untyped = 0;
  const orders: Fields[] = [];
  await inParallel(payments, 8, async () => {
    const { order, tid } = await world.begun();
    orders.push(order);
    const { order_id = '', amount = '' } = order;
    const contenders = random.shuffled([
      () => world.client.settled('/pay/success', anApproval(order)),
      () => world.client.settled('/pay/cancel', { order_id }),
      () => world.client.settled('/pay/net-cancel', { order_id, amount }),
      () => world.client.settled(`/sandbox/payments/${tid}/expire`),
      () => world.client.settled(`/sandbox/payments/${tid}/authenticate`, { outcome: 'cancel' }),
    ]);
    const replies = await Promise.all(contenders.map((contend) => contend()));
    untyped += count(
      replies,
      ({ status, body }) => status !== 200 && !(status === 409 && typeof body.code === 'string'),
    );
  });
  const ids = orders.map(({ order_id }) => order_id);
  const ended = await world.count(
    `FROM payment.payments WHERE order_id = ANY($1) AND status IN ('CANCELLED', 'EXPIRED', 'FAILED', 'APPROVED')`,
    [ids],
  );
  return { payments, untyped, unfinished: payments - ended };
}

/** 200 payments at once on a wallet that can pay 100 of them. */
export async function overdraft(world: World, rounds: number): Promise<Counts> {
  const PAYMENTS = 200;
  const AFFORDABLE = 100;
  let paid = 0;
  let untyped = 0;
  for (let round = 0; round < rounds; round += 1) {
    const first = world.newOrder({ amount: '100', balance: String(AFFORDABLE * 100), payment_method_type: 'MONEY' });
    const { bank_acct_num = '', balance = '' } = first;
    const begun: Array<{ order: Fields; tid: string }> = [];
    const changes = { amount: '100', balance, bank_acct_num, payment_method_type: 'MONEY' };
    await inParallel(PAYMENTS, 16, async () => {
      begun.push(await world.begun(changes, { authenticate: false }));
    });
    await Promise.all(
      begun.map(async ({ order, tid }) => {
        const reply = await world.client.settled(`/sandbox/payments/${tid}/authenticate`);
        if (isOk(reply)) {
          await world.approve(order);
          paid += 1;
        } else if (reply.body.code !== 'INSUFFICIENT_FUNDS') untyped += 1;
      }),
    );
  }
  return { rounds, payments: rounds * PAYMENTS, paid, affordable: rounds * AFFORDABLE, untyped };
}

/** Processes of every kind are killed while whole payments go on. */
export async function kills(world: World, times: number, everyMs: number, random: Random): Promise<Counts> {
  const victims: string[] = [];
  const killing = (async () => {
    while (victims.length < times) {
      const name = random.pick(['gateway', 'payment', 'payment', 'affiliation', 'nats', 'postgres']);
      const victim = random.pick(world.processes(name));
      // The server's first process leads a group of its own, so that all of PostgreSQL dies at once.
      if (signalled(name === 'postgres' ? -victim.pid : victim.pid, 'SIGKILL')) victims.push(name);
      await delay(everyMs / 2 + random.next() * everyMs);
    }
    await world.ready();
  })();
  const flows = await world.load(16, killing);
  await killing;
  const of = (name: string) => victims.filter((victim) => victim === name).length;
  return {
    kills: victims.length,
    gateway: of('gateway'),
    payment: of('payment'),
    affiliation: of('affiliation'),
    nats: of('nats'),
    postgres: of('postgres'),
    flows,
    resent: world.client.resent,
  };
}

/** Whether there was a process to tell: what ended a moment ago may not have been replaced yet. */
function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    // Node's own errors are instances of another Error than a test's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Each service in turn is told to stop, and comes back, while whole payments go on: no request fails. */
export async function stops(
  world: World,
  rounds: number,
  names: readonly string[] = ['payment', 'affiliation', 'gateway'],
): Promise<Counts> {
  let stopped = 0;
  let over = false;
  const stopping = (async () => {
    for (let round = 0; round < rounds; round += 1) {
      for (const { name, pid } of world.shop.stack.processes()) {
        if (!names.includes(name)) continue;
        if (!signalled(pid, 'SIGTERM')) continue;
        stopped += 1;
        await replaced(world, pid);
        // A new gateway has to have met the merchant before affiliation may be away.
        await world.flow(1);
      }
    }
  })().finally(() => {
    over = true;
  });
  let requests = 0;
  let failed = 0;
  const probe = async (path: string, fields: Fields = {}) => {
    requests += 1;
    // While the only gateway is away there is nobody to connect to; that is no request yet.
    const reply = await world.client.delivered(path, fields).catch(() => undefined);
    if (reply?.status !== 200) {
      failed += 1;
      await delay(20); // what is away needs the machine to come back
    }
    return reply;
  };
  const probes = inParallel(8, 8, async () => {
    while (!over) {
      const order = world.newOrder();
      const prepared = await probe('/pay', order);
      await probe(`/sandbox/payments/${prepared?.body.tid}/authenticate`);
      await probe('/pay/success', anApproval(order));
    }
  });
  await Promise.all([stopping, probes]);
  return { stopped, requests, failed };
}

/** Resolves when another process has taken the place of this one, and all services serve. */
async function replaced(world: World, pid: number): Promise<void> {
  const end = Date.now() + 30_000;
  const missing = async ({ name, pid: now, port }: StackProcess) => {
    if (now === pid) return `${name} is still process ${pid}`;
    const url = `http://127.0.0.1:${port}/health/ready`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      async (response) => ({ status: response.status, text: await response.text() }),
      (error: Error) => ({ status: 0, text: String(error.cause ?? error) }),
    );
    return answer.status === 200 ? undefined : `${name}, process ${now}: ${answer.status} ${answer.text}`;
  };
  for (;;) {
    const services = world.shop.stack.processes().filter(({ name }) => !['nats', 'postgres'].includes(name));
    const problems = (await Promise.all(services.map(missing))).filter((problem) => problem !== undefined);
    if (problems.length === 0) return;
    if (Date.now() > end) throw new Error(`process ${pid} was told to stop, and 30 s later: ${problems.join('; ')}`);
    await delay(20);
  }
}

/** Time for a refusal while something is away, ms: a second, and what a busy machine adds; and when it has to be called hung. */
export const ANSWERED_WITHIN_MS = 1_500;
export const HUNG_AFTER_MS = 5_000;

/** While something is away: every request is answered in time, with 503, and afterwards all is normal again. */
export async function outage(
  world: World,
  { away, back, forMs }: { away: () => Promise<void>; back: () => Promise<void>; forMs: number },
): Promise<Counts> {
  const gateway = world.processes('gateway')[0];
  const before = memoryMb(gateway?.pid ?? 0);
  await away();
  const replies: Reply[] = [];
  const end = Date.now() + forMs;
  let unanswered = 0;
  await inParallel(8, 8, async () => {
    while (Date.now() < end) {
      await world.client.post('/pay', world.newOrder()).then(
        (reply) => void replies.push(reply),
        () => {
          unanswered += 1;
        },
      );
      await delay(25);
    }
  });
  await back();
  const recoveryMs = await world.ready();
  await world.flow(0);
  const times = replies.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    requests: replies.length,
    unanswered,
    'not 503': count(replies, ({ status, headers }) => status !== 503 || headers['retry-after'] === undefined),
    'p50 ms': Math.round(times[Math.floor(times.length / 2)] ?? 0),
    'slowest ms': Math.round(times.at(-1) ?? 0),
    'normal after ms': Math.round(recoveryMs),
    'memory + MB': Math.round(memoryMb(gateway?.pid ?? 0) - before),
  };
}

/** Whole payments, so many at a time. */
export async function flows(world: World, payments: number, atOnce: number): Promise<Counts> {
  await inParallel(payments, atOnce, (i) => world.flow(i));
  return { payments, resent: world.client.resent };
}

/** Payments whose time is over for long, and that nobody has ended; and holds without a payment are the audit's. */
export async function stuck(world: World): Promise<number> {
  return world.count(
    `FROM payment.payments WHERE status IN ('READY', 'AUTHENTICATED') AND expires_at < now() - interval '1 minute'`,
  );
}

/** Somebody holds a wallet's row: approvals that need it are refused in time, all others go through. */
export async function lockedRow(world: World, forMs: number): Promise<Counts> {
  const { order } = await world.begun();
  const LONGEST_MS = 3_000;
  const waiting: Reply[] = [];
  let hung = 0;
  let others = 0;
  let othersRefused = 0;
  const client = await world.database.connect();
  try {
    await client.query('BEGIN');
    await client.query(
      `SELECT FROM payment.wallets WHERE id = (SELECT wallet_id FROM payment.payments WHERE order_id = $1) FOR UPDATE`,
      [order.order_id],
    );
    const end = Date.now() + forMs;
    await Promise.all([
      inParallel(2, 2, async () => {
        while (Date.now() < end) {
          const reply = await world.client.post('/pay/success', anApproval(order)).catch(() => undefined);
          if (reply && reply.ms < LONGEST_MS) waiting.push(reply);
          else hung += 1;
        }
      }),
      inParallel(2, 2, async () => {
        while (Date.now() < end) {
          const { status } = await world.client.post('/pay', world.newOrder());
          others += 1;
          if (status !== 200) othersRefused += 1;
        }
      }),
    ]);
  } finally {
    await client.query('ROLLBACK');
    client.release();
  }
  await world.approve(order);
  const times = waiting.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    refused: waiting.length,
    'not 503': count(waiting, ({ status }) => status !== 503),
    hung,
    'p50 ms': Math.round(times[Math.floor(times.length / 2)] ?? 0),
    'slowest ms': Math.round(times.at(-1) ?? 0),
    others,
    'others refused': othersRefused,
  };
}

/** Approvals one after the other, and how often PostgreSQL brought its log to disk meanwhile. */
export async function durability(world: World, approvals: number): Promise<Counts> {
  const begun: Fields[] = [];
  await inParallel(approvals, 8, async () => void begun.push((await world.begun()).order));
  const before = await walSyncs(world);
  for (const order of begun) await world.approve(order);
  return { approvals, syncs: (await walSyncs(world)) - before };
}

/**
 * How often PostgreSQL has brought its log to disk so far. A session tells of it as it ends, and otherwise up to ten seconds
 * late: those of the services are ended, who open others.
 */
async function walSyncs(world: World): Promise<number> {
  await world.database.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'oneq-payment'`,
  );
  const { rows } = await world.database.query(
    `SELECT coalesce(sum(fsyncs), 0)::integer AS n FROM pg_stat_io WHERE object = 'wal'`,
  );
  return rows[0].n;
}

/** A prepare as it goes over the wire. */
function prepareOf(world: World): string {
  const body = new URLSearchParams(world.newOrder()).toString();
  const type = 'application/x-www-form-urlencoded;charset=utf-8';
  const head = [
    'POST /pay HTTP/1.1',
    'host: localhost',
    `authorization: ${KEY.authorization}`,
    `content-type: ${type}`,
  ];
  return `${head.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** Prepares as fast as so many connections can. @returns answered with 200 per second */
export async function atPeak(world: World, atOnce: number, forMs: number): Promise<number> {
  const begun = performance.now();
  let answered = 0;
  await inParallel(atOnce, atOnce, async () => {
    const connection = await HttpConnection.open(new URL(world.shop.url));
    while (performance.now() - begun < forMs) {
      if ((await connection.send(prepareOf(world))).status === 200) answered += 1;
    }
    connection.close();
  });
  return Math.round(answered / ((performance.now() - begun) / 1_000));
}

/** Connections that are open before the flood: opening one takes longer than a refusal. */
const CONNECTIONS = 1_500;

/** Prepares at a fixed rate, whatever becomes of them, on as many connections as it takes. */
export async function atRate(world: World, perSecond: number, forMs: number): Promise<Counts> {
  const statuses = new Map<number, number>();
  let withoutRetryAfter = 0;
  let unanswered = 0;
  const idle: HttpConnection[] = [];
  await inParallel(CONNECTIONS, 50, async () => {
    idle.push(await HttpConnection.open(new URL(world.shop.url)));
  });
  let inTime = 0;
  let slowestMs = 0;
  const ask = async () => {
    const sent = performance.now();
    try {
      let connection = idle.pop();
      while (connection?.isClosed) connection = idle.pop();
      connection ??= await HttpConnection.open(new URL(world.shop.url));
      const { status, head } = await connection.send(prepareOf(world));
      idle.push(connection);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200 && performance.now() - begun < forMs) inTime += 1;
      slowestMs = Math.max(slowestMs, performance.now() - sent);
      if (status !== 200 && !/^retry-after: *[1-9]/im.test(head)) withoutRetryAfter += 1;
    } catch {
      unanswered += 1;
    }
  };
  const asked: Promise<void>[] = [];
  const begun = performance.now();
  while (performance.now() - begun < forMs) {
    const due = ((performance.now() - begun) / 1_000) * perSecond;
    while (asked.length < due) asked.push(ask());
    await delay(5);
  }
  const seconds = (performance.now() - begun) / 1_000;
  await Promise.all(asked);
  for (const connection of idle) connection.close();
  const of = (status: number) => statuses.get(status) ?? 0;
  const total = [...statuses.values()].reduce((sum, n) => sum + n, 0);
  return {
    'asked per second': Math.round(asked.length / seconds),
    'answered 200 per second': Math.round(inTime / seconds),
    'refused 503': of(503),
    'slowest ms': Math.round(slowestMs),
    other: total - of(200) - of(503),
    'without Retry-After': withoutRetryAfter,
    unanswered,
  };
}

async function captures(world: World, orders: readonly Fields[]): Promise<number> {
  return world.count(
    `FROM payment.transfers t JOIN payment.payments p ON p.id = t.payment_id
     WHERE t.kind = 'capture' AND t.amount = ${AMOUNT} AND p.order_id = ANY($1)`,
    [orders.map(({ order_id }) => order_id)],
  );
}
