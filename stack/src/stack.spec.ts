import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'nats';
import { Client } from 'pg';
import { ServiceName, StackOptions } from './options';
import { freePort } from './ports';
import { processesWithArgument, processIdentity, waitUntil } from './processes';
import { Stack, StackProcess, startStack } from './stack';

/** Stands for a service: healthy at once, and ending like one. */
const STUB = `
const { createServer } = require('node:http');
const { writeFileSync } = require('node:fs');
writeFileSync(process.env.STUB_DIR + '/' + NAME + '.json', JSON.stringify(process.env));
if (process.env.STUB_FAILS === NAME) { console.error('the reason why'); process.exit(Number(process.env.STUB_EXIT)); }
for (const port of [process.env.METRICS_PORT, process.env.PORT]) {
  if (port) createServer((request, response) => response.end('ok')).listen(Number(port), '127.0.0.1');
}
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
`;
/** How long a busy machine may take over what needs no waiting; how fast a restart is, is measured, not tested. */
const PATIENCE_MS = 20_000;

describe('a stack', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'oneq-stack-'));
  const stubs = path.join(directory, 'stubs');
  const entry = (name: ServiceName) => path.join(stubs, `${name}.js`);
  const options = async (changes: Partial<StackOptions> = {}): Promise<StackOptions> => {
    const port = await freePort();
    return {
      port,
      host: 'localhost',
      publicUrl: `http://localhost:${port}`,
      dataDir: path.join(directory, 'data'),
      mode: 'sandbox',
      paymentReplicas: 2,
      env: { STUB_DIR: stubs },
      entry,
      ...changes,
    };
  };
  const environmentOf = (name: ServiceName) => JSON.parse(readFileSync(path.join(stubs, `${name}.json`), 'utf8'));
  const stackFile = path.join(directory, 'data', 'stack.json');
  const readStackFile = (): { processes: StackProcess[]; database_url: string; nats_url: string } =>
    JSON.parse(readFileSync(stackFile, 'utf8'));

  beforeAll(() => {
    // As root the database's server runs as another user, who has to get in.
    chmodSync(directory, 0o711);
    mkdirSync(stubs);
    for (const name of ['gateway', 'affiliation', 'payment'] as const) {
      writeFileSync(entry(name), `const NAME = '${name}';\n${STUB}`);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  describe('that runs', () => {
    const lines: string[] = [];
    let stack: Stack;

    beforeAll(async () => {
      stack = await startStack(await options({ progress: (line) => lines.push(line) }));
    });
    afterAll(() => stack.stop());

    it('tells in stack.json, to its owner alone, what runs where', () => {
      const { processes, database_url, nats_url } = readStackFile();
      expect(processes.map(({ name }) => name).sort()).toEqual(
        ['affiliation', 'gateway', 'nats', 'payment', 'payment', 'postgres'].sort(),
      );
      for (const { pid, port } of processes) {
        expect(processIdentity(pid)).toBeDefined();
        expect(port).toBeGreaterThan(0);
      }
      expect({ database_url, nats_url }).toEqual({ database_url: stack.databaseUrl, nats_url: stack.natsUrl });
      expect(statSync(stackFile).mode & 0o777).toBe(0o600);
    });

    it('gives addresses at which its administrator and its operator get in', async () => {
      const client = new Client({ connectionString: stack.databaseUrl });
      await client.connect();
      expect((await client.query('SELECT current_database() AS name')).rows).toEqual([{ name: 'oneq' }]);
      await client.end();
      const { username, password, host } = new URL(stack.natsUrl);
      await (await connect({ servers: host, user: username, pass: password })).close();
    });

    it('gives each service its own secrets and nobody else’s', () => {
      const gateway = environmentOf('gateway');
      const payment = environmentOf('payment');
      const affiliation = environmentOf('affiliation');
      expect(gateway).toMatchObject({ MODE: 'sandbox', REDIRECT_SECRET: expect.any(String), PORT: expect.any(String) });
      expect(gateway).not.toHaveProperty('DATABASE_URL');
      expect(payment).toMatchObject({ DATABASE_URL: expect.stringContaining('//oneq_payment:') });
      expect(affiliation).toMatchObject({ DATABASE_URL: expect.stringContaining('//oneq_affiliation:') });
      for (const name of [
        'TID_SECRET',
        'CHECKOUT_SECRETS',
        'ACCOUNT_SECRETS',
        'ACCOUNT_INDEX_SECRET',
        'PIN_PEPPERS',
        'KEYPAD_SECRET',
        'WEBHOOK_SECRETS',
      ]) {
        expect(payment).toHaveProperty(name);
        expect(gateway).not.toHaveProperty(name);
        expect(affiliation).not.toHaveProperty(name);
      }
      expect(payment.NATS_URL).toMatch(/^nats:\/\/payment:/);
      expect(JSON.stringify([gateway, payment, affiliation])).not.toContain(new URL(stack.databaseUrl).password);
    });

    it.each(['postgres', 'nats', 'gateway', 'affiliation', 'payment'] as const)(
      'starts %s again at once when it dies, on its port',
      async (name) => {
        const before = readStackFile().processes.find((process) => process.name === name);
        if (!before) throw new Error(`${name} is not in stack.json`);
        process.kill(before.pid, 'SIGKILL');
        const isBack = () =>
          readStackFile().processes.some(
            ({ name: other, pid, port }) =>
              other === name && port === before.port && pid !== before.pid && processIdentity(pid) !== undefined,
          ) && readStackFile().processes.every(({ pid }) => pid !== before.pid);
        expect(await waitUntil(isBack, PATIENCE_MS)).toBe(true);
        expect(await waitUntil(() => lines.some((line) => line.includes('is back')), PATIENCE_MS)).toBe(true);
        expect(lines).toContainEqual(expect.stringMatching(/ended \(signal SIGKILL\); starting it again$/));
        lines.length = 0;
      },
    );

    it('uses a database and a NATS server that it is given, and starts none', async () => {
      const { databaseUrl, natsUrl } = stack;
      const dataDir = path.join(directory, 'guest');
      const guest = await startStack(await options({ databaseUrl, natsUrl, dataDir, paymentReplicas: 1 }));
      expect(guest.processes().map(({ name }) => name)).toEqual(['gateway', 'affiliation', 'payment']);
      expect(environmentOf('payment').NATS_URL).toBe(natsUrl);
      await guest.stop();
      expect(processIdentity(stack.processes()[0]?.pid ?? 0)).toBeDefined();
    });

    it('is the only one on its data directory', async () => {
      await expect(startStack(await options())).rejects.toThrow('is running a stack on');
      expect(existsSync(stackFile)).toBe(true);
    });
  });

  it('leaves nothing behind when it stops, and finds its data again', async () => {
    const first = await startStack(await options());
    const processes = first.processes();
    await first.stop();
    for (const { pid } of processes) expect(processIdentity(pid)).toBeUndefined();
    expect(existsSync(stackFile)).toBe(false);
    expect(existsSync(path.join(directory, 'data', 'stack.lock'))).toBe(false);

    const second = await startStack(await options());
    expect(existsSync(path.join(directory, 'data', 'logs', 'payment-2.log.1'))).toBe(true);
    await second.stop();
  });

  it('can be stopped while it starts', async () => {
    const stack = new Stack(await options());
    const starting = stack.start();
    await stack.stop();
    await expect(starting).rejects.toThrow('was stopped');
    expect(processesWithArgument(path.join(directory, 'data', 'nats.pid'))).toEqual([]);
  });

  it.each([
    [1, 'payment-1 does not start: exit code 1.\nthe reason why\nthe reason why\nthe reason why\nLog: '],
    [78, 'payment-1 does not start: its configuration is not usable.\nthe reason why\nLog: '],
  ])('stops everything when a service ends with %d before it is up, and tells why', async (code, message) => {
    const env = { STUB_DIR: stubs, STUB_FAILS: 'payment', STUB_EXIT: String(code) };
    const failing = startStack(await options({ env }));
    await expect(failing).rejects.toThrow(/payment-[12] does not start/);
    await expect(failing).rejects.toThrow(message.slice('payment-1'.length));
    expect(processesWithArgument(`--stack=${path.join(directory, 'data')}`)).toEqual([]);
    expect(existsSync(stackFile)).toBe(false);
  });

  it('says in one sentence that its port is taken, before it starts anything', async () => {
    const taken = await freePort();
    const other: Server = createServer().listen(taken, '127.0.0.1');
    const dataDir = path.join(directory, 'untouched');
    await expect(startStack(await options({ port: taken, dataDir }))).rejects.toThrow(
      `Port ${taken} is in use by another program. Choose another with PORT=9090 npm start.`,
    );
    expect(existsSync(path.join(dataDir, 'secrets.json'))).toBe(false);
    other.close();
  });
});
