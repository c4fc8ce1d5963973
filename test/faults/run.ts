/**
 * How a run of the faults goes. `npm test` runs the short form; `npm run faults` the long one, with a table at the end;
 * FAULTS_SEED repeats a run.
 */
import { appendFileSync } from 'node:fs';
import type { Counts } from './scenarios';
import type { World } from './world';

export const LONG = process.env.FAULTS === 'long';
export const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000_000);
/** Longest time for one fault, ms. */
export const TIME_MS = LONG ? 1_200_000 : 120_000;

export const size = (short: number, long: number) => (LONG ? long : short);

/** Lets a fault happen, writes down what was counted, and fails when an invariant of the ledger or the journal is broken. */
export async function suffer(world: World, fault: string, happen: () => Promise<Counts>): Promise<Counts> {
  const counts = await happen();
  const broken = await world.findings();
  report(fault, counts, broken);
  expect(broken).toEqual({});
  return counts;
}

/** A row of the table, in the file that FAULTS_TABLE names. */
function report(fault: string, counts: Counts, broken: Readonly<Record<string, number>>): void {
  const { FAULTS_TABLE } = process.env;
  if (!FAULTS_TABLE) return;
  const all = Object.entries(counts).map(([what, n]) => `${what} ${n.toLocaleString('en-US')}`);
  const invariants = Object.keys(broken).length === 0 ? 'all hold' : JSON.stringify(broken);
  appendFileSync(FAULTS_TABLE, `| ${fault} | ${all.join(', ')} | ${invariants} |\n`);
}

beforeAll(() => {
  process.stdout.write(`faults: seed ${SEED}\n`);
});
