import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { freePort } from './ports';
import { PostgresBinaries, postgresBinaries } from './postgres-binaries';
import { createCluster, SUPERUSER } from './postgres-cluster';
import { ownerOf, processOptions } from './postgres-user';
import {
  describeExit,
  endChild,
  endProcess,
  exitOf,
  ProcessExit,
  processesIn,
  processesWithArgument,
  RunningProcess,
  StopStep,
} from './processes';

export interface PostgresOptions {
  /** The cluster's own directory; created when it is missing or empty. */
  readonly dataDir: string;
  /** Password of the superuser `oneq`, set when the cluster is created. */
  readonly password: string;
  /** TCP port on 127.0.0.1; a free one when not given. */
  readonly port?: number;
  /** Further settings by name, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives the server's output, appended. */
  readonly logFile: string;
  /** Ends the server at once (immediate shutdown) when aborted. */
  readonly signal?: AbortSignal;
}

export interface PostgresServer extends RunningProcess {
  /** "18.4" */
  readonly version: string;
  /** A connection URL for the database: the superuser's, or that of the user given. */
  url(database: string, user?: string, password?: string): string;
}

const CONNECTIONS_MAX = 200;
/** How long a start is tried again while the remains of the previous server are in the way. */
const RETRY_MS = 15_000;
const POLL_MS = 20;
/** SQLSTATE of a refused password. */
const INVALID_PASSWORD = '28P01';
const LOG_TAIL_LINES = 15;

/** Fast shutdown, then an immediate one (recovery at the next start), then by force. */
const STOP_STEPS: readonly StopStep[] = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 6_000],
  ['SIGKILL', 5_000],
];

/** What a server says that follows one that was killed, until the last of its processes has noticed. */
const PREDECESSOR_REMAINS = /pre-existing shared memory block|lock file "postmaster\.pid" already exists/;
const PORT_TAKEN = /could not create any TCP\/IP sockets/;

/**
 * Starts a real PostgreSQL server on 127.0.0.1 and resolves when it answers queries. A server that an earlier run
 * left behind on the same directory is stopped first. Durability is at PostgreSQL's own defaults: a committed
 * payment survives a crash. As root the server runs as the owner of the directory, an unprivileged user.
 * @throws {Error} with the end of the server's log when it cannot be started
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const binaries = postgresBinaries();
  const dataDir = path.resolve(options.dataDir);
  if (!existsSync(path.join(dataDir, 'PG_VERSION'))) await createCluster(binaries, { ...options, dataDir });
  const directory = realpathSync(dataDir);
  await endPredecessor(directory);

  const deadline = Date.now() + RETRY_MS;
  for (;;) {
    const port = options.port ?? (await freePort());
    const attempt = await launch(binaries, { ...options, dataDir: directory, port });
    if ('server' in attempt) return attempt.server;
    const again =
      PREDECESSOR_REMAINS.test(attempt.output) || (options.port === undefined && PORT_TAKEN.test(attempt.output));
    if (!again || options.signal?.aborted || Date.now() > deadline) {
      throw new Error(
        `PostgreSQL did not start (${describeExit(attempt.exit)}).\n${attempt.output}\nLog: ${options.logFile}`,
      );
    }
    await endPredecessor(directory);
    await delay(POLL_MS);
  }
}

type Attempt = { readonly server: PostgresServer } | { readonly exit: ProcessExit; readonly output: string };

async function launch(binaries: PostgresBinaries, options: PostgresOptions & { port: number }): Promise<Attempt> {
  const { dataDir, port, logFile, password } = options;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: String(CONNECTIONS_MAX),
    ...options.settings,
  };
  const log = openSync(logFile, 'a');
  const logStart = statSync(logFile).size;
  const child = spawn(
    path.join(binaries.directory, 'bin', 'postgres'),
    ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      ...processOptions(binaries, ownerOf(dataDir)),
      stdio: ['ignore', log, log],
      detached: true,
      signal: options.signal,
      killSignal: 'SIGQUIT',
    },
  );
  closeSync(log);
  const exited = exitOf(child);

  const url = (database: string, user = SUPERUSER, secret = password) =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(secret)}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const stop = () => endChild(child, exited, STOP_STEPS);
  const answer = await firstAnswer(url('postgres'), exited);
  if (answer === 'wrong password') {
    await stop();
    throw new Error(`The database in ${dataDir} was created with another password than the one given.`);
  }
  if (answer === 'ended' || child.pid === undefined) {
    const output = readFileSync(logFile).subarray(logStart).toString('utf8').trimEnd();
    return { exit: await exited, output: output.split('\n').slice(-LOG_TAIL_LINES).join('\n') };
  }
  const server: PostgresServer = {
    pid: child.pid,
    port,
    version: binaries.version,
    ready: Promise.resolve(),
    exited,
    url,
    stop,
  };
  return { server };
}

type Answer = 'ready' | 'wrong password' | 'ended';

/** Asks until the server answers, for as long as it runs: the recovery of a large database takes its time. */
async function firstAnswer(url: string, exited: Promise<ProcessExit>): Promise<Answer> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  while (!ended) {
    const answer = await ask(url);
    if (answer) return answer;
    await delay(POLL_MS);
  }
  return 'ended';
}

async function ask(url: string): Promise<Answer | undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A connection that breaks while it is being closed must not end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return 'ready';
  } catch (error) {
    return error instanceof DatabaseError && error.code === INVALID_PASSWORD ? 'wrong password' : undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Stops what an earlier run left on this directory: a server, or the processes of one that was killed. */
async function endPredecessor(dataDir: string): Promise<void> {
  for (const pid of processesWithArgument(dataDir).filter((pid) => pid === postmasterOf(dataDir))) {
    await endProcess(pid, STOP_STEPS);
  }
  // Without their server they can do nothing useful, but they keep a new one from starting.
  for (const pid of processesIn(dataDir, 'postgres')) await endProcess(pid, [['SIGKILL', 5_000]]);
}

function postmasterOf(dataDir: string): number | undefined {
  const file = path.join(dataDir, 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
}
