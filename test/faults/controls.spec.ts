/** Each promise has a control: the same test with the promise broken on purpose must find it. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BehindProxies } from './behind-proxies';
import { Random } from './random';
import { SEED, TIME_MS } from './run';
import * as scenarios from './scenarios';
import type { World } from './world';

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
    // Nor anybody else's, who on a slow machine would write between any two of them.
    await world.database.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
    await world.database.query('SELECT pg_reload_conf()');
    const { syncs, approvals } = await scenarios.durability(world, 100);
    await world.database.query('ALTER SYSTEM RESET synchronous_commit');
    await world.database.query('ALTER SYSTEM RESET wal_writer_delay');
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
    expect(counts['p50 ms']).toBeGreaterThan(scenarios.ANSWERED_WITHIN_MS);
  });

  // Not a payment process: what it drops, the gateway asks another one, and no request fails. Its drain has a test in service-kit.
  it(
    'a gateway that ends at once',
    async () => {
      writeFileSync(sabotage, 'exit-at-once');
      expect((await scenarios.stops(world, 1, ['gateway'])).failed).toBeGreaterThan(0);
    },
    TIME_MS,
  );
});
