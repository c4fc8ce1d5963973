/** The limit: the service's own statements on the same server, with nothing around them. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One statement of a script: its text with `$1` …, and what stands for each: `:name` of a variable, or an SQL literal. */
export interface ScriptStatement {
  readonly text: string;
  readonly values: readonly string[];
  /** Whether the columns of its row are variables of the statements after it. */
  readonly keep?: boolean;
}

export interface PgbenchJob {
  readonly databaseUrl: string;
  readonly statements: readonly ScriptStatement[];
  /** pgbench expressions by variable, computed for each transaction; `:i` counts a client's transactions from 1. */
  readonly variables: Readonly<Record<string, string>>;
  /** Texts by variable. */
  readonly texts: Readonly<Record<string, string>>;
  readonly clients: number;
  readonly ms: number;
}

/** pgbench of PGBENCH, the PATH, or where Debian has it; the embedded PostgreSQL brings none. */
export function findPgbench(): string | undefined {
  const { PGBENCH, PATH = '' } = process.env;
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const candidates = [
    ...(PGBENCH ? [PGBENCH] : []),
    ...PATH.split(path.delimiter).map((folder) => path.join(folder, 'pgbench')),
    ...versions.map((version) => path.join(debian, version, 'bin', 'pgbench')),
  ];
  return candidates.find((file) => existsSync(file));
}

/** Runs the statements in a closed loop, each transaction its own commits. @returns how many, and how long it took */
export async function pgbench(program: string, job: PgbenchJob): Promise<{ operations: number; elapsedMs: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'oneq-pgbench-'));
  try {
    const script = path.join(folder, 'script.sql');
    writeFileSync(script, scriptOf(job));
    const url = new URL(job.databaseUrl);
    const { stdout } = await run(
      program,
      [
        ...['--no-vacuum', '--protocol=prepared', `--file=${script}`, '--define=i=0'],
        ...Object.entries(job.texts).map(([name, value]) => `--define=${name}=${value}`),
        ...[`--client=${job.clients}`, `--jobs=${Math.min(2, job.clients)}`],
        `--time=${Math.max(1, Math.round(job.ms / 1_000))}`,
        ...[`--host=${url.hostname}`, `--port=${url.port}`, `--username=${decodeURIComponent(url.username)}`],
        url.pathname.slice(1),
      ],
      { env: { ...process.env, PGPASSWORD: decodeURIComponent(url.password), LC_ALL: 'C' } },
    );
    const operations = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
    const perSecond = Number(/tps = ([\d.]+) \(without initial/.exec(stdout)?.[1]);
    const failed = Number(/number of failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
    if (!(operations > 0) || failed > 0) throw new Error(`pgbench did not do what it should:\n${stdout}`);
    return { operations, elapsedMs: (operations / perSecond) * 1_000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function scriptOf({ statements, variables }: PgbenchJob): string {
  const sets = Object.entries({ i: ':i + 1', ...variables }).map(([name, value]) => `\\set ${name} ${value}`);
  const texts = statements.map(({ text, values, keep }) => {
    const bound = text.replace(/\$(\d+)/g, (_, number) => values[Number(number) - 1] ?? '');
    return `${bound.trim()}${keep ? ' \\gset' : ';'}`;
  });
  return `${[...sets, ...texts].join('\n')}\n`;
}
