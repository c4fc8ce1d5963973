import { setTimeout as wait } from 'node:timers/promises';
import type { Stack } from '../../stack/src/stack';
import { cpuMs, median, memoryMb, percentile, timed } from '../measure';
import { follow, Payer } from '../payer';
import type { Row } from '../report';
import type { Section } from '../section';

const PAGES = 500;
const VIEWS = 400;
const PASSWORDS = 30;
/** Rounds with and without open pages, in turns, so that a noisy machine favours neither. */
const ROUNDS = 5;
const CALLS = 300;
/** Time for the gateway to settle after pages were opened or closed, ms. */
const SETTLE_MS = 3_000;

export const PAGES_SECTION: Section = {
  name: 'pages',
  async measure(context) {
    const { stack, platform } = await context.world(1_000);
    return { rows: await benchPages(stack, platform.url, context.progress) };
  },
};

/** The payer's pages: time for the QR page, from the password to the PC, and what open live pages cost. */
async function benchPages(stack: Stack, url: string, progress: (line: string) => void): Promise<Row[]> {
  const gateway = stack.processes().find(({ name }) => name === 'gateway')?.pid ?? 0;
  const orders = new Orders(url);
  for (let i = 0; i < CALLS; i += 1) await orders.pay();

  progress(`QR page, ${VIEWS} times`);
  const prepared = await orders.prepare();
  const payer = new Payer(url);
  for (let i = 0; i < 100; i += 1) await payer.open(prepared.next_redirect_url);
  const views: number[] = [];
  for (let i = 0; i < VIEWS; i += 1) views.push(await timed(() => payer.open(prepared.next_redirect_url)));

  progress(`password to the PC's redirect, ${PASSWORDS} times`);
  const handOvers: number[] = [];
  for (let i = 0; i < PASSWORDS; i += 1) handOvers.push(await orders.handOver());

  progress(`${PAGES} open live pages, ${ROUNDS} rounds with and without`);
  const memory: number[] = [];
  const without: number[] = [];
  const along: number[] = [];
  const idle: number[] = [];
  const pages: string[] = [];
  for (let i = 0; i < PAGES; i += 1) pages.push((await orders.prepare()).next_redirect_url);
  for (let round = 0; round < ROUNDS; round += 1) {
    await wait(SETTLE_MS);
    const before = memoryMb(gateway);
    without.push(...(await orders.callTimes(CALLS)));
    const streams = [];
    for (const page of pages) streams.push(await follow(page, () => {}));
    const cpu = cpuMs(gateway);
    await wait(SETTLE_MS);
    idle.push((cpuMs(gateway) - cpu) / SETTLE_MS);
    memory.push(memoryMb(gateway) - before);
    along.push(...(await orders.callTimes(CALLS)));
    for (const stream of streams) stream.close();
  }

  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const ratio = percentile(along, 0.5) / percentile(without, 0.5);
  return [
    row(
      'QR page, p50 / p99',
      `${ms(median(views))} / ${ms(percentile(views, 0.99))}`,
      '< 30 ms',
      percentile(views, 0.99) < 30,
    ),
    row(
      'right password → PC is told where to go, p50 / max',
      `${ms(median(handOvers))} / ${ms(Math.max(...handOvers))}`,
      '< 1 s with the page’s own 0.3 s',
      Math.max(...handOvers) < 700,
    ),
    row(
      `memory of ${PAGES} live pages, largest`,
      `${Math.max(...memory).toFixed(0)} MB`,
      '< 100 MB',
      Math.max(...memory) < 100,
    ),
    row(`CPU of ${PAGES} live pages at rest`, `${(median(idle) * 100).toFixed(1)} % of a core`, '–', true),
    row(
      `prepare with ${PAGES} live pages ÷ without, p50`,
      `${ratio.toFixed(2)} (${ms(median(along))} / ${ms(median(without))}; p99 ${ms(percentile(along, 0.99))} / ${ms(percentile(without, 0.99))})`,
      'about 1',
      ratio < 1.1,
    ),
  ];
}

function row(measure: string, value: string, goal: string, met: boolean): Row {
  return { measure, value, goal, met };
}

interface Prepared {
  readonly tid: string;
  readonly next_redirect_url: string;
  readonly android_app_scheme: string;
}

/** A merchant's calls, each order with a number of its own. */
class Orders {
  private count = 0;

  constructor(private readonly url: string) {}

  async prepare(account = 0): Promise<Prepared> {
    this.count += 1;
    return this.post('/pay', {
      ...ORDER,
      order_id: `bench-${process.pid}-${this.count}`,
      bank_acct_num: String(880_000_000_000 + account),
      balance: '2000000000',
      approval_url: 'http://localhost:3000/approval',
      cancel_url: 'http://localhost:3000/cancel',
      fail_url: 'http://localhost:3000/fail',
    });
  }

  /** The three calls, as a client written from the specification makes them. */
  async pay(): Promise<void> {
    const { tid } = await this.prepare(1);
    await this.post(`/sandbox/payments/${tid}/authenticate`, {});
    const { quantity: _, ...approval } = ORDER;
    await this.post('/pay/success', {
      ...approval,
      order_id: `bench-${process.pid}-${this.count}`,
      tran_dt: '2016.11.15 21:18:22',
    });
  }

  /** ms that each of so many prepares takes, one after the other. */
  async callTimes(calls: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < calls; i += 1) times.push(await timed(() => this.prepare(2)));
    return times;
  }

  /** ms from sending the right password until the PC's page is told where to go. */
  async handOver(): Promise<number> {
    const { next_redirect_url, android_app_scheme } = await this.prepare(3);
    const phone = new Payer(this.url);
    const scanned = `${android_app_scheme}&via=qr`;
    await phone.begin(scanned);
    let told = (_at: number) => {};
    const redirected = new Promise<number>((resolve) => {
      told = resolve;
    });
    const page = await follow(next_redirect_url, ({ redirect_url }) => redirect_url && told(performance.now()));
    const begun = performance.now();
    const { status } = await phone.enter(scanned, '482915');
    if (status !== 200) throw new Error(`the password was answered with ${status}`);
    const ms = (await redirected) - begun;
    page.close();
    return ms;
  }

  private async post<Answer>(path: string, fields: Record<string, string>): Promise<Answer> {
    const response = await fetch(this.url + path, { method: 'POST', body: new URLSearchParams(fields) });
    if (response.status !== 200) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

const ORDER = {
  cid: 'TC0ONETIME',
  category_cd: '552101',
  opponent_name: '원큐피자',
  item_name: '고구마피자',
  member_id: 'member_id',
  quantity: '1',
  amount: '100',
} as const;
