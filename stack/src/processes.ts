import { ChildProcess, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How a process ended; `error` when it could not be started at all. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error?: string;
}

/** A process of the stack, from its launch to its end. */
export interface RunningProcess {
  readonly pid: number;
  /** TCP port on which it serves. */
  readonly port: number;
  /** Resolves when it serves; stays pending when it ends before that. */
  readonly ready: Promise<void>;
  /** Resolves, and never rejects, when it has ended. */
  readonly exited: Promise<ProcessExit>;
  /** Asks it to end, insists after a while, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** One signal, and the time in ms that the process has to end before the next one. */
export type StopStep = readonly [signal: NodeJS.Signals, graceMs: number];

const LINUX = process.platform === 'linux';
const POLL_MS = 20;

/** Resolves when the child has ended or could not be started. */
export function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    // An error after the start (an abort, a signal not delivered) is followed by the exit itself.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, error: error.message });
    });
  });
}

/** "exit code 1", "signal SIGKILL". */
export function describeExit({ code, signal, error }: ProcessExit): string {
  return error ?? (signal ? `signal ${signal}` : `exit code ${code}`);
}

/** Whether the promise settles within this many ms. */
async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const late = delay(ms, false, { signal: timer.signal }).catch(() => false);
  return Promise.race([settled, late]).finally(() => timer.abort());
}

/** Polls until the condition holds; false when it does not within this many ms. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** Ends a child step by step and resolves when it has ended. */
export async function endChild(
  child: ChildProcess,
  exited: Promise<ProcessExit>,
  steps: readonly StopStep[],
): Promise<void> {
  for (const [signal, graceMs] of steps) {
    child.kill(signal);
    if (await settlesWithin(exited, graceMs)) return;
  }
  await exited;
}

/** Ends a process that is not our child, step by step; does nothing when it has ended already. */
export async function endProcess(pid: number, steps: readonly StopStep[]): Promise<void> {
  const identity = processIdentity(pid);
  const ended = () => identity === undefined || processIdentity(pid) !== identity;
  for (const [signal, graceMs] of steps) {
    if (ended()) return;
    try {
      process.kill(pid, signal);
    } catch {
      return; // It ended in between.
    }
    if (await waitUntil(ended, graceMs)) return;
  }
}

/**
 * What tells this process from a later one with the same pid: its start time. Undefined when there is none, or only
 * one that has ended and waits for its parent to notice.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    if (!LINUX) return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; fields 3 (state) and 22 (start time) follow it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The processes, other than this one, that were started with exactly this argument. */
export function processesWithArgument(argument: string): number[] {
  const found = LINUX
    ? numbersIn('/proc').filter((pid) => argumentsOf(pid).includes(argument))
    : execFileSync('ps', ['-axo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 })
        .split('\n')
        .filter((line) => `${line} `.includes(` ${argument} `))
        .map((line) => Number.parseInt(line, 10));
  return found.filter((pid) => pid !== process.pid && processIdentity(pid) !== undefined);
}

/** The processes of this name whose working directory is this one. Linux only; elsewhere none is found. */
export function processesIn(directory: string, name: string): number[] {
  if (!LINUX) return [];
  return numbersIn('/proc').filter((pid) => {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === directory && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name
      );
    } catch {
      return false; // It ended, or belongs to somebody else.
    }
  });
}

function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

function numbersIn(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
}
