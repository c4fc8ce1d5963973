/** Faults against a running stack, and what a merchant that writes down every answer finds afterwards. */
import { BehindProxies } from './behind-proxies';
import { Random } from './random';
import { SEED, size, suffer, TIME_MS } from './run';
import * as scenarios from './scenarios';
import type { World } from './world';

describe('on bad lines and with servers that go away', () => {
  const random = new Random(SEED + 1);
  let behind: BehindProxies;
  let world: World;
  beforeAll(async () => {
    ({ behind, world } = await BehindProxies.start());
  }, 60_000);
  afterEach(() => behind.calm());
  afterAll(() => behind.stop(world));

  it(
    'one reply in twenty is lost on each hop: nothing is doubled, nothing is stuck',
    async () => {
      Object.assign(behind.weather, {
        httpLoss: 0.05,
        postgresLoss: 0.05,
        natsCopies: () => (random.chance(0.05) ? 0 : 1),
      });
      const counts = await suffer(world, '5 % lost on each hop', () =>
        scenarios.flows(world, size(30, 20_000), size(32, 192)),
      );
      expect(counts.resent).toBeGreaterThan(0);
      expect(await scenarios.stuck(world)).toBe(0);
    },
    TIME_MS,
  );

  it(
    'every message arrives up to three times: nothing is doubled',
    async () => {
      behind.weather.natsCopies = () => random.integer(1, 3);
      await suffer(world, 'messages repeated', () => scenarios.flows(world, size(40, 2_000), 16));
    },
    TIME_MS,
  );

  it(
    'PostgreSQL is away: 503 at once, and normal again when it is back',
    async () => {
      const forMs = size(2_000, 20_000);
      const counts = await suffer(world, 'PostgreSQL away', () =>
        scenarios.outage(world, { ...behind.database, forMs }),
      );
      expect(counts).toMatchObject({ unanswered: 0, 'not 503': 0 });
      expect(counts['p50 ms']).toBeLessThan(scenarios.ANSWERED_WITHIN_MS);
      expect(counts['slowest ms']).toBeLessThan(scenarios.HUNG_AFTER_MS);
    },
    TIME_MS,
  );

  it(
    'NATS is away: 503 at once, and normal again when it is back',
    async () => {
      const forMs = size(2_000, 20_000);
      const counts = await suffer(world, 'NATS away', () => scenarios.outage(world, { ...behind.broker, forMs }));
      expect(counts).toMatchObject({ unanswered: 0, 'not 503': 0 });
      expect(counts['p50 ms']).toBeLessThan(scenarios.ANSWERED_WITHIN_MS);
      expect(counts['slowest ms']).toBeLessThan(scenarios.HUNG_AFTER_MS);
    },
    TIME_MS,
  );

  it(
    'a row is locked: whoever needs it is answered, and everybody else is served',
    async () => {
      const counts = await suffer(world, 'row locked', () => scenarios.lockedRow(world, size(3_000, 30_000)));
      expect(counts).toMatchObject({ hung: 0, 'others refused': 0, 'not 503': 0 });
      expect(counts['p50 ms']).toBeLessThan(scenarios.ANSWERED_WITHIN_MS);
    },
    TIME_MS,
  );
});
