/**
 * Faults of every kind against a running stack, a merchant that writes down every answer, and the audit at the end.
 *
 * `npm test` runs the short form. `npm run faults` runs the long one and prints a table; FAULTS_SEED repeats a run.
 * Each promise has a control: the same test with the promise broken on purpose must find it.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Shop } from '../e2e/shop';
import { Random } from './random';
import * as scenarios from './scenarios';
import { World } from './world';

const LONG = process.env.FAULTS === 'long';
const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000_000);
const size = (short: number, long: number) => (LONG ? long : short);
const TIME_MS = LONG ? 1_200_000 : 120_000;

const table: string[] = [];

/** Tells what was counted; the table is printed at the end. */
function told(scenario: string, counts: scenarios.Counts, broken: Record<string, number>): void {
  const all = Object.entries(counts).map(([what, n]) => `${what} ${n.toLocaleString('en-US')}`);
  const invariants = Object.keys(broken).length === 0 ? 'all hold' : JSON.stringify(broken);
  table.push(`| ${scenario} | ${all.join(', ')} | ${invariants} |`);
}

beforeAll(() => {
  process.stdout.write(`faults: seed ${SEED}\n`);
});

afterAll(() => {
  if (LONG) process.stdout.write(`\n| fault | counted | invariants |\n| --- | --- | --- |\n${table.join('\n')}\n\n`);
});

describe('with three payment processes', () => {
  const random = new Random(SEED);
  let world: World;
  beforeAll(async () => {
    world = await World.on(await Shop.open({ paymentReplicas: 3 }));
  }, 60_000);
  afterAll(() => world.close());

  async function run(scenario: string, work: () => Promise<scenarios.Counts>): Promise<scenarios.Counts> {
    const counts = await work();
    const broken = await world.findings();
    told(scenario, counts, broken);
    expect(broken).toEqual({});
    return counts;
  }

  it(
    'many identical approvals capture once and answer the same',
    async () => {
      const payments = size(40, 2_000);
      const counts = await run('duplicates', () => scenarios.duplicates(world, payments, 20));
      expect(counts).toMatchObject({ captures: payments, refused: 0, different: 0 });
    },
    TIME_MS,
  );

  it(
    'no altered approval passes, and no good one fails',
    async () => {
      const payments = size(30, 1_000);
      const counts = await run('tampering', () => scenarios.tampering(world, payments, random));
      expect(counts).toMatchObject({ captures: payments, passed: 0, refused: 0 });
    },
    TIME_MS,
  );

  it(
    'approve, cancel, expire and net-cancel at once end a payment once',
    async () => {
      const counts = await run('races', () => scenarios.races(world, size(100, 5_000), random));
      expect(counts).toMatchObject({ untyped: 0, unfinished: 0 });
    },
    TIME_MS,
  );

  it(
    'a wallet pays exactly what it can',
    async () => {
      const counts = await run('overdraft', () => scenarios.overdraft(world, size(1, 50)));
      expect(counts).toMatchObject({ paid: counts.affordable, untyped: 0 });
    },
    TIME_MS,
  );

  it(
    'each approval is on disk before it is answered',
    async () => {
      const counts = await run('durability', () => scenarios.durability(world, size(50, 1_000)));
      expect(counts.syncs).toBeGreaterThanOrEqual(counts.approvals ?? 0);
    },
    TIME_MS,
  );

  it(
    'a service that is told to stop fails no request',
    async () => {
      const counts = await run('SIGTERM', () => scenarios.stops(world, size(1, 3)));
      expect(counts.failed).toBe(0);
    },
    TIME_MS,
  );

  it(
    'whatever is killed, nothing answered is lost and nothing happens twice',
    async () => {
      const counts = await run('kill -9', () => scenarios.kills(world, size(8, 40), size(1_000, 6_000), random));
      expect(counts.flows).toBeGreaterThan(0);
    },
    TIME_MS,
  );
});

describe('the controls: a broken promise is found', () => {
  let world: World;
  let sabotage: string;
  beforeAll(async () => {
    const preload = path.join(__dirname, 'sabotage.cjs');
    sabotage = path.join(process.env.TMPDIR ?? '/tmp', `oneq-sabotage-${process.pid}`);
    writeFileSync(sabotage, '');
    world = await World.on(await Shop.open({ preload, env: { ONEQ_SABOTAGE: sabotage } }));
    // What the database refuses by itself would hide what the code allows.
    await world.database.query(`
      DROP INDEX payment.one_capture_per_payment, payment.one_transfer_per_reference, payment.one_top_up_per_payment;
      DO $$
      DECLARE one record;
      BEGIN
        FOR one IN
          SELECT conname, conrelid::regclass AS owner FROM pg_constraint
          WHERE connamespace = 'payment'::regnamespace AND contype = 'c' AND conrelid <> 0
        LOOP
          EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.owner, one.conname);
        END LOOP;
      END $$`);
  }, 60_000);
  afterEach(() => writeFileSync(sabotage, ''));
  afterAll(() => world.close());

  const random = new Random(SEED);
  const found = async () => Object.keys(await world.findings()).length;

  it('an approval that captures again', async () => {
    writeFileSync(sabotage, 'capture-again');
    const counts = await scenarios.duplicates(world, 3, 5);
    expect(counts.captures).toBeGreaterThan(3);
    expect(await found()).toBeGreaterThan(0);
  });

  it('an approval that takes anything', async () => {
    writeFileSync(sabotage, 'approve-anything');
    expect((await scenarios.tampering(world, 5, random)).passed).toBeGreaterThan(0);
  });

  it('an end that ends again', async () => {
    writeFileSync(sabotage, 'end-again');
    const before = await found();
    await scenarios.races(world, 10, random);
    expect(await found()).toBeGreaterThan(before);
  });

  it('a wallet that is overdrawn', async () => {
    writeFileSync(sabotage, 'overdraw');
    const { paid, affordable } = await scenarios.overdraft(world, 1);
    expect(paid).toBeGreaterThan(affordable ?? 0);
  });

  it('an answer without a commit', async () => {
    writeFileSync(sabotage, 'answer-without-commit');
    const before = await world.findings();
    await scenarios.flows(world, 3, 1).catch(() => undefined); // its refund finds nothing to refund
    const sentence = 'Every approval that was answered was captured, once.';
    expect((await world.findings())[sentence]).toBeGreaterThan(before[sentence] ?? 0);
  });

  it('a commit that is not on disk', async () => {
    await world.database.query('ALTER SYSTEM SET synchronous_commit = off');
    await world.database.query('SELECT pg_reload_conf()');
    const { syncs, approvals } = await scenarios.durability(world, 100);
    await world.database.query('ALTER SYSTEM RESET synchronous_commit');
    await world.database.query('SELECT pg_reload_conf()');
    expect(syncs).toBeLessThan(approvals ?? 0);
  });

  it('a service that ends at once', async () => {
    writeFileSync(sabotage, 'exit-at-once');
    expect((await scenarios.stops(world, 2)).failed).toBeGreaterThan(0);
  });
});
