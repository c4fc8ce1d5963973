/**
 * Faults of every kind against a running stack, a merchant that writes down every answer, and the audit at the end.
 *
 * `npm test` runs the short form. `npm run faults` runs the long one and prints a table; FAULTS_SEED repeats a run.
 * Each promise has a control: the same test with the promise broken on purpose must find it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Shop } from '../e2e/shop';
import { BehindProxies } from './behind-proxies';
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

describe('on bad lines and with servers that go away', () => {
  const random = new Random(SEED + 1);
  let behind: BehindProxies;
  let world: World;
  beforeAll(async () => {
    ({ behind, world } = await BehindProxies.start());
  }, 60_000);
  afterEach(() => behind.calm());
  afterAll(() => behind.stop(world));

  async function run(scenario: string, work: () => Promise<scenarios.Counts>): Promise<scenarios.Counts> {
    const counts = await work();
    behind.calm();
    const broken = await world.findings();
    told(scenario, counts, broken);
    expect(broken).toEqual({});
    return counts;
  }

  it(
    'one reply in twenty is lost on each hop: nothing is doubled, nothing is stuck',
    async () => {
      Object.assign(behind.weather, {
        httpLoss: 0.05,
        postgresLoss: 0.05,
        natsCopies: () => (random.chance(0.05) ? 0 : 1),
      });
      const counts = await run('5 % lost on each hop', () => scenarios.flows(world, size(60, 20_000), 32));
      expect(counts.resent).toBeGreaterThan(0);
      expect(await scenarios.stuck(world)).toBe(0);
    },
    TIME_MS,
  );

  it(
    'every message arrives up to three times: nothing is doubled',
    async () => {
      behind.weather.natsCopies = () => random.integer(1, 3);
      await run('messages repeated', () => scenarios.flows(world, size(100, 2_000), 16));
    },
    TIME_MS,
  );

  it(
    'PostgreSQL is away: 503 at once, and normal again when it is back',
    async () => {
      const forMs = size(2_000, 20_000);
      const counts = await run('PostgreSQL away', () => scenarios.outage(world, { ...behind.database, forMs }));
      expect(counts).toMatchObject({ unanswered: 0, 'not 503': 0 });
      expect(counts['slowest ms']).toBeLessThan(scenarios.ANSWERED_WITHIN_MS);
    },
    TIME_MS,
  );

  it(
    'NATS is away: 503 at once, and normal again when it is back',
    async () => {
      const forMs = size(2_000, 20_000);
      const counts = await run('NATS away', () => scenarios.outage(world, { ...behind.broker, forMs }));
      expect(counts).toMatchObject({ unanswered: 0, 'not 503': 0 });
      expect(counts['slowest ms']).toBeLessThan(scenarios.ANSWERED_WITHIN_MS);
    },
    TIME_MS,
  );

  it(
    'a row is locked: whoever needs it is answered, and everybody else is served',
    async () => {
      const counts = await run('row locked', () => scenarios.lockedRow(world, size(3_000, 30_000)));
      expect(counts).toMatchObject({ hung: 0, 'others refused': 0, 'not 503': 0 });
    },
    TIME_MS,
  );
});

if (LONG) {
  describe('beyond what the machine has', () => {
    it(
      'asked for twice what it can, it does most of that, and refuses the rest early',
      async () => {
        const world = await World.on(await Shop.open({ paymentReplicas: 3, env: { LOG_LEVEL: 'warn' } }));
        try {
          const peak = await scenarios.atPeak(world, 64, 10_000);
          const counts = await scenarios.atRate(world, 2 * peak, 20_000);
          const broken = await world.findings();
          told('twice the capacity', { 'peak per second': peak, ...counts }, broken);
          expect(broken).toEqual({});
          expect(counts).toMatchObject({ other: 0, 'without Retry-After': 0, unanswered: 0 });
          expect(counts['answered 200 per second']).toBeGreaterThanOrEqual(0.8 * peak);
        } finally {
          await world.close();
        }
      },
      TIME_MS,
    );

    it(
      'the disk of the database is full: refused, nothing lost, and normal again when there is room',
      async () => {
        const disk = path.join(tmpdir(), `oneq-small-disk-${process.pid}`);
        mkdirSync(disk, { recursive: true });
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300m,mode=0777', 'tmpfs', disk]); // needs root
        try {
          const { behind, world } = await BehindProxies.start({ postgresDir: disk });
          const ballast = path.join(disk, 'ballast');
          const counts = await scenarios.outage(world, {
            away: async () => {
              writeFileSync(ballast, '');
              execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=64k 2>/dev/null || true`]);
              await world.database.query('CHECKPOINT; SELECT pg_switch_wal()').catch(() => undefined);
            },
            back: async () => {
              rmSync(ballast);
              await behind.database.back().catch(() => undefined);
            },
            forMs: 10_000,
          });
          const broken = await world.findings();
          told('disk full', counts, broken);
          expect(broken).toEqual({});
          await behind.stop(world);
        } finally {
          execFileSync('umount', ['-l', disk]);
          rmSync(disk, { recursive: true, force: true });
        }
      },
      TIME_MS,
    );
  });
}

describe('the controls: a broken promise is found', () => {
  let behind: BehindProxies;
  let world: World;
  const sabotage = path.join(tmpdir(), `oneq-sabotage-${process.pid}`);
  beforeAll(async () => {
    writeFileSync(sabotage, '');
    const preload = path.join(__dirname, 'sabotage.cjs');
    ({ behind, world } = await BehindProxies.start({ preload, env: { ONEQ_SABOTAGE: sabotage } }));
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
  afterEach(() => {
    writeFileSync(sabotage, '');
    behind.calm();
  });
  afterAll(async () => {
    await behind.stop(world);
    rmSync(sabotage);
  });

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
    expect((await scenarios.tampering(world, 20, random)).passed).toBeGreaterThan(0);
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

  it('a refund that is booked for every copy of its message', async () => {
    writeFileSync(sabotage, 'refund-again');
    behind.weather.natsCopies = () => 3;
    const before = await world.findings();
    await scenarios.flows(world, 1, 1);
    behind.calm();
    const sentence = 'Every refund that was answered was booked, once.';
    expect((await world.findings())[sentence]).toBeGreaterThan(before[sentence] ?? 0);
  });

  it('a service that waits for its database for ever', async () => {
    writeFileSync(sabotage, 'wait-for-ever');
    const counts = await scenarios.outage(world, { ...behind.database, forMs: 2_000 });
    expect(counts['slowest ms']).toBeGreaterThan(scenarios.ANSWERED_WITHIN_MS);
  });

  it(
    'a service that ends at once',
    async () => {
      writeFileSync(sabotage, 'exit-at-once');
      expect((await scenarios.stops(world, 1)).failed).toBeGreaterThan(0);
    },
    TIME_MS,
  );
});
