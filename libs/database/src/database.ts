import { AsyncLocalStorage } from 'node:async_hooks';
import { type DynamicModule, Global, Inject, Injectable, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { OneQError, unavailable } from '@oneq/contracts';
import { ConfigurationError, type databaseVariables, deadline } from '@oneq/service-kit';
import type { CleanedEnv } from 'envalid';
import { type Pool, type PoolClient, types } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';
import { databaseError, errorCode } from './database-error';

/** Longest time for one statement, ms; the server ends it. Below the gateway's deadline for one attempt. */
const STATEMENT_TIMEOUT_MS = 2_000;
/** Connections per process. */
export const POOL_SIZE = 10;
/** How long one stays open without work, ms: each new one signs in and prepares all of its statements first. */
export const POOL_IDLE_MS = 600_000;
/** A deadlock or serialisation failure was rolled back whole, so the statement can simply run again. */
const RUNS_MAX = 3;
const RUN_AGAIN = new Set(['40001', '40P01']);

// PostgreSQL's bigint arrives as text; ours are amounts in won and ids, all far below 2^53.
types.setTypeParser(types.builtins.INT8, (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint of the database is beyond 2^53');
  return value;
});

// A time in UTC, as our own server writes it, is one that V8 reads faster than pg's patterns.
const parseTime = types.getTypeParser(types.builtins.TIMESTAMPTZ);
types.setTypeParser(types.builtins.TIMESTAMPTZ, (text) =>
  text.endsWith('+00') && text[4] === '-' ? new Date(`${text.slice(0, 10)}T${text.slice(11, -3)}Z`) : parseTime(text),
);

const ignore = () => {};

/** One SQL statement, prepared under its name on every connection that runs it. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** A transaction in progress, and what is to be done once it is committed. */
interface Transaction {
  readonly client: PoolClient;
  readonly afterCommit: Array<() => void>;
  readonly kind: TransactionKind;
  /** When all statements asked for so far have their answer: a connection has one at a time. */
  last: Promise<unknown>;
  /** A statement failed where none can by itself: nothing more can be done in this transaction. */
  isBroken: boolean;
}

/**
 * `plain`: whatever fails, ends it. `savepoints`: each statement can fail by itself, for two more ways to the database and
 * back. `shared`: `plain`, for the work of several that do not wait for what somebody else has locked.
 */
type TransactionKind = 'plain' | 'savepoints' | 'shared';

/** Longest wait for a lock in a transaction whose other work waits with it, ms. */
const SHARED_LOCK_TIMEOUT_MS = 20;

const BEGIN: Record<TransactionKind, string> = {
  plain: 'BEGIN',
  savepoints: 'BEGIN',
  shared: `BEGIN; SET LOCAL lock_timeout = ${SHARED_LOCK_TIMEOUT_MS}`,
};

/** What the work of a transaction that is committed came to. */
interface Committed<T> {
  readonly settled: { readonly value: T } | { readonly error: unknown };
  readonly afterCommit: ReadonlyArray<() => void>;
}

/** Runs named statements: one round trip, one commit; or several in one transaction. */
@Injectable()
export class Database {
  private readonly pool: Pool;
  private readonly transactions = new AsyncLocalStorage<Transaction>();

  constructor(@Inject(DataSource) dataSource: DataSource) {
    // TypeORM never names a statement, so its own pool is used directly here.
    this.pool = (dataSource.driver as PostgresDriver).master;
  }

  /**
   * The rows that a statement returns.
   * @throws {OneQError} SERVICE_UNAVAILABLE: final when the statement did not happen, unknown when the connection broke
   * @throws the database's error for anything else (a broken constraint)
   */
  async run<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const transaction = this.transactions.getStore();
    if (transaction) return this.runWithin(transaction, statement, values);
    for (let run = 1; ; run += 1) {
      try {
        return await this.connected(
          async (client) => (await client.query<Row>({ ...statement, values: [...values] })).rows,
        );
      } catch (error) {
        if (run === RUNS_MAX || !RUN_AGAIN.has(errorCode(error) ?? '')) throw databaseError(error) ?? error;
      }
    }
  }

  /**
   * Runs `work` with all its statements in one transaction. A refusal commits what was done before it, as it would be
   * without one; any other error undoes everything. For work that asks nobody else meanwhile, and may be done once more after
   * it was undone: a broken constraint, after which its caller may go on, is rare enough to try without savepoints first.
   * @throws {OneQError} SERVICE_UNAVAILABLE as {@link run}; unknown when the commit itself was lost
   */
  async inTransaction<T>(work: () => Promise<T>): Promise<T> {
    const committed = (await this.transact('plain', work)) ?? (await this.transact('savepoints', work));
    if (!committed) throw new Error('a transaction with savepoints is broken');
    return outcomeOf(committed);
  }

  /**
   * {@link inTransaction} for the work of several at once: it waits for no lock to speak of, so that one never holds up the
   * others for long.
   * @throws when something in one of them stands in the way of all; nothing is done then, and each can be done alone, unless
   * the error is SERVICE_UNAVAILABLE for another reason than a lock
   */
  async inSharedTransaction<T>(work: () => Promise<T>): Promise<T> {
    const committed = await this.transact('shared', work);
    if (!committed) throw new Error('a statement broke the shared transaction');
    return outcomeOf(committed);
  }

  /** What `work` came to, which is committed; undefined when a statement broke the transaction, which is undone. */
  private async transact<T>(kind: TransactionKind, work: () => Promise<T>): Promise<Committed<T> | undefined> {
    try {
      return await this.connected(async (client) => {
        const transaction: Transaction = { client, afterCommit: [], kind, last: Promise.resolve(), isBroken: false };
        await client.query(BEGIN[kind]);
        const settled = await this.transactions.run(transaction, work).then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        );
        const { afterCommit, isBroken } = transaction;
        if (isBroken || ('error' in settled && !isRefusal(settled.error))) {
          // A connection that is broken undoes it by itself.
          await client.query('ROLLBACK').catch(ignore);
          if (isBroken) return undefined;
          throw (settled as { error: unknown }).error;
        }
        // PostgreSQL ends a transaction whose statement failed with a ROLLBACK, and calls that no error.
        const { command } = await client.query('COMMIT');
        if (command !== 'COMMIT') throw unavailable('final', 'a failed statement was passed over');
        return { settled, afterCommit };
      });
    } catch (error) {
      throw databaseError(error) ?? error;
    }
  }

  /** The transaction that the caller's statements belong to, if any. */
  get transaction(): { readonly kind: TransactionKind } | undefined {
    return this.transactions.getStore();
  }

  /** Runs `work` once what was done is committed: at once, or at the end of the transaction in progress. */
  afterCommit(work: () => void): void {
    const transaction = this.transactions.getStore();
    if (transaction) transaction.afterCommit.push(work);
    else work();
  }

  /** Runs a statement in a transaction, after those that were asked for before. */
  private runWithin<Row extends object>(
    transaction: Transaction,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const rows = transaction.last.then(() => this.runNext<Row>(transaction, statement, values));
    transaction.last = rows.catch(ignore);
    return rows;
  }

  private async runNext<Row extends object>(
    transaction: Transaction,
    statement: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const { client } = transaction;
    const savepoints = transaction.kind === 'savepoints';
    refuseLate();
    try {
      if (savepoints) await client.query('SAVEPOINT statement');
      const { rows } = await client.query<Row>({ ...statement, values: [...values] });
      if (savepoints) await client.query('RELEASE statement');
      return rows;
    } catch (error) {
      const unavailableError = databaseError(error);
      if (unavailableError) throw unavailableError;
      if (savepoints) await client.query('ROLLBACK TO statement');
      else transaction.isBroken = true;
      throw error;
    }
  }

  /** Runs `work` with a connection of the pool. */
  private async connected<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw unavailable('final', error);
    });
    let broken = false;
    // The pool listens to idle connections only. Without a listener of ours, a connection that breaks while it is in
    // use would end the process; the query's own rejection tells the caller.
    client.on('error', ignore);
    try {
      refuseLate(); // who comes late has not used the connection, which stays
      return await work(client).catch((error: unknown) => {
        broken = databaseError(error)?.outcome === 'unknown';
        throw error;
      });
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    await this.run({ name: 'ping', text: 'SELECT 1' }, []);
  }

  /** What an error of it, or of TypeORM, means to who asked; undefined for a bug. */
  errorOf(error: unknown): OneQError | undefined {
    return databaseError(error);
  }
}

/** Does what was to be done after the commit. */
function outcomeOf<T>({ settled, afterCommit }: Committed<T>): T {
  for (const after of afterCommit) after();
  if ('error' in settled) throw settled.error;
  return settled.value;
}

/** @throws {OneQError} SERVICE_UNAVAILABLE when nobody waits for the statement any more */
function refuseLate(): void {
  if (Date.now() > deadline()) throw unavailable('unknown', 'nobody waits for this any more');
}

/** Whether an error is an answer rather than a failure. */
export function isRefusal(error: unknown): error is OneQError {
  return error instanceof OneQError && error.definition.status < 500;
}

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** Where the database is, and how long is waited there. */
type DatabaseConfig = CleanedEnv<typeof databaseVariables>;

interface DatabaseOptions {
  /** Schema that this service owns, and the only one it sees. */
  readonly schema: string;
  readonly entities: DataSourceOptions['entities'];
  readonly migrations: DataSourceOptions['migrations'];
}

/** Options of a service's data source, for the service and for tests. */
export function dataSourceOptions(
  { schema, entities, migrations }: DatabaseOptions,
  { DATABASE_URL, DATABASE_CONNECT_TIMEOUT_MS, DATABASE_LOCK_TIMEOUT_MS }: DatabaseConfig,
): PostgresOptions {
  return {
    type: 'postgres',
    url: DATABASE_URL,
    schema,
    entities,
    migrations,
    migrationsTableName: 'migrations',
    applicationName: `oneq-${schema}`,
    poolSize: POOL_SIZE,
    extra: {
      // Every statement looks things up by keys. A plan lives as long as its connection: one that was made while a table was small
      // would read it from end to end when it has grown, until PostgreSQL analyses it. Its own checks of foreign keys do as well.
      options: `-c search_path=${schema} -c enable_seqscan=off`,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: DATABASE_LOCK_TIMEOUT_MS,
      // The server's time-out strikes first; this one is for a server that has stopped answering.
      query_timeout: STATEMENT_TIMEOUT_MS + 500,
      connectionTimeoutMillis: DATABASE_CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: POOL_IDLE_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    },
  };
}

/**
 * A connected data source whose schema is up to date. Replicas start together, so migrations run under a lock; they run
 * on a connection of their own without time-outs, because waiting for that lock and changing large tables take long.
 * @throws {ConfigurationError} when the database would answer before a commit is on disk
 */
export async function connectAndMigrate(options: PostgresOptions): Promise<DataSource> {
  const patient = {
    ...options.extra,
    options: `-c search_path=${options.schema}`,
    statement_timeout: 0,
    lock_timeout: 0,
    query_timeout: 0,
    idle_in_transaction_session_timeout: 0,
  };
  const migrating = await new DataSource({ ...options, poolSize: 2, extra: patient }).initialize();
  try {
    await requireDurability(migrating);
    const runner = migrating.createQueryRunner();
    // Held by this session; it goes with the connection, whatever happens.
    await runner.query(`SELECT pg_advisory_lock(hashtext('oneq-migrations'))`);
    await migrating.runMigrations({ transaction: 'each' });
    await runner.query(`SELECT pg_advisory_unlock(hashtext('oneq-migrations'))`);
    await runner.release();
  } finally {
    await migrating.destroy();
  }
  return new DataSource(options).initialize();
}

/** Settings without which a crash can take back what a merchant was told. */
const DURABILITY: Readonly<Record<string, readonly string[]>> = {
  fsync: ['on'],
  full_page_writes: ['on'],
  synchronous_commit: ['on', 'local', 'remote_write', 'remote_apply'],
};

async function requireDurability(source: DataSource): Promise<void> {
  const names = Object.keys(DURABILITY);
  const settings = names.map((name) => `current_setting('${name}') AS ${name}`).join(', ');
  const [row]: Array<Record<string, string>> = await source.query(`SELECT ${settings}`);
  const problems = names
    .filter((name) => !DURABILITY[name]?.includes(row?.[name] ?? ''))
    .map((name) => `the database has ${name} = ${row?.[name]}: a crash could lose payments that were answered`);
  if (problems.length > 0) throw new ConfigurationError(problems);
}

/** A database that is not there yet may come; a wrong configuration stays wrong. */
const toRetry = (error: unknown) => !(error instanceof ConfigurationError);

/** TypeORM connected to the service's own schema, migrated, and {@link Database} on the same pool. */
@Global()
@Module({})
export class DatabaseModule {
  static forSchema(options: DatabaseOptions, config: DatabaseConfig): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRootAsync({
          useFactory: () => ({ ...dataSourceOptions(options, config), retryAttempts: 50, retryDelay: 200, toRetry }),
          dataSourceFactory: (given) => {
            if (given?.type !== 'postgres') throw new Error('the data source must be PostgreSQL');
            return connectAndMigrate(given);
          },
        }),
      ],
      providers: [Database],
      exports: [Database],
    };
  }
}
