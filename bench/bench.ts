import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../stack/src/project';
import { describeMachine, type Findings, goalTable, markdown, svg } from './report';
import type { Context, Options, Section } from './section';
import { CALLS } from './sections/calls';
import { COMPARISONS } from './sections/compare';
import { GROWTH } from './sections/growth';
import { PAGES_SECTION } from './sections/pages';
import { PASSWORD } from './sections/password';
import { SOAK } from './sections/soak';
import { STARTUP } from './sections/startup';
import { World } from './world';

/** In the order in which they run; a soak only when it is asked for. */
const SECTIONS: readonly Section[] = [...COMPARISONS, STARTUP, PASSWORD, PAGES_SECTION, CALLS, GROWTH, SOAK];
const USUAL = SECTIONS.filter((section) => section !== SOAK);

/** What `npm run bench` does. @returns the exit code: 0 when every goal was met */
export async function main(args: readonly string[]): Promise<number> {
  let asked: { sections: readonly Section[]; options: Options; writeDocs: boolean };
  try {
    asked = readArguments(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nnpm run bench -- --help tells more.`);
    return 2;
  }
  if (process.platform !== 'linux') {
    console.error('The benchmark reads what processes cost from /proc, so it needs Linux.');
    return 2;
  }
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => reject(new Error('interrupted')));
  });
  const worlds = new Worlds();
  const machine = describeMachine();
  const found: Record<string, Findings> = {};
  try {
    for (const section of asked.sections) {
      const progress = (line: string) => console.log(`${clock()} ${section.name}: ${line}`);
      const world: Context['world'] = (history, settings) => worlds.get(history, progress, settings);
      const findings = await Promise.race([section.measure({ options: asked.options, progress, world }), interrupted]);
      found[section.name] = findings;
      print(findings);
    }
  } finally {
    await worlds.stop();
  }
  const all = Object.values(found);
  const rows = all.flatMap((findings) => findings.rows);
  console.log(
    `\n${machine.cpu}, ${machine.memory_gb} GB, Node.js ${machine.node}, load before ${machine.load_average[0]}`,
  );
  if (asked.options.quick) console.log('A smoke test: too short for figures to be quoted.');
  if (all.length > 1) console.log(`\n${goalTable(rows)}`);
  console.log(
    `\nAll numbers: ${path.relative(process.cwd(), writeResults({ machine, options: asked.options, found }))}`,
  );
  if (asked.writeDocs) writeCharts(all);
  return rows.every(({ met }) => met !== false) ? 0 : 1;
}

/** @throws {Error} for what there is not */
function readArguments(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '30' },
      'write-docs': { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes >= 1)) throw new Error('--minutes is a number of minutes.');
  const unknown = positionals.filter((name) => !SECTIONS.some((section) => section.name === name));
  if (unknown.length > 0) {
    throw new Error(`There is no ${unknown.join(', ')}; there are ${SECTIONS.map(({ name }) => name).join(', ')}.`);
  }
  const sections = positionals.length > 0 ? SECTIONS.filter(({ name }) => positionals.includes(name)) : USUAL;
  return { sections, options: { quick: values.quick, full: values.full, minutes }, writeDocs: values['write-docs'] };
}

/** Stacks that were started, each once. */
class Worlds {
  private readonly started = new Map<string, Promise<World>>();

  get(history: number, progress: (line: string) => void, settings: { quietPostgres?: boolean } = {}): Promise<World> {
    const key = `${history} ${settings.quietPostgres ?? true}`;
    const world = this.started.get(key) ?? World.start(history, progress, settings);
    this.started.set(key, world);
    return world;
  }

  async stop(): Promise<void> {
    const worlds = await Promise.allSettled(this.started.values());
    await Promise.all(worlds.map((world) => (world.status === 'fulfilled' ? world.value.stop() : undefined)));
  }
}

function print({ tables = [], rows }: Findings): void {
  for (const { title, columns, rows } of tables) console.log(`\n${title}\n\n${markdown(columns, rows)}`);
  console.log(`\n${goalTable(rows)}\n`);
}

function writeResults(results: object): string {
  const folder = path.join(projectRoot(), '.bench');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  return file;
}

function writeCharts(all: readonly Findings[]): void {
  for (const chart of all.flatMap(({ charts = [] }) => charts)) {
    const file = path.join('docs', 'images', `${chart.name}.svg`);
    writeFileSync(path.join(projectRoot(), file), svg(chart));
    console.log(`Chart: ${file}`);
  }
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
