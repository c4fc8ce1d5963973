import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tailOf } from './files';
import { freePort } from './ports';
import {
  describeExit,
  endChild,
  endProcess,
  exitOf,
  ProcessExit,
  processesWithArgument,
  RunningProcess,
  StopStep,
} from './processes';

export { locateNatsServer } from './nats-binary';

export interface NatsOptions {
  /** Path of the nats-server program. */
  readonly binary: string;
  /** Receives the pid file; one server at a time for each. */
  readonly dir: string;
  /** TCP port on 127.0.0.1; a free one when not given. */
  readonly port?: number;
  readonly configFile: string;
  /** What the configuration refers to as `$NAME`: passwords, which must start with a letter. */
  readonly env: Readonly<Record<string, string>>;
  /** Receives the server's log, appended. */
  readonly logFile: string;
  /** Ends the server at once when aborted. */
  readonly signal?: AbortSignal;
}

export interface NatsServer extends RunningProcess {
  /** "2.9.10" */
  readonly version: string;
  url(user: string, password: string): string;
}

/** What a server says first on every connection, as far as it is used here. */
interface ServerInfo {
  readonly server_name: string;
  readonly version: string;
}

const POLL_MS = 20;
const INFO_TIMEOUT_MS = 1_000;
const LOG_TAIL_LINES = 15;
const ATTEMPTS_MAX = 3;
const STOP_STEPS: readonly StopStep[] = [
  ['SIGTERM', 5_000],
  ['SIGKILL', 5_000],
];

/**
 * Starts a nats-server on 127.0.0.1 and resolves when it greets. A server that an earlier run left behind in the
 * same directory is stopped first.
 * @throws {Error} with the end of the server's log when it cannot be started
 */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  mkdirSync(options.dir, { recursive: true });
  const pidFile = path.join(path.resolve(options.dir), 'nats.pid');
  for (const pid of processesWithArgument(pidFile)) await endProcess(pid, STOP_STEPS);
  rmSync(pidFile, { force: true });

  for (let attempt = 1; ; attempt += 1) {
    const result = await launch({ ...options, port: options.port ?? (await freePort()) }, pidFile);
    if ('stop' in result) return result;
    if (options.port === undefined && attempt < ATTEMPTS_MAX && !options.signal?.aborted) continue;
    const tail = existsSync(options.logFile) ? `\n${tailOf(options.logFile, LOG_TAIL_LINES)}` : '';
    throw new Error(`nats-server did not start (${describeExit(result)}).${tail}\nLog: ${options.logFile}`);
  }
}

async function launch(options: NatsOptions & { port: number }, pidFile: string): Promise<NatsServer | ProcessExit> {
  const { binary, port, configFile, env, logFile, signal } = options;
  // A name of its own tells this server from another that took the port a moment before.
  const name = `oneq-${randomBytes(6).toString('hex')}`;
  const child = spawn(
    binary,
    ['-a', '127.0.0.1', '-p', String(port), '-c', configFile, '-P', pidFile, '-l', logFile, '-n', name],
    { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore', detached: true, signal, killSignal: 'SIGKILL' },
  );
  const exited = exitOf(child);
  let ended = false;
  void exited.then(() => {
    ended = true;
  });

  while (!ended) {
    const info = await greeting(port);
    if (info?.server_name === name && child.pid !== undefined) {
      return {
        pid: child.pid,
        port,
        version: info.version,
        ready: Promise.resolve(),
        exited,
        url: (user, password) => `nats://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`,
        stop: () => endChild(child, exited, STOP_STEPS),
      };
    }
    await delay(POLL_MS);
  }
  return exited;
}

/** The server's INFO, sent before anybody signs in; undefined when nobody greets. */
function greeting(port: number): Promise<ServerInfo | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: INFO_TIMEOUT_MS });
    let received = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      received += chunk;
      const [, json] = /^INFO (.*)\r\n/.exec(received) ?? [];
      if (json === undefined) return;
      resolve(JSON.parse(json));
      socket.destroy();
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(undefined));
  });
}
