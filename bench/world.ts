import { type ChildProcess, fork } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { readConfig } from '../apps/payment/src/config';
import { PaymentIds } from '../apps/payment/src/ids/payment-ids';
import { EventIds } from '../apps/payment/src/ids/prefixed-ids';
import { AccountVault } from '../apps/payment/src/wallets/account-vault';
import type { StackOptions } from '../stack/src/options';
import { freePort } from '../stack/src/ports';
import { endChild, exitOf } from '../stack/src/processes';
import { readSecrets, type Secrets } from '../stack/src/secrets';
import { type Stack, startStack } from '../stack/src/stack';
import { LoadGenerator } from './load/load-generator';
import { cpuMs, cpuMsWithChildren, memoryMb, memoryMbWithChildren } from './measure';
import { type Seeded, Seeder } from './seed';

/** Time that a prepared payment lives, so that none runs out while it waits to be measured, s. */
const TTL_SECONDS = 86_400;
/** Settings of the services that are not what is measured. */
const ENVIRONMENT = { RATE_LIMIT_PER_SECOND: '1000000', PAYMENT_TTL_SECONDS: String(TTL_SECONDS) };
/** A cache that holds what is asked for, as PostgreSQL's manual advises: up to a quarter of the memory. */
const CACHE = { shared_buffers: '1GB' };
/** Checkpoints and autovacuum stay out of runs of seconds: what fell into somebody's turn would be counted as its own. */
const QUIET_POSTGRES = { checkpoint_timeout: '1h', max_wal_size: '32GB', autovacuum: 'off' };

/** More payments than are made in a moment. */
const PROGRESS_FROM = 100_000;

/** By a process's name: CPU, ms, or memory, MB. */
export type ByProcess = Readonly<Record<string, number>>;

/** Something that answers the calls and can be compared. */
export interface Subject {
  readonly title: string;
  readonly url: string;
  readonly processes: () => ReadonlyArray<{ readonly name: string; readonly pid: number }>;
}

/** What a run cost besides time; WAL without the first changes after a checkpoint, which there is none of. */
export interface Cost {
  /** By process, without the load generator, ms. */
  readonly cpuMs: ByProcess;
  readonly walBytes: number;
  readonly memoryMb: ByProcess;
}

/** A stack with a database of its own, what can be started beside it on the same database, and the load generator. */
export class World {
  private readonly stops: Array<() => Promise<unknown>> = [];
  private closed: Promise<void> | undefined;

  private constructor(
    readonly stack: Stack,
    readonly platform: Subject,
    readonly admin: Client,
    readonly ids: PaymentIds,
    readonly eventIds: EventIds,
    readonly seed: Seeder,
    readonly load: LoadGenerator,
    private readonly secrets: Secrets,
    private readonly dataDir: string,
    /** Payments of the past. */
    readonly history: Seeded,
  ) {}

  /** @param payments of the past that are in its tables */
  static async start(
    payments: number,
    progress: (line: string) => void,
    settings: { quietPostgres?: boolean } = {},
  ): Promise<World> {
    progress(`starting a stack with ${payments.toLocaleString('en')} payments`);
    const dataDir = temporaryFolder();
    const { stack, url } = await startPlatform(dataDir, 1, {
      postgresSettings: settings.quietPostgres === false ? CACHE : { ...CACHE, ...QUIET_POSTGRES },
    });
    try {
      return await World.of(stack, url, dataDir, payments, progress);
    } catch (error) {
      await stack.stop();
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  private static async of(
    stack: Stack,
    url: string,
    dataDir: string,
    payments: number,
    progress: (line: string) => void,
  ): Promise<World> {
    const secrets = readSecrets(dataDir);
    const admin = new Client({ connectionString: stack.databaseUrl, application_name: 'oneq-bench' });
    await admin.connect();
    const config = readConfig({ ...secrets, DATABASE_URL: stack.databaseUrl });
    const ids = new PaymentIds(config.TID_SECRET);
    const seed = new Seeder(admin, new AccountVault(config.ACCOUNT_SECRETS, config.ACCOUNT_INDEX_SECRET), ids);
    const platform = { title: 'OneQ Pay', url, processes: () => stack.processes() };
    await seed.wallets();
    const history = await seed.history(payments, (done) => {
      if (payments > PROGRESS_FROM) progress(`${done.toLocaleString('en')} payments made`);
    });
    return new World(
      stack,
      platform,
      admin,
      ids,
      new EventIds(config.TID_SECRET),
      seed,
      new LoadGenerator(),
      secrets,
      dataDir,
      history,
    );
  }

  /** URL of the database as the payment service has it. */
  get paymentDatabaseUrl(): string {
    const url = new URL(this.stack.databaseUrl);
    url.username = `${url.pathname.slice(1)}_payment`;
    url.password = encodeURIComponent(this.secrets.PAYMENT_DB_PASSWORD);
    return url.href;
  }

  /** The platform with more payment processes, on the same database and with the same secrets. */
  async withPaymentProcesses(count: number): Promise<Subject> {
    const dataDir = temporaryFolder();
    copyFileSync(path.join(this.dataDir, 'secrets.json'), path.join(dataDir, 'secrets.json'));
    const { stack, url } = await startPlatform(dataDir, count, { databaseUrl: this.stack.databaseUrl });
    this.stops.push(async () => {
      await stack.stop();
      rmSync(dataDir, { recursive: true, force: true });
    });
    const postgres = () => this.stack.processes().filter(({ name }) => name === 'postgres');
    const processes = () => [...stack.processes(), ...postgres()];
    return { title: `OneQ Pay, ${count} payment processes`, url, processes };
  }

  /** A server of `bench/servers`, on the same database. */
  async server(name: 'bare' | 'plain', title: string): Promise<Subject> {
    const port = await freePort();
    const environment = { ...this.secrets, ...ENVIRONMENT, PORT: String(port), DATABASE_URL: this.paymentDatabaseUrl };
    const child = fork(path.join(__dirname, 'servers', `${name}.js`), {
      env: { ...process.env, ...environment, NODE_ENV: 'production' },
    });
    const exited = exitOf(child);
    this.stops.push(() => endChild(child, exited, [['SIGTERM', 2_000]]));
    await listening(child);
    const postgres = () => this.stack.processes().filter(({ name }) => name === 'postgres');
    return { title, url: `http://localhost:${port}`, processes: () => [{ name, pid: child.pid ?? 0 }, ...postgres()] };
  }

  /** What a subject spends while `work` goes on. */
  async observe<T>(subject: Subject, work: () => Promise<T>): Promise<{ result: T; cost: Cost }> {
    const wal = await this.walPosition();
    const before = sumOf(subject, cpuOf);
    const result = await work();
    const after = sumOf(subject, cpuOf);
    const spent = Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)] as const);
    const walBytes = (await this.walPosition()) - wal;
    return { result, cost: { cpuMs: Object.fromEntries(spent), walBytes, memoryMb: sumOf(subject, memoryOf) } };
  }

  /** What autovacuum would do in its own time. */
  async vacuum(): Promise<void> {
    await this.admin.query(`VACUUM (ANALYZE) payment.payments, payment.wallets, payment.transfers, payment.events,
                            affiliation.merchants, affiliation.secret_keys`);
  }

  /** WAL written to disk so far, times. Connections tell the server of theirs with up to ten seconds' delay. */
  async walSyncs(): Promise<number> {
    const { rows } = await this.admin.query(`SELECT sum(fsyncs) AS syncs FROM pg_stat_io WHERE object = 'wal'`);
    return Number(rows[0]?.syncs);
  }

  private async walPosition(): Promise<number> {
    const { rows } = await this.admin.query(`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`);
    return Number(rows[0]?.position);
  }

  /** Stops all of it; may be called at any time. */
  stop(): Promise<void> {
    this.closed ??= this.close();
    return this.closed;
  }

  private async close(): Promise<void> {
    await this.load.stop();
    await Promise.all(this.stops.map((stop) => stop()));
    await this.admin.end();
    await this.stack.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** All in all. */
export function total(byProcess: ByProcess): number {
  return Object.values(byProcess).reduce((sum, value) => sum + value, 0);
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'oneq-bench-'));
  chmodSync(folder, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
  return folder;
}

async function startPlatform(
  dataDir: string,
  paymentReplicas: number,
  database: Pick<StackOptions, 'databaseUrl' | 'postgresSettings'>,
) {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const stack = await startStack({
    ...{ port, host: 'localhost', publicUrl: url, dataDir, mode: 'sandbox', paymentReplicas },
    ...database,
    env: ENVIRONMENT,
  });
  return { stack, url };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('exit', () => reject(new Error('a server to compare with did not start')));
  });
}

function sumOf(subject: Subject, read: (name: string, pid: number) => number): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { name, pid } of subject.processes()) sums[name] = (sums[name] ?? 0) + read(name, pid);
  return sums;
}

/** Each connection of PostgreSQL is a process of its own. */
const cpuOf = (name: string, pid: number) => (name === 'postgres' ? cpuMsWithChildren(pid) : cpuMs(pid));
const memoryOf = (name: string, pid: number) => (name === 'postgres' ? memoryMbWithChildren(pid) : memoryMb(pid));
