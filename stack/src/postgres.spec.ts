import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { PostgresServer, startPostgres } from './postgres';
import { processIdentity } from './processes';
import { createDatabase, provision } from './provision';

describe('the embedded PostgreSQL', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'oneq-postgres-'));
  const servers: PostgresServer[] = [];
  const start = async (port?: number, password = 'secret / of the @dmin') => {
    const options = { dataDir: path.join(directory, 'data'), logFile: path.join(directory, 'log'), password, port };
    const server = await startPostgres(options);
    servers.push(server);
    return server;
  };
  const query = async <R extends object>(url: string, ...statements: string[]): Promise<R[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      let rows: R[] = [];
      for (const statement of statements) rows = (await client.query<R>(statement)).rows;
      return rows;
    } finally {
      await client.end();
    }
  };
  let server: PostgresServer;

  beforeAll(async () => {
    // As root the server runs as another user, who has to get in.
    chmodSync(directory, 0o711);
    server = await start();
    await createDatabase(server.url('postgres'), 'oneq');
  });
  afterAll(async () => {
    for (const one of servers) await one.stop();
    rmSync(directory, { recursive: true });
  });

  it('keeps what is committed: no durability setting is weakened', async () => {
    const names = ['fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums'];
    const rows = await query(
      server.url('oneq'),
      `SELECT DISTINCT setting FROM pg_settings WHERE name IN ('${names.join("', '")}')`,
    );
    expect(rows).toEqual([{ setting: 'on' }]);
  });

  it('asks for a password and listens on loopback alone', async () => {
    await expect(query(server.url('oneq', 'oneq', 'wrong'))).rejects.toThrow('password authentication failed');
    expect(await query(server.url('oneq'), 'SHOW listen_addresses', 'SHOW unix_socket_directories')).toEqual([
      { unix_socket_directories: '' },
    ]);
    expect(await query(server.url('oneq'), 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
  });

  it('comes back on its port, with its data, after its first process was killed', async () => {
    await query(server.url('oneq'), 'CREATE TABLE kept (id int)', 'INSERT INTO kept VALUES (1)');
    // A session at work outlives the first process for a while and holds the shared memory.
    const busy = new Client({ connectionString: server.url('oneq') });
    busy.on('error', () => undefined);
    await busy.connect();
    const interrupted = busy.query('SELECT count(*) FROM generate_series(1, 100000000000)').catch(() => 'interrupted');

    process.kill(server.pid, 'SIGKILL');
    expect(await server.exited).toMatchObject({ signal: 'SIGKILL' });
    const again = await start(server.port);
    expect(again.port).toBe(server.port);
    expect(await query(again.url('oneq'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    expect(await interrupted).toBe('interrupted');
    server = again;
  });

  it('stops a server that an earlier run left on the same directory', async () => {
    const before = server;
    server = await start();
    expect(processIdentity(before.pid)).toBeUndefined();
    expect(await query(server.url('oneq'), 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });

  it('says so when the database was made with another password', async () => {
    await server.stop();
    await expect(start(undefined, 'another')).rejects.toThrow('was created with another password');
    server = await start();
  });

  describe('provisioned', () => {
    const passwords = { affiliation: "it's", payment: 'p@y/ment' };

    it('gives each service a schema of its own, closed to the other, however often it is run', async () => {
      await provision({ adminUrl: server.url('oneq'), passwords: { affiliation: 'old', payment: 'old' } });
      const [urls] = await Promise.all([
        provision({ adminUrl: server.url('oneq'), passwords }),
        provision({ adminUrl: server.url('oneq'), passwords }),
      ]);
      await query(urls.affiliation, 'CREATE TABLE merchants (id int)', 'INSERT INTO merchants VALUES (1)');
      expect(await query(urls.affiliation, 'SELECT id FROM affiliation.merchants')).toEqual([{ id: 1 }]);
      expect(await query(urls.payment, 'SELECT current_schema, current_user')).toEqual([
        { current_schema: 'payment', current_user: 'oneq_payment' },
      ]);
      await expect(query(urls.payment, 'SELECT * FROM affiliation.merchants')).rejects.toThrow('permission denied');
      await expect(query(urls.payment, 'CREATE TABLE public.stray (id int)')).rejects.toThrow('permission denied');
      await expect(query(urls.payment, 'CREATE SCHEMA stray')).rejects.toThrow('permission denied');
      await expect(query(urls.payment, 'SET ROLE oneq_affiliation')).rejects.toThrow('permission denied');
    });

    it('works for an owner who is no superuser, and keeps strangers out of the database', async () => {
      await query(
        server.url('postgres'),
        "CREATE ROLE landlord LOGIN CREATEROLE PASSWORD 'landlord'",
        "CREATE ROLE stranger LOGIN PASSWORD 'stranger'",
        'CREATE DATABASE rented OWNER landlord',
      );
      const adminUrl = server.url('rented', 'landlord', 'landlord');
      await provision({ adminUrl, passwords });
      const urls = await provision({ adminUrl, passwords });
      await query(urls.payment, 'CREATE TABLE payments (id int)');
      await expect(query(urls.affiliation, 'SELECT * FROM payment.payments')).rejects.toThrow('permission denied');
      await expect(query(server.url('rented', 'stranger', 'stranger'))).rejects.toThrow('permission denied');
    });
  });
});
