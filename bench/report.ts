import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** A measure beside its goal, if it has one. */
export interface Row {
  readonly measure: string;
  readonly value: string;
  readonly goal: string;
  /** Undefined where there is no goal. */
  readonly met: boolean | undefined;
}

/** What contenders did, side by side. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly string[]>;
}

/** Bars for `docs/images/NAME.svg`. */
export interface Chart {
  readonly name: string;
  readonly title: string;
  readonly bars: ReadonlyArray<{ readonly label: string; readonly value: number; readonly text: string }>;
}

/** What a section found. */
export interface Findings {
  readonly rows: readonly Row[];
  readonly tables?: readonly Table[];
  readonly charts?: readonly Chart[];
  /** All numbers, for the JSON file. */
  readonly data?: unknown;
}

/** A measure that is met above, or below, its goal. @param unit with the blank before it */
export function goal(
  measure: string,
  value: number,
  [sign, limit]: readonly ['≥' | '≤' | '<', number],
  unit = '',
): Row {
  const met = sign === '≥' ? value >= limit : sign === '≤' ? value <= limit : value < limit;
  const digits = Math.abs(value) >= 100 ? 0 : 2;
  return { measure, value: `${value.toFixed(digits)}${unit}`, goal: `${sign} ${limit}${unit}`, met };
}

/** A measure without a goal. */
export function fact(measure: string, value: string): Row {
  return { measure, value, goal: '–', met: undefined };
}

export function describeMachine() {
  const [cpu] = cpus();
  return {
    cpu: `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}`,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${process.arch} ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}`,
    node: process.versions.node,
    load_average: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).map(Number),
    commit: commit(),
    at: new Date().toISOString(),
  };
}

function commit(): string | null {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return null; // no repository here
  }
}

/** As Markdown, so that it can be read here and pasted there. */
export function markdown(columns: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const widths = columns.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(columns), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}

export function goalTable(rows: readonly Row[]): string {
  const words = (met: boolean | undefined) => (met === undefined ? '–' : met ? 'yes' : 'NO');
  return markdown(
    ['measure', 'value', 'goal', 'met'],
    rows.map(({ measure, value, goal, met }) => [measure, value, goal, words(met)]),
  );
}

const BAR = { height: 26, gap: 10, left: 250, width: 420, top: 44 };

/** Horizontal bars from nought, readable on a light and on a dark page. */
export function svg({ title, bars }: Chart): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const height = BAR.top + bars.length * (BAR.height + BAR.gap);
  const drawn = bars.map(({ label, value, text }, i) => {
    const y = BAR.top + i * (BAR.height + BAR.gap);
    const width = Math.max(1, (value / most) * BAR.width);
    const middle = y + BAR.height / 2 + 5;
    return `  <text x="${BAR.left - 10}" y="${middle}" text-anchor="end">${escaped(label)}</text>
  <rect x="${BAR.left}" y="${y}" width="${width.toFixed(1)}" height="${BAR.height}" rx="3" fill="#0a9c8b"/>
  <text x="${(BAR.left + width + 8).toFixed(1)}" y="${middle}">${escaped(text)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${BAR.left + BAR.width + 130} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#7a8290" role="img" aria-label="${escaped(title)}">
  <text x="0" y="20" font-size="16" font-weight="600">${escaped(title)}</text>
${drawn.join('\n')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
