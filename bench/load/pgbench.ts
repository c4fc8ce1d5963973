import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type StatementJob, type StatementRun, TEXTS } from './statements';

const run = promisify(execFile);

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

/** Runs the statements with pgbench, prepared once a connection. @throws {Error} when one of them failed */
export async function pgbench(program: string, job: StatementJob): Promise<StatementRun> {
  const folder = mkdtempSync(path.join(tmpdir(), 'oneq-pgbench-'));
  try {
    const script = path.join(folder, 'script.sql');
    writeFileSync(script, scriptOf(job));
    const url = new URL(job.databaseUrl);
    const { stdout } = await run(
      program,
      [
        ...['--no-vacuum', '--protocol=prepared', `--file=${script}`, '--define=i=-1'],
        ...Object.entries(TEXTS).map(([name, value]) => `--define=${name}=${value}`),
        ...[`--client=${job.clients}`, `--jobs=${Math.min(2, job.clients)}`, `--time=${job.seconds}`],
        ...[`--host=${url.hostname}`, `--port=${url.port}`, `--username=${decodeURIComponent(url.username)}`],
        url.pathname.slice(1),
      ],
      { env: { ...process.env, PGPASSWORD: decodeURIComponent(url.password), LC_ALL: 'C' } },
    );
    const operations = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
    const perSecond = Number(/tps = ([\d.]+) \(without initial/.exec(stdout)?.[1]);
    if (!(operations > 0)) throw new Error(`pgbench did not do what it should:\n${stdout}`);
    return { operations, elapsedMs: (operations / perSecond) * 1_000 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function scriptOf({ statements, orders, accounts }: StatementJob): string {
  const lines = [
    '\\set i :i + 1',
    `\\set n ${orders.from} + :client_id * ${orders.perClient} + :i`,
    `\\set account random(${accounts.from}, ${accounts.from + accounts.count - 1})`,
    ...statements.map(({ text, values, keep }) => {
      const bound = text.replace(/\$(\d+)/g, (_, number) => values[Number(number) - 1] ?? '');
      return `${bound.trim()}${keep ? ' \\gset' : ';'}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}
