import { AUTHENTICATED, HttpContender, type Orders, turn } from '../contenders';
import type { Step } from '../load/job';
import { median } from '../measure';
import { APPROVE_STEP, INQUIRY_STEP, KEY, PREPARE_STEP } from '../orders';
import { goal } from '../report';
import type { Section } from '../section';
import { total, type World } from '../world';

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
    const sizes = quick ? [1_000, 20_000] : [10_000, 1_000_000, ...(full ? [10_000_000] : [])];
    const worlds: World[] = [];
    for (const size of sizes) worlds.push(await context.world(size));
    const entries = STEPS.flatMap(([step, orders]) =>
      worlds.map((world) => {
        const known = world.seed.tidsOf(world.history);
        const contender = new HttpContender(world, step.name, world.platform, [step], orders, { known });
        return { world, contender, cpu: [] as number[] };
      }),
    );
    for (let round = 0; round <= 3; round += 1) {
      context.progress(round === 0 ? 'warming up' : `round ${round} of 3`);
      for (const world of worlds) await world.vacuum();
      for (const { world, contender, cpu } of entries) {
        const { cpuMs, operations } = await turn(world, contender, quick ? 1 : 5);
        if (round > 0) cpu.push(total(cpuMs) / operations);
      }
    }
    const costOf = (i: number) => median(entries[i]?.cpu ?? []);
    const ratios = STEPS.flatMap(([{ name }], call) =>
      sizes.slice(1).map((size, i) => {
        const first = call * sizes.length;
        const title = `${name}: CPU-ms at ${size.toLocaleString('en')} payments ÷ ${sizes[0]?.toLocaleString('en')}`;
        return goal(title, costOf(first + i + 1) / costOf(first), ['≤', RATIO_MAX]);
      }),
    );
    const [largest] = worlds.slice(-1);
    const hot = largest ? await hotUpdates(largest) : [];
    return {
      rows: [
        ...ratios,
        ...hot.map(({ table, percent }) =>
          goal(`${table}: updates that touch no index`, percent, ['≥', HOT_PERCENT_MIN], ' %'),
        ),
      ],
      data: entries.map(({ world, contender, cpu }) => ({ call: contender.title, payments: world.history.count, cpu })),
    };
  },
};

async function hotUpdates(world: World): Promise<Array<{ table: string; percent: number }>> {
  const { rows } = await world.admin.query(
    `SELECT relname AS table, 100.0 * n_tup_hot_upd / n_tup_upd AS percent FROM pg_stat_user_tables
     WHERE schemaname = 'payment' AND relname IN ('payments', 'wallets') AND n_tup_upd > 0`,
  );
  return rows.map(({ table, percent }) => ({ table, percent: Number(percent) }));
}
