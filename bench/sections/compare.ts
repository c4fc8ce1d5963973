import { setTimeout as wait } from 'node:timers/promises';
import { AUTHENTICATED, type Contender, HttpContender, type Run, StatementContender, turn } from '../contenders';
import { merge, percentileOf } from '../load/histogram';
import { APPROVE_BOUND, AUTHENTICATE_BOUND, PREPARE_BOUND } from '../load/statements';
import { inTurns, median, withSpread } from '../measure';
import { APPROVE_STEP, approveStep, FLOW_STEPS, INQUIRY_STEP, PREPARE_STEP } from '../orders';
import { type Findings, fact, goal, type Row } from '../report';
import type { Context, Section } from '../section';
import { type Cost, type Subject, total, type World } from '../world';

/** Payments of the past that are in the tables. */
const HISTORY = 10_000;
const MERCHANTS = 1_000;
/** For each payment process, which compiles for itself. */
const WARM_UP_OPERATIONS = 8_000;
const WARM_UP_TURNS_MAX = 6;
const FLOWS_PER_SECOND_MIN = 500;
/** Connections tell of their WAL syncs when they have been idle for so long, ms. */
const STATISTICS_DELAY_MS = 11_000;

/** What a contender did in all rounds. */
interface Standing {
  readonly contender: Contender;
  readonly runs: ReadonlyArray<Run & Cost>;
}

const rates = ({ runs }: Standing) => runs.map(({ operations, elapsedMs }) => (operations / elapsedMs) * 1_000);
const cpus = ({ runs }: Standing) => runs.map(({ cpuMs, operations }) => total(cpuMs) / operations);
const rate = (standing: Standing) => median(rates(standing));
const cpu = (standing: Standing) => median(cpus(standing));

/** What stands beside the platform, once for all sections that compare. */
interface Field {
  readonly world: World;
  readonly three: Subject;
  readonly bare: Subject;
  readonly plain: Subject;
  readonly merchants: { cids: string[]; keys: string[] };
  /** Tids of approved payments. */
  readonly known: string[];
}

let field: Promise<Field> | undefined;

async function startField(context: Context): Promise<Field> {
  const world = await context.world(HISTORY);
  context.progress('starting what it is compared with');
  const [three, bare, plain] = await Promise.all([
    world.withPaymentProcesses(3),
    world.server('bare', 'B: Fastify and pg'),
    world.server('plain', 'M: TypeORM repositories'),
  ]);
  const merchants = await world.seed.merchants(MERCHANTS);
  return { world, three, bare, plain, merchants, known: world.seed.tidsOf(world.history) };
}

/** Rounds in which everybody has a turn, after one that warms up and is not counted. */
async function rounds(context: Context, world: World, contenders: readonly Contender[]): Promise<Standing[]> {
  const { quick } = context.options;
  const count = quick ? 3 : Math.max(5, contenders.length);
  const seconds = quick ? 2 : 5;
  const runs = contenders.map((): Array<Run & Cost> => []);
  for (let round = 0; round <= count; round += 1) {
    context.progress(
      round === 0 ? 'warming up' : `round ${round} of ${count}, ${contenders.length} turns of ${seconds} s`,
    );
    await world.vacuum();
    for (const [i, contender] of inTurns([...contenders.entries()], round)) {
      if (round === 0) await warmUp(world, contender, seconds);
      else runs[i]?.push(await turn(world, contender, seconds));
    }
  }
  return contenders.map((contender, i) => ({ contender, runs: runs[i] ?? [] }));
}

/** Node compiles what has run often enough, which on a slow machine takes more than one turn. */
async function warmUp(world: World, contender: Contender, seconds: number): Promise<void> {
  const replicas = contender.subject.processes().filter(({ name }) => name.startsWith('payment')).length;
  const enough = WARM_UP_OPERATIONS * Math.max(1, replicas);
  let done = 0;
  for (let i = 0; i < WARM_UP_TURNS_MAX && done < enough; i += 1) {
    done += (await turn(world, contender, seconds)).operations;
  }
}

function table(title: string, standings: readonly Standing[]) {
  return {
    title,
    columns: ['', 'a second', 'CPU-ms each', 'of which', 'WAL bytes', 'MB', 'client’s CPU-ms'],
    rows: standings.map((standing) => {
      const { runs, contender } = standing;
      const each = (name: string) => median(runs.map((run) => (run.cpuMs[name] ?? 0) / run.operations));
      const parts = Object.keys(runs[0]?.cpuMs ?? {}).map((name) => `${name} ${each(name).toFixed(2)}`);
      const client = runs.map((run) => (run.clientCpuMs ?? Number.NaN) / run.operations);
      return [
        contender.title,
        withSpread(rates(standing)),
        withSpread(cpus(standing), 2),
        parts.join(', '),
        median(runs.map(({ walBytes, operations }) => walBytes / operations)).toFixed(0),
        total(runs.at(-1)?.memoryMb ?? {}).toFixed(0),
        Number.isNaN(client[0]) ? '–' : median(client).toFixed(2),
      ];
    }),
  };
}

/** Latencies at half of what each can do, from the time at which each request was due. */
async function latencies(context: Context, world: World, standings: readonly Standing[], perSecond?: number) {
  const { quick } = context.options;
  const results = standings.map((standing) => ({ standing, histograms: [] as Array<Record<string, number[]>> }));
  for (let round = 0; round < (quick ? 1 : 3); round += 1) {
    for (const { standing, histograms } of results) {
      const half = perSecond ?? rate(standing) / 2;
      context.progress(`latency at ${half.toFixed(0)} a second: ${standing.contender.title}`);
      const run = await turn(world, standing.contender, quick ? 3 : 10, half);
      histograms.push({ ...run.latencies });
    }
  }
  return results.flatMap(({ standing, histograms }) =>
    Object.keys(histograms[0] ?? {}).map((step) => {
      const all = merge(histograms.map((histogram) => histogram[step] ?? []));
      const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentileOf(all, share));
      return { title: standing.contender.title, step, perSecond: perSecond ?? rate(standing) / 2, p50, p99, p999 };
    }),
  );
}

type Latency = Awaited<ReturnType<typeof latencies>>[number];

function latencyTable(found: readonly Latency[]) {
  const ms = (value: number | undefined) => (value ?? Number.NaN).toFixed(1);
  return {
    title: 'Latency, mostly at half of its own knee, ms from when it was due',
    columns: ['', 'what', 'a second', 'p50', 'p99', 'p99.9'],
    rows: found.map(({ title, step, perSecond, p50, p99, p999 }) => [
      ...[title, step, perSecond.toFixed(0)],
      ...[ms(p50), ms(p99), ms(p999)],
    ]),
  };
}

/** How often WAL was written to disk for each operation: group commit shares one among several. */
async function walSyncs(context: Context, world: World, standings: readonly Standing[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { contender } of standings) {
    context.progress(`WAL syncs: ${contender.title}`);
    await wait(STATISTICS_DELAY_MS);
    const before = await world.walSyncs();
    const { operations } = await turn(world, contender, 5);
    await wait(STATISTICS_DELAY_MS);
    const syncs = (await world.walSyncs()) - before;
    rows.push(fact(`WAL syncs each: ${contender.title}`, (syncs / operations).toFixed(2)));
  }
  return rows;
}

interface Comparison<Key extends string> {
  readonly name: string;
  /** A second, at which latency is looked at too: half of what is to be reached, where that is a number. */
  readonly alsoAt?: number;
  contenders(field: Field): Readonly<Record<Key, Contender>>;
  goals(standings: Readonly<Record<Key, Standing>>): Row[];
}

function comparison<Key extends string>({ name, alsoAt, contenders, goals }: Comparison<Key>): Section {
  return {
    name,
    async measure(context): Promise<Findings> {
      field ??= startField(context);
      const all = await field;
      const { world } = all;
      const taking: Readonly<Record<string, Contender>> = contenders(all);
      const standings = await rounds(context, world, Object.values(taking));
      const byKey = Object.fromEntries(Object.keys(taking).map((key, i) => [key, standings[i]]));
      const overHttp = standings.filter(({ contender }) => contender.subject.url !== '');
      const found = await latencies(context, world, context.options.quick ? overHttp.slice(0, 1) : overHttp);
      if (alsoAt) found.push(...(await latencies(context, world, overHttp.slice(0, 1), alsoAt)));
      const syncs = context.options.quick || name === 'inquiry' ? [] : await walSyncs(context, world, standings);
      const slow = found.filter(({ title, step }) => title === 'OneQ Pay' && step !== 'operation');
      return {
        rows: [
          ...goals(byKey as Record<Key, Standing>),
          ...slow.map(({ step, p99 = Number.NaN, perSecond }) =>
            goal(`${step}: p99 at ${perSecond.toFixed(0)} a second`, p99, ['<', 25], ' ms'),
          ),
          ...syncs,
        ],
        tables: [table(`${name}, as fast as it goes`, standings), latencyTable(found)],
        charts: [
          {
            name: `bench-${name}`,
            title: `${name}: a second`,
            bars: standings.map((one) => ({
              label: one.contender.title,
              value: rate(one),
              text: `${rate(one).toFixed(0)}`,
            })),
          },
        ],
        data: standings.map((one) => ({
          title: one.contender.title,
          per_second: rates(one),
          cpu_ms_each: cpus(one),
          runs: one.runs.map(({ latencies: _, verify: __, ...run }) => run),
          latencies: found.filter(({ title }) => title === one.contender.title),
        })),
      };
    },
  };
}

const approve = comparison({
  name: 'approve',
  contenders: ({ world, three, bare, plain, merchants }) => {
    const http = (title: string, subject: Subject) =>
      new HttpContender(world, title, subject, [APPROVE_STEP], AUTHENTICATED);
    const any = approveStep('{cid}', '{key}');
    const orders = { authenticatedOf: merchants.cids };
    const lists = { cid: merchants.cids, key: merchants.keys };
    return {
      us: http(world.platform.title, world.platform),
      limit: new StatementContender(world, [APPROVE_BOUND], AUTHENTICATED),
      bare: http(bare.title, bare),
      plain: http(plain.title, plain),
      three: http(three.title, three),
      many: new HttpContender(world, `OneQ Pay, ${MERCHANTS} merchants`, world.platform, [any], orders, lists),
    };
  },
  goals: ({ us, limit, bare, plain, three, many }) => [
    goal('approve: a second ÷ L', rate(us) / rate(limit), ['≥', 0.5]),
    goal('approve: CPU-ms ÷ B', cpu(us) / cpu(bare), ['≤', 1.25]),
    goal('approve: a second ÷ M', rate(us) / rate(plain), ['≥', 4]),
    goal('approve: CPU-ms with 3 payment processes ÷ 1', cpu(three) / cpu(us), ['≤', 1.1]),
    goal(`approve: one hot merchant ÷ ${MERCHANTS}, a second`, rate(us) / rate(many), ['≥', 0.95]),
  ],
});

const prepare = comparison({
  name: 'prepare',
  contenders: ({ world, bare, plain }) => {
    const http = (subject: Subject) => new HttpContender(world, subject.title, subject, [PREPARE_STEP], 'new');
    const limit = new StatementContender(world, [PREPARE_BOUND], 'new');
    return { us: http(world.platform), limit, bare: http(bare), plain: http(plain) };
  },
  goals: ({ us, limit, bare, plain }) => [
    goal('prepare: a second ÷ L', rate(us) / rate(limit), ['≥', 0.3]),
    fact('prepare: CPU-ms ÷ B', (cpu(us) / cpu(bare)).toFixed(2)),
    fact('prepare: a second ÷ M', (rate(us) / rate(plain)).toFixed(2)),
  ],
});

const flow = comparison({
  name: 'flow',
  alsoAt: FLOWS_PER_SECOND_MIN / 2,
  contenders: ({ world, three, bare }) => {
    const http = (subject: Subject) => new HttpContender(world, subject.title, subject, FLOW_STEPS, 'new');
    const statements = [PREPARE_BOUND, AUTHENTICATE_BOUND, APPROVE_BOUND];
    const limit = new StatementContender(world, statements, 'new');
    return { us: http(world.platform), limit, bare: http(bare), three: http(three) };
  },
  goals: ({ us, limit, bare, three }) => [
    goal('full flow: a second', rate(us), ['≥', FLOWS_PER_SECOND_MIN]),
    goal('full flow: a second ÷ L’s three statements', rate(us) / rate(limit), ['≥', 0.25]),
    fact('full flow: CPU-ms ÷ B', (cpu(us) / cpu(bare)).toFixed(2)),
    fact('full flow: CPU-ms with 3 payment processes ÷ 1', (cpu(three) / cpu(us)).toFixed(2)),
  ],
});

const inquiry = comparison({
  name: 'inquiry',
  contenders: ({ world, three, known }) => {
    const http = (subject: Subject) =>
      new HttpContender(world, subject.title, subject, [INQUIRY_STEP], 'new', { known });
    return { us: http(world.platform), three: http(three) };
  },
  goals: ({ us, three }) => [fact('inquiry: CPU-ms with 3 payment processes ÷ 1', (cpu(three) / cpu(us)).toFixed(2))],
});

export const COMPARISONS: readonly Section[] = [approve, prepare, flow, inquiry];
