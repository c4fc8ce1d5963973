import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { databaseVariables, inTrace, readEnvironment } from '@oneq/service-kit';
import { createTestDatabase, type TestDatabase } from '@oneq/testing';
import { Client, type Pool, type PoolClient } from 'pg';
import type { DataSource, DataSourceOptions, MigrationInterface, QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver';
import { connectAndMigrate, Database, dataSourceOptions } from './database';

/** Takes longer than any statement of the service may. */
class SlowMigration1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('SELECT pg_sleep(2.6)');
    await runner.query('CREATE TABLE notes (id integer PRIMARY KEY, text text)');
  }
  async down(): Promise<void> {}
}

const SLEEP = { name: 'sleep', text: 'SELECT pg_sleep($1)' };
const INSERT = { name: 'insert-note', text: 'INSERT INTO notes VALUES ($1, $2) RETURNING *' };

const optionsFor = (url: string, migrations: DataSourceOptions['migrations']) =>
  dataSourceOptions(
    { schema: 'payment', entities: [], migrations },
    readEnvironment(databaseVariables, { DATABASE_URL: url }),
  );

describe('the database', () => {
  let place: TestDatabase;
  let source: DataSource;
  let database: Database;
  let admin: Client;
  beforeAll(async () => {
    place = await createTestDatabase('payment');
    const options = optionsFor(place.url, [SlowMigration1700000000000]);
    // Two replicas that start together: one migrates, the other waits for it, both longer than a statement may take.
    const [first, second] = await Promise.all([connectAndMigrate(options), connectAndMigrate(options)]);
    await second.destroy();
    source = first;
    database = new Database(source);
    admin = new Client(place.adminUrl);
    await admin.connect();
  });
  afterAll(async () => {
    await admin.end();
    await source.destroy();
  });

  it('is migrated once by replicas that start together, however long it takes', async () => {
    const { rows } = await admin.query('SELECT count(*)::integer AS n FROM payment.migrations');
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('runs a statement under its name and reads bigint as a number', async () => {
    expect(await database.run(INSERT, [1, 'one'])).toEqual([{ id: 1, text: 'one' }]);
    expect(await database.run({ name: 'big', text: 'SELECT 9007199254740991::bigint AS n' }, [])).toEqual([
      { n: 9007199254740991 },
    ]);
    await expect(database.run({ name: 'bigger', text: 'SELECT 9007199254740992::bigint AS n' }, [])).rejects.toThrow(
      RangeError,
    );
  });

  it.each(['UTC', 'Asia/Seoul', 'America/St_Johns'])(
    'reads times, also where the server writes them as of %s',
    async (zone) => {
      const TIMES = [
        '2026-11-26 08:43:00.123456+00',
        '2026-11-26 08:43:00+00',
        '0099-01-01 00:00:00.9+00',
        '12026-11-26 00:00:00+00',
      ];
      const text = `SELECT time, (extract(epoch FROM time) * 1000)::bigint AS ms
                  FROM unnest($1::timestamptz[]) AS time`;
      await database.inTransaction(async () => {
        await database.run({ name: 'set-zone', text: `SELECT set_config('timezone', $1, true)` }, [zone]);
        const rows = await database.run<{ time: Date; ms: number }>({ name: 'times', text }, [TIMES]);
        expect(rows).toHaveLength(TIMES.length);
        for (const { time, ms } of rows) expect(Math.abs(time.getTime() - ms)).toBeLessThanOrEqual(1);
      });
    },
  );

  it('hands on a broken constraint as it is', async () => {
    await expect(database.run(INSERT, [1, 'again'])).rejects.toMatchObject({ constraint: 'notes_pkey' });
  });

  it.each([['synchronous_commit', 'off']])('is refused when it has %s = %s', async (name, value) => {
    const { url, adminUrl } = await createTestDatabase('payment');
    const superuser = new Client(adminUrl);
    await superuser.connect();
    await superuser.query(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET ${name} = ${value}`);
    await superuser.end();
    const connecting = connectAndMigrate(optionsFor(url, []));
    await expect(connecting).rejects.toThrow(`${name} = ${value}`);
  });

  it('is unavailable, with an unknown outcome, when the connection breaks under a statement; the process lives on', async () => {
    const pool: Pool = (source.driver as PostgresDriver).master;
    const taken = once(pool, 'acquire');
    const sleeping = database.run(SLEEP, [1.5]).catch((error: unknown) => error);
    // As when the other machine dies: the socket ends without a word.
    const [client] = (await taken) as [PoolClient & { connection: { stream: Socket } }];
    await setImmediate();
    expect(client.listenerCount('error')).toBeGreaterThan(0); // an error that nobody hears would end the process
    client.connection.stream.destroy();
    expect(await sleeping).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'unknown' });
    await expect(database.ping()).resolves.toBeUndefined();
  });

  it('is unavailable, with an unknown outcome, when the server stops answering, and lets that connection go', async () => {
    const pool: Pool = (source.driver as PostgresDriver).master;
    // The connection used last is the next one: there the server ends nothing by itself any more.
    await database.run({ name: 'patience', text: `SELECT set_config('statement_timeout', '0', false)` }, []);
    const connections = pool.totalCount;
    expect(await database.run(SLEEP, [10]).catch((error: unknown) => error)).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      outcome: 'unknown',
    });
    expect(pool.totalCount).toBe(connections - 1);
  });

  it('is unavailable, finally, when a statement takes too long: it was rolled back', async () => {
    await expect(database.run(SLEEP, [10])).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
  });

  it('is unavailable, finally, when no connection is free in time', async () => {
    const busy = Array.from({ length: 10 }, () => database.run(SLEEP, [1.2]));
    await expect(database.ping()).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    await Promise.all(busy);
  });

  it('starts no statement for a request that nobody waits for any more', async () => {
    const late = inTrace(undefined, () => database.run(INSERT, [2, 'late']), Date.now() - 1);
    await expect(late).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect((await admin.query('SELECT FROM payment.notes WHERE id = 2')).rowCount).toBe(0);
  });

  it('keeps the connection that a late request did not use', async () => {
    const pool: Pool = (source.driver as PostgresDriver).master;
    await database.ping();
    const connections = pool.totalCount;
    await inTrace(undefined, () => database.ping(), Date.now() - 1).catch(() => {});
    expect(connections).toBeGreaterThan(0);
    expect(pool.totalCount).toBe(connections);
  });
});
