/** Faults against a running stack, and what a merchant that writes down every answer finds afterwards. */
import { Shop } from '../e2e/shop';
import { Random } from './random';
import { SEED, size, suffer, TIME_MS } from './run';
import * as scenarios from './scenarios';
import { World } from './world';

describe('with three payment processes', () => {
  const random = new Random(SEED);
  let world: World;
  beforeAll(async () => {
    world = await World.on(await Shop.open({ paymentReplicas: 3, isPrompt: true }));
  }, 60_000);
  afterAll(() => world.close());

  it(
    'many identical approvals capture once and answer the same',
    async () => {
      const payments = size(40, 2_000);
      const counts = await suffer(world, 'duplicates', () => scenarios.duplicates(world, payments, 20));
      expect(counts).toMatchObject({ captures: payments, refused: 0, different: 0 });
    },
    TIME_MS,
  );

  it(
    'no altered approval passes, and no good one fails',
    async () => {
      const payments = size(30, 1_000);
      const counts = await suffer(world, 'tampering', () => scenarios.tampering(world, payments, random));
      expect(counts).toMatchObject({ captures: payments, passed: 0, refused: 0 });
    },
    TIME_MS,
  );

  it(
    'approve, cancel, expire and net-cancel at once end a payment once',
    async () => {
      const counts = await suffer(world, 'races', () => scenarios.races(world, size(100, 5_000), random));
      expect(counts).toMatchObject({ untyped: 0, unfinished: 0 });
    },
    TIME_MS,
  );

  it(
    'a wallet pays exactly what it can',
    async () => {
      const counts = await suffer(world, 'overdraft', () => scenarios.overdraft(world, size(1, 50)));
      expect(counts).toMatchObject({ paid: counts.affordable, untyped: 0 });
    },
    TIME_MS,
  );

  it(
    'each approval is on disk before it is answered',
    async () => {
      const counts = await suffer(world, 'durability', () => scenarios.durability(world, size(50, 1_000)));
      expect(counts.syncs).toBeGreaterThanOrEqual(counts.approvals ?? 0);
    },
    TIME_MS,
  );

  it(
    'a service that is told to stop fails no request',
    async () => {
      const counts = await suffer(world, 'SIGTERM', () => scenarios.stops(world, size(1, 3)));
      expect(counts.failed).toBe(0);
    },
    TIME_MS,
  );

  it(
    'whatever is killed, nothing answered is lost and nothing happens twice',
    async () => {
      const counts = await suffer(world, 'kill -9', () =>
        scenarios.kills(world, size(8, 40), size(1_000, 4_000), random),
      );
      expect(counts.flows).toBeGreaterThan(0);
    },
    TIME_MS,
  );
});
