import { Client } from 'pg';
import { HttpContender, turn } from '../contenders';
import { merge, percentileOf } from '../load/histogram';
import { FLOW_STEPS } from '../orders';
import { fact, goal } from '../report';
import type { Section } from '../section';
import { type Cost, total } from '../world';

const FLOWS_PER_SECOND = 150;
const MINUTE_S = 60;
/** Minutes at the beginning and at the end that are compared. */
const COMPARED = 5;
const RATIO_MAX = 1.3;

/** Whether it stays as it is for long, beside a transaction that stays open and keeps PostgreSQL from clearing away. */
export const SOAK: Section = {
  name: 'soak',
  async measure(context) {
    const { minutes, quick } = context.options;
    const world = await context.world(10_000, { quietPostgres: false });
    const flows = new HttpContender(world, 'soak', world.platform, FLOW_STEPS, 'new');
    await turn(world, flows, MINUTE_S / 6, FLOWS_PER_SECOND);
    const reader = new Client({ connectionString: world.stack.databaseUrl, application_name: 'oneq-bench-reader' });
    await reader.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query('SELECT count(*) FROM payment.payments');
    const found: Array<{ p99: number; histogram: number[]; memoryMb: Cost['memoryMb']; cpuMs: number }> = [];
    try {
      for (let minute = 1; minute <= minutes; minute += 1) {
        const run = await turn(world, flows, quick ? 5 : MINUTE_S, FLOWS_PER_SECOND);
        const histogram = run.latencies?.operation ?? [];
        const p99 = percentileOf(histogram, 0.99);
        const { memoryMb } = run;
        found.push({ p99, histogram, memoryMb, cpuMs: total(run.cpuMs) / run.operations });
        context.progress(`minute ${minute} of ${minutes}: p99 ${p99.toFixed(1)} ms, ${total(memoryMb).toFixed(0)} MB`);
      }
    } finally {
      await reader.end();
    }
    const p99Of = (some: typeof found) => percentileOf(merge(some.map(({ histogram }) => histogram)), 0.99);
    const first = p99Of(found.slice(0, COMPARED));
    const last = p99Of(found.slice(-COMPARED));
    const slope = (memories: readonly number[]) => (slopeOf(memories) * 60).toFixed(1);
    const slopes = Object.keys(found[0]?.memoryMb ?? {}).map(
      (name) => `${name} ${slope(found.map(({ memoryMb }) => memoryMb[name] ?? 0))}`,
    );
    return {
      rows: [
        goal(`p99 of a flow, last ${COMPARED} minutes ÷ first`, last / first, ['≤', RATIO_MAX]),
        fact('p99 of a flow, first / last minutes', `${first.toFixed(1)} / ${last.toFixed(1)} ms`),
        fact('memory of all processes, slope', `${slope(found.map(({ memoryMb }) => total(memoryMb)))} MB an hour`),
        fact('of which', slopes.join(', ')),
      ],
      data: found.map(({ histogram: _, ...minute }) => minute),
    };
  },
};

/** Least squares, per step. */
function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const above = values.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  return above / values.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
}
