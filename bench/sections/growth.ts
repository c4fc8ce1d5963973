import { AUTHENTICATED, HttpContender, type Orders, type Run, turn } from '../contenders';
import type { Step } from '../load/job';
import { inTurns, median, withSpread } from '../measure';
import { APPROVE_STEP, INQUIRY_STEP, KEY, PREPARE_STEP } from '../orders';
import { goal } from '../report';
import type { Section } from '../section';
import { type Cost, total, type World } from '../world';

const ROUNDS = 5;
const RATIO_MAX = 1.15;
const HOT_PERCENT_MIN = 95;
const LIST_STEP: Step = { name: 'list', method: 'GET', path: '/pay', key: KEY };
const STEPS: ReadonlyArray<readonly [Step, Orders]> = [
  [PREPARE_STEP, 'new'],
  [APPROVE_STEP, AUTHENTICATED],
  [INQUIRY_STEP, 'new'],
  [LIST_STEP, 'new'],
];

/** That nothing costs more with more payments in the tables: stacks of each size side by side, in turns. */
export const GROWTH: Section = {
  name: 'growth',
  async measure(context) {
    const { quick, full } = context.options;
    const rounds = quick ? 3 : ROUNDS;
    const sizes = quick ? [1_000, 20_000] : [10_000, 1_000_000, ...(full ? [10_000_000] : [])];
    const worlds: World[] = [];
    for (const size of sizes) worlds.push(await context.world(size));
    const entries = STEPS.flatMap(([step, orders]) =>
      worlds.map((world) => {
        const known = world.seed.tidsOf(world.history);
        const contender = new HttpContender(world, step.name, world.platform, [step], orders, { known });
        return { world, contender, runs: [] as Array<Run & Cost> };
      }),
    );
    for (let round = 0; round <= rounds; round += 1) {
      context.progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`);
      for (const world of worlds) await world.vacuum();
      for (const [call] of STEPS.entries()) {
        const sizesOfCall = entries.slice(call * sizes.length, (call + 1) * sizes.length);
        for (const { world, contender, runs } of inTurns(sizesOfCall, round)) {
          const run = await turn(world, contender, quick ? 1 : 5);
          if (round > 0) runs.push(run);
        }
      }
    }
    // Of turns that followed each other, whatever the machine's speed was then.
    const ratios = STEPS.flatMap(([{ name }], call) => {
      const [smallest, ...larger] = entries.slice(call * sizes.length, (call + 1) * sizes.length);
      return larger.map(({ world, runs }) => {
        const ratio = median(runs.map((run, round) => cpuMs(run) / cpuMs(smallest?.runs[round])));
        const title = `${name}: CPU-ms at ${count(world)} payments ÷ ${sizes[0]?.toLocaleString('en')}`;
        return goal(title, ratio, ['≤', RATIO_MAX]);
      });
    });
    const [largest] = worlds.slice(-1);
    const hot = largest ? await hotUpdates(largest) : [];
    return {
      rows: [
        ...ratios,
        ...hot.map(({ table, percent }) =>
          goal(`${table}: updates that touch no index`, percent, ['≥', HOT_PERCENT_MIN], ' %'),
        ),
      ],
      tables: [
        {
          title: 'CPU-ms each, by how many payments there are',
          columns: ['', 'payments', 'CPU-ms each', 'of which'],
          rows: entries.map(({ world, contender, runs }) => {
            const parts = Object.keys(runs[0]?.cpuMs ?? {}).map((name) => {
              const each = median(runs.map((run) => (run.cpuMs[name] ?? 0) / run.operations));
              return `${name} ${each.toFixed(2)}`;
            });
            return [contender.title, count(world), withSpread(runs.map(cpuMs), 2), parts.join(', ')];
          }),
        },
      ],
      data: entries.map(({ world, contender, runs }) => ({
        call: contender.title,
        payments: world.history.count,
        runs: runs.map(({ latencies: _, verify: __, ...run }) => run),
      })),
    };
  },
};

/** Of one operation. */
const cpuMs = (run: (Run & Cost) | undefined) => (run ? total(run.cpuMs) / run.operations : Number.NaN);
const count = (world: World) => world.history.count.toLocaleString('en');

async function hotUpdates(world: World): Promise<Array<{ table: string; percent: number }>> {
  const { rows } = await world.admin.query(
    `SELECT relname AS table, 100.0 * n_tup_hot_upd / n_tup_upd AS percent FROM pg_stat_user_tables
     WHERE schemaname = 'payment' AND relname IN ('payments', 'wallets') AND n_tup_upd > 0`,
  );
  return rows.map(({ table, percent }) => ({ table, percent: Number(percent) }));
}
