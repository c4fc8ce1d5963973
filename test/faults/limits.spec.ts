/** What is too much for the machine. Only in the long form: these take the whole machine, and one of them a disk. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { Shop } from '../e2e/shop';
import { BehindProxies } from './behind-proxies';
import { LONG, suffer, TIME_MS } from './run';
import * as scenarios from './scenarios';
import { World } from './world';

/** Enough to keep the platform busy: the more it has to do, the more it does at once. */
const CLIENTS = 256;
const PLATFORM_CORE = '0';
const CLIENT_CORE = '1';
const ALL_CORES = `0-${cpus().length - 1}`;

/** Keeps this process, and what it starts from now on, to some cores. */
function keepTo(cores: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(process.pid)], { stdio: 'ignore' });
}

/** A disk of this size holds a database and little more. */
const DISK = 'size=300m,mode=0777';

const FAULTS: Readonly<Record<string, () => Promise<void>>> = {
  async 'asked for twice what it can, it does most of that, and refuses the rest early'() {
    const env = { LOG_LEVEL: 'warn', RATE_LIMIT_PER_SECOND: '100000', AFFINITY_UNANSWERED_MAX: '64' };
    // The platform gets one core and who asks another: sharing them, the client would be what is overloaded.
    keepTo(PLATFORM_CORE);
    const world = await World.on(await Shop.open({ paymentReplicas: 3, isPrompt: true, env }));
    keepTo(CLIENT_CORE);
    try {
      await scenarios.atPeak(world, CLIENTS, 20_000); // until it is compiled
      const peak = await scenarios.atPeak(world, CLIENTS, 15_000);
      const counts = await suffer(world, 'twice the capacity', async () => ({
        'peak per second': peak,
        ...(await scenarios.atRate(world, 2 * peak, 20_000)),
      }));
      expect(counts['asked per second']).toBeGreaterThan(1.9 * peak);
      expect(counts).toMatchObject({ other: 0, 'without Retry-After': 0, unanswered: 0 });
      expect(counts['answered 200 per second']).toBeGreaterThanOrEqual(0.8 * peak);
    } finally {
      await world.close();
      keepTo(ALL_CORES);
    }
  },

  async 'the disk of the database is full: refused, nothing lost, and normal again when there is room'() {
    const disk = path.join(tmpdir(), `oneq-small-disk-${process.pid}`);
    mkdirSync(disk, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', disk]); // needs root
    try {
      const { behind, world } = await BehindProxies.start({ postgresDir: disk });
      const ballast = path.join(disk, 'ballast');
      const away = async () => {
        execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=64k 2>/dev/null || true`]);
      };
      const back = async () => {
        rmSync(ballast);
        await behind.database.back();
      };
      try {
        await suffer(world, 'disk full', () => scenarios.outage(world, { away, back, forMs: 20_000 }));
      } finally {
        await behind.stop(world);
      }
    } finally {
      execFileSync('umount', ['-l', disk]);
      rmSync(disk, { recursive: true, force: true });
    }
  },
};

describe('beyond what the machine has', () => {
  const faults = LONG ? Object.entries(FAULTS) : [];
  it('is tried in the long form', () => expect(faults).toHaveLength(LONG ? 2 : 0));
  for (const [fault, happens] of faults) it(fault, happens, TIME_MS);
});
