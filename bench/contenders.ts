import { fork } from 'node:child_process';
import path from 'node:path';
import type { Histogram } from './load/histogram';
import type { Job, Step } from './load/job';
import { findPgbench, pgbench } from './load/pgbench';
import type { BoundStatement, StatementJob, StatementRun } from './load/statements';
import { CID } from './orders';
import { FIRST_PLAIN_ACCOUNT, WALLETS } from './seed';
import type { Cost, Subject, World } from './world';

/** Connections of the load generator when it goes as fast as it can. */
const CONNECTIONS = 32;
/** Connections for a given rate: more than are ever busy below the knee. */
const CONNECTIONS_AT_RATE = 128;
/** Clients of the bare statements: more add nothing on two cores. */
const STATEMENT_CLIENTS = 16;
/** Operations a second that are prepared for before anything is known. */
const GUESS_PER_SECOND = 4_000;
/** Time before what counts of a turn, ms: what a pause has let go comes back, and pauses are not of the same length for all. */
const SETTLE_MS = 2_000;
/** Over what it did last time. */
const MARGIN = 1.7;
const ATTEMPTS_MAX = 3;

/** What a contender did in a turn. */
export interface Run {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly latencies?: Readonly<Record<string, Histogram>>;
  /** CPU of the load generator, ms; unknown of those that end with the run. */
  readonly clientCpuMs?: number;
  /** Whether each operation did its work; not a part of what is measured. */
  readonly verify?: () => Promise<void>;
}

/** Somebody who takes part in a comparison. */
export interface Contender {
  readonly title: string;
  readonly subject: Subject;
  /** Prepares what a turn of this length needs. @returns the turn itself, which is measured */
  prepare(seconds: number, ratePerSecond?: number): Promise<() => Promise<Run>>;
}

/** What the operations' orders are: just new numbers, or payments that were made before, of these merchants. */
export type Orders = 'new' | 'approved' | { readonly authenticatedOf: readonly string[] };
export const AUTHENTICATED: Orders = { authenticatedOf: [CID] };

/** The calls over HTTP. */
export class HttpContender implements Contender {
  private perSecond = GUESS_PER_SECOND;

  constructor(
    private readonly world: World,
    readonly title: string,
    readonly subject: Subject,
    private readonly steps: readonly Step[],
    private readonly orders: Orders,
    private readonly lists: Job['lists'] = {},
  ) {}

  async prepare(seconds: number, ratePerSecond?: number): Promise<() => Promise<Run>> {
    const { world, steps } = this;
    const isAtRate = ratePerSecond !== undefined;
    const perSecond = ratePerSecond ?? this.perSecond * MARGIN;
    const settling = Math.ceil((perSecond * SETTLE_MS) / 1_000);
    const counting = Math.ceil(perSecond * seconds);
    const { from } = await ordersFor(world, this.orders, settling + counting);
    const job = {
      ...{ url: this.subject.url, steps, ratePerSecond },
      lists: { account: world.seed.accounts, ...this.lists },
      connections: isAtRate ? CONNECTIONS_AT_RATE : CONNECTIONS,
    };
    const ms = seconds * 1_000;
    // On schedule, settling and counting are one run: new connections in between would be a stall.
    if (isAtRate) {
      return () =>
        this.run({ ...job, from, operationsMax: settling + counting, ms: SETTLE_MS + ms, settleMs: SETTLE_MS });
    }
    await world.load.run({ ...job, from, operationsMax: settling, ms: SETTLE_MS, settleMs: 0 });
    return async () => {
      const run = await this.run({ ...job, from: from + settling, operationsMax: counting, ms, settleMs: 0 });
      this.perSecond = Math.max(500, (run.operations / run.elapsedMs) * 1_000);
      return run;
    };
  }

  private async run(job: Job): Promise<Run> {
    const { operations, elapsedMs, latencies, cpuMs } = await this.world.load.run(job);
    return { operations, elapsedMs, latencies, clientCpuMs: cpuMs };
  }
}

/** The bare statements, with pgbench, or with a loop of our own where there is none. */
export class StatementContender implements Contender {
  readonly title: string;
  readonly subject: Subject;
  private readonly program = findPgbench();
  private perSecond = GUESS_PER_SECOND;

  constructor(
    private readonly world: World,
    private readonly statements: readonly BoundStatement[],
    private readonly orders: Orders,
  ) {
    this.title = this.program ? 'L: the statements alone (pgbench)' : 'L: the statements alone (statement loop)';
    const postgres = () => world.stack.processes().filter(({ name }) => name === 'postgres');
    this.subject = { title: this.title, url: '', processes: postgres };
  }

  async prepare(seconds: number): Promise<() => Promise<Run>> {
    const wholeSeconds = Math.max(1, Math.round(seconds));
    const perClient = Math.ceil((this.perSecond * MARGIN * wholeSeconds) / STATEMENT_CLIENTS);
    const { from } = await ordersFor(this.world, this.orders, perClient * STATEMENT_CLIENTS);
    const job: StatementJob = {
      ...{ databaseUrl: this.world.paymentDatabaseUrl, statements: this.statements, clients: STATEMENT_CLIENTS },
      ...{ seconds: wholeSeconds, orders: { from, perClient } },
      accounts: { from: FIRST_PLAIN_ACCOUNT, count: WALLETS },
    };
    return async () => {
      const run = await (this.program ? pgbench(this.program, job) : statementLoop(job));
      this.perSecond = (run.operations / run.elapsedMs) * 1_000;
      return { ...run, verify: () => this.requireWork(run, from, perClient * STATEMENT_CLIENTS) };
    };
  }

  /** A client that runs out of payments to approve goes on with nothing to do, which is fast and no approval. */
  private async requireWork({ operations }: StatementRun, from: number, count: number): Promise<void> {
    const { rows } = await this.world.admin.query(
      `SELECT count(*) AS done FROM payment.payments
       WHERE cid = $1 AND order_id IN (SELECT n::text FROM generate_series($2::bigint, $2::bigint + $3 - 1) AS n)
         AND status = ANY ($4)`,
      [CID, from, count, this.statements.some(({ name }) => name === 'approve-payment') ? ['APPROVED'] : ['READY']],
    );
    const done = Number(rows[0]?.done);
    if (done < operations) throw new Error(`${operations} transactions did ${done} payments`);
  }
}

/** Prepares and runs a turn; again, and told, when there was too little to do or something was refused: an overloaded machine. */
export async function turn(
  world: World,
  contender: Contender,
  seconds: number,
  ratePerSecond?: number,
): Promise<Run & Cost> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const run = await contender.prepare(seconds, ratePerSecond);
      const { result, cost } = await world.observe(contender.subject, run);
      await result.verify?.();
      return { ...result, ...cost };
    } catch (error) {
      if (attempt === ATTEMPTS_MAX) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      console.warn(`${contender.title} has its turn again: ${reason}`);
    }
  }
}

async function ordersFor(world: World, orders: Orders, count: number): Promise<{ from: number }> {
  if (orders === 'new') return { from: world.seed.reserve(count) };
  if (orders === 'approved') return world.seed.approved(count);
  return world.seed.authenticated(count, orders.authenticatedOf);
}

function statementLoop(job: StatementJob): Promise<StatementRun> {
  const child = fork(path.join(__dirname, 'load', 'statement-loop.js'));
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the statement loop ended before its job')));
    child.once('message', (reply: { result?: StatementRun; error?: string }) => {
      child.disconnect();
      if (reply.result) resolve(reply.result);
      else reject(new Error(reply.error));
    });
    child.send(job);
  });
}
