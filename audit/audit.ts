import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Client, type ClientBase } from 'pg';
import { lockDataDir } from '../stack/src/data-dir-lock';
import { startPostgres } from '../stack/src/postgres';
import { postgresHome } from '../stack/src/postgres-home';
import { projectRoot } from '../stack/src/project';
import { readSecrets } from '../stack/src/secrets';
import { journalFindings, readJournal } from './journal';

const DATABASE = 'oneq';
/** Broken rows that are shown of each invariant. */
const SHOWN_MAX = 5;

/** An invariant, and the rows that break it. */
export interface Finding {
  /** The invariant in one sentence. */
  readonly invariant: string;
  readonly broken: readonly object[];
}

/** What `npm run audit` does. @returns the exit code: 0 when every invariant holds */
export async function main(args: readonly string[]): Promise<number> {
  const [option, journal, ...rest] = args;
  if (option !== undefined && (option !== '--journal' || journal === undefined || rest.length > 0)) {
    console.error('Usage: npm run audit [-- --journal FILE]; npm run audit -- --help tells more.');
    return 2;
  }
  try {
    return await withDatabase(async (url) => {
      const client = new Client({ connectionString: url, application_name: 'oneq-audit' });
      await client.connect();
      try {
        const findings = await audit(client);
        if (journal !== undefined) findings.push(...(await journalFindings(client, readJournal(journal))));
        print(findings);
        return findings.every(({ broken }) => broken.length === 0) ? 0 : 1;
      } finally {
        await client.end();
      }
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
}

/** Checks every invariant at one moment, while payments go on. */
export async function audit(client: ClientBase): Promise<Finding[]> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    return await moneyFindings(client);
  } finally {
    await client.query('ROLLBACK');
  }
}

/** What breaks each invariant; the file's first line is its sentence. */
export async function moneyFindings(client: ClientBase): Promise<Finding[]> {
  const folder = path.join(projectRoot(), 'audit', 'invariants');
  const findings: Finding[] = [];
  for (const file of readdirSync(folder).sort()) {
    const sql = readFileSync(path.join(folder, file), 'utf8');
    const [, invariant = file] = /^-- (.*)$/m.exec(sql) ?? [];
    findings.push({ invariant, broken: (await client.query(sql)).rows });
  }
  return findings;
}

/** Runs `work` on the database of DATABASE_URL, of the running stack, or of the stopped one, which is started for it. */
async function withDatabase<T>(work: (url: string) => Promise<T>): Promise<T> {
  const { DATABASE_URL } = process.env;
  if (DATABASE_URL) return work(DATABASE_URL);
  const dataDir = path.resolve(process.env.DATA_DIR?.trim() || '.data');
  const stackFile = path.join(dataDir, 'stack.json');
  if (existsSync(stackFile)) return work(JSON.parse(readFileSync(stackFile, 'utf8')).database_url);
  if (!existsSync(path.join(dataDir, 'secrets.json'))) {
    throw new Error(`There is no stack in ${dataDir}. Name another with DATA_DIR, or a database with DATABASE_URL.`);
  }
  const unlock = lockDataDir(dataDir);
  try {
    const server = await startPostgres({
      dataDir: postgresHome(dataDir).directory,
      password: readSecrets(dataDir).EMBEDDED_POSTGRES_PASSWORD,
      logFile: path.join(dataDir, 'logs', 'postgres.log'),
    });
    try {
      return await work(server.url(DATABASE));
    } finally {
      await server.stop();
    }
  } finally {
    unlock();
  }
}

function print(findings: readonly Finding[]): void {
  for (const { invariant, broken } of findings) {
    console.log(`${String(broken.length).padStart(7)}  ${invariant}`);
    for (const row of broken.slice(0, SHOWN_MAX)) console.log(`         ${JSON.stringify(row)}`);
    if (broken.length > SHOWN_MAX) console.log(`         … and ${broken.length - SHOWN_MAX} more`);
  }
  const broken = findings.filter((finding) => finding.broken.length > 0).length;
  console.log(broken === 0 ? '\nEvery invariant holds.' : `\n${broken} of ${findings.length} invariants are broken.`);
}
