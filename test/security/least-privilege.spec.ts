import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { Client } from 'pg';
import { Shop } from '../e2e/shop';

type Service = 'affiliation' | 'payment';
const OTHER: Readonly<Record<Service, Service>> = { affiliation: 'payment', payment: 'affiliation' };
const DENIED = '42501';

describe('least privilege', () => {
  let shop: Shop;
  let secrets: Record<string, string>;
  beforeAll(async () => {
    shop = await Shop.open();
    secrets = JSON.parse(readFileSync(join(shop.dataDir, 'secrets.json'), 'utf8'));
    const { tid, order } = await shop.prepare();
    await shop.authenticate(tid);
    await shop.approve(order);
  }, 60_000);
  afterAll(() => shop?.close());

  describe.each(['affiliation', 'payment'] as const)('the database role of %s', (service) => {
    let client: Client;
    beforeAll(async () => {
      const url = new URL(shop.stack.databaseUrl);
      url.username = `${url.pathname.slice(1)}_${service}`;
      url.password = secrets[`${service.toUpperCase()}_DB_PASSWORD`] ?? '';
      client = new Client(url.href);
      await client.connect();
    });
    afterAll(() => client.end());

    const codeOf = (sql: string) =>
      client.query(sql).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );

    it('can read, write and change nothing of the other schema', async () => {
      const other = OTHER[service];
      const tables = await shop.rows<{ name: string }>(
        `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = $1`,
        [other],
      );
      expect(tables.length).toBeGreaterThan(2);
      for (const { name } of tables) {
        for (const sql of [
          `SELECT FROM ${name}`,
          `DELETE FROM ${name}`,
          `INSERT INTO ${name} DEFAULT VALUES`,
          `TRUNCATE ${name}`,
          `DROP TABLE ${name}`,
          `ALTER TABLE ${name} ADD COLUMN x integer`,
          `COPY ${name} TO STDOUT`,
        ]) {
          expect([sql, await codeOf(sql)]).toEqual([sql, DENIED]);
        }
      }
      expect(await codeOf(`CREATE TABLE ${other}.mine ()`)).toBe(DENIED);
      expect(await codeOf(`SET ROLE oneq_${other}`)).toBe(DENIED);
      const { rows } = await client.query(`SELECT table_name FROM information_schema.tables WHERE table_schema = $1`, [
        other,
      ]);
      expect(rows).toEqual([]);
    });

    it('is no superuser and can make no role, no database, no schema, and nothing outside its own', async () => {
      const { rows } = await client.query(
        `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = current_user`,
      );
      expect(new Set(Object.values(rows[0]))).toEqual(new Set([false]));
      const memberships = await client.query(
        `SELECT FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = current_user)`,
      );
      expect(memberships.rowCount).toBe(0);
      for (const sql of [
        'CREATE ROLE more',
        'CREATE DATABASE more',
        'CREATE SCHEMA more',
        'CREATE TABLE public.more ()',
        'CREATE EXTENSION dblink',
        `COPY (SELECT 1) TO PROGRAM 'true'`,
        `COPY (SELECT 1) TO '/tmp/oneq-more'`,
        `SELECT pg_read_file('/etc/passwd')`,
        "ALTER SYSTEM SET log_statement = 'all'",
        'SELECT * FROM pg_authid',
        'SELECT * FROM pg_shadow',
        `ALTER ROLE oneq_${OTHER[service]} PASSWORD 'x'`,
      ]) {
        expect([sql, await codeOf(sql)]).toEqual([sql, DENIED]);
      }
    });

    if (service === 'payment') {
      it.each(['transfers', 'events'])('cannot change, remove or empty %s, which it writes', async (table) => {
        for (const sql of [
          `UPDATE ${table} SET payment_id = payment_id`,
          `DELETE FROM ${table}`,
          `TRUNCATE ${table}`,
        ]) {
          await expect(client.query(sql)).rejects.toThrow(/append-only/);
        }
        const { rows } = await client.query(`SELECT count(*)::integer AS n FROM ${table}`);
        expect(rows[0].n).toBeGreaterThan(0);
      });
    }
  });

  describe.each(['gateway', 'affiliation', 'payment'] as const)('the NATS user of %s', (user) => {
    const MAY: Readonly<Record<string, { publish: readonly string[]; subscribe: readonly string[] }>> = {
      gateway: {
        publish: ['affiliation.x', 'payment.x'],
        subscribe: ['_INBOX.gateway.>', 'affiliation.events.x', 'payment.events.x'],
      },
      affiliation: { publish: ['affiliation.events.x', '_INBOX.gateway.affiliation.x'], subscribe: ['affiliation.x'] },
      payment: { publish: ['payment.events.x', '_INBOX.gateway.payment.x'], subscribe: ['payment.x'] },
    };
    const SUBJECTS = [
      'affiliation.x',
      'payment.x',
      'affiliation.events.x',
      'payment.events.x',
      'gateway.x',
      '_INBOX.gateway.x',
      '_INBOX.gateway.affiliation.x',
      '_INBOX.gateway.payment.x',
      '_INBOX.payment.x',
      '_INBOX.x',
      'anything',
      '$SYS.REQ.SERVER.PING',
      '$JS.API.INFO',
    ];
    const WILD = [
      '>',
      '*',
      '*.>',
      '_INBOX.>',
      '_INBOX.*.>',
      '$SYS.>',
      'payment.>',
      'affiliation.>',
      '_INBOX.gateway.>',
    ];
    const WHOLE: Readonly<Record<string, readonly string[]>> = {
      gateway: ['_INBOX.gateway.>'],
      affiliation: ['affiliation.>'],
      payment: ['payment.>'],
    };

    /** Whether the server lets this happen: it answers a violation before the flush that follows. */
    async function may(work: (connection: NatsConnection) => void): Promise<boolean> {
      const url = new URL(shop.stack.natsUrl);
      const servers = `${url.hostname}:${url.port}`;
      const connection = await connect({
        servers,
        user,
        pass: secrets[`${user.toUpperCase()}_NATS_PASSWORD`],
        reconnect: false,
      });
      let violated = false;
      void (async () => {
        for await (const { data } of connection.status()) if (/permissions/i.test(String(data))) violated = true;
      })();
      work(connection);
      await connection.flush();
      await connection.flush();
      await connection.close();
      return !violated;
    }

    it('publishes nothing but what is its own', async () => {
      const allowed: string[] = [];
      for (const subject of SUBJECTS) if (await may((nats) => nats.publish(subject))) allowed.push(subject);
      expect(allowed).toEqual(MAY[user]?.publish);
    });

    it('hears nothing but what is its own, by name or by wildcard', async () => {
      const allowed: string[] = [];
      const hear = (nats: NatsConnection, subject: string) => void nats.subscribe(subject, { callback: () => {} });
      for (const subject of SUBJECTS) if (await may((nats) => hear(nats, subject))) allowed.push(subject);
      const own = MAY[user]?.subscribe ?? [];
      expect(allowed).toEqual(
        SUBJECTS.filter((subject) => own.some((name) => subject.startsWith(name.replace(/>$/, '')))),
      );
      const wild: string[] = [];
      for (const subject of WILD) if (await may((nats) => hear(nats, subject))) wild.push(subject);
      expect(wild).toEqual(WHOLE[user]);
    });
  });
});

describe('the containers', () => {
  const file = (name: string) => readFileSync(join(__dirname, '../..', name), 'utf8');
  const compose = file('docker-compose.yml');
  /** The lines of a service, and of what it shares with others. */
  function serviceOf(name: string): string {
    const [, services = ''] = compose.split(/^services:$/m);
    const [, own = ''] = new RegExp(`^  ${name}:\\n((?:(?:    .*)?\\n)+)`, 'm').exec(services) ?? [];
    const [, shared = ''] = /^x-service: &service\n((?: {2}.*\n)+)/m.exec(compose) ?? [];
    return own.includes('<<: *service') ? `${own}\n${shared.replace(/^/gm, '  ')}` : own;
  }

  it.each(['gateway', 'affiliation', 'payment', 'nats'])(
    '%s can write nowhere, gain nothing, and is not root',
    (name) => {
      const service = serviceOf(name);
      expect(service).toContain('read_only: true');
      expect(service).toContain('cap_drop: [ALL]');
      expect(service).toContain('security_opt: ["no-new-privileges:true"]');
      expect(service).not.toMatch(/privileged|cap_add|network_mode|pid:|\/var\/run|user: ["']?(root|0)/);
      if (name === 'nats') expect(service).toContain('user: "65534:65534"');
    },
  );

  it('run as a user that owns none of the files', () => {
    const last =
      file('Dockerfile')
        .split(/^FROM /m)
        .at(-1) ?? '';
    expect(last).toMatch(/^USER node$/m);
    expect(last.indexOf('USER node')).toBeGreaterThan(last.lastIndexOf('COPY'));
    expect(last).not.toMatch(/chown/);
  });

  it('publish one port, the gateway’s, on loopback; broker and database are on a network without a way out', () => {
    expect(compose.match(/^ +ports:.*$/gm)).toEqual([
      expect.stringMatching(/^ {4}ports: \["127\.0\.0\.1:[^"]+:8080"\]$/),
    ]);
    expect(serviceOf('gateway')).toContain('ports:');
    for (const name of ['nats', 'postgres', 'affiliation', 'payment']) {
      expect(serviceOf(name)).toContain('networks: [internal]');
    }
    expect(compose).toMatch(/^ {2}internal:\n {4}internal: true$/m);
  });
});
