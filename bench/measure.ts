import { readdirSync, readFileSync } from 'node:fs';

/** A clock tick, in which /proc counts CPU time. */
const MS_PER_TICK = 10;
const PAGE_BYTES = 4_096;

/** CPU time a process has used so far, ms (Linux). */
export function cpuMs(pid: number): number {
  const [user, system] = statOf(pid).cpu;
  return ((user ?? 0) + (system ?? 0)) * MS_PER_TICK;
}

/** CPU time that a process and its children, also those that have ended, have used so far, ms (Linux): a PostgreSQL. */
export function cpuMsWithChildren(pid: number): number {
  const ownAndEnded = () => statOf(pid).cpu.reduce((sum, ticks) => sum + ticks, 0) * MS_PER_TICK;
  for (;;) {
    const before = ownAndEnded();
    const running = childrenOf(pid).reduce((sum, child) => sum + (unlessEnded(() => cpuMs(child)) ?? 0), 0);
    // A child that has ended meanwhile may be in neither sum, or in both.
    if (ownAndEnded() === before) return before + running;
  }
}

/** Memory that only this process or its children hold, MB (Linux: RSS without what is shared). */
export function memoryMbWithChildren(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + (unlessEnded(() => ownMemoryMb(one)) ?? 0), 0);
}

function ownMemoryMb(pid: number): number {
  const [, resident = 0, shared = 0] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ').map(Number);
  return ((resident - shared) * PAGE_BYTES) / 1_048_576;
}

/** ticks of user and system time: its own, then those of its children that have ended. */
function statOf(pid: number): { parent: number; cpu: number[] } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything; fields 4 and 14 to 17 follow it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpu: fields.slice(11, 15).map(Number) };
}

function childrenOf(pid: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  return pids.map(Number).filter((child) => unlessEnded(() => statOf(child).parent) === pid);
}

function unlessEnded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Memory that a process holds, MB (Linux: VmRSS). */
export function memoryMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1_024;
}

/** The value below which this share of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** `median (smallest–largest)` of a few samples. */
export function withSpread(samples: readonly number[], digits = 0): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(samples))} (${text(Math.min(...samples))}–${text(Math.max(...samples))})`;
}

/** How long `work` takes, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/**
 * The same items in another order each round: what somebody leaves in the machine's caches is not always met by the same one.
 * Over as many rounds as there are items, or twice as many of an odd number, each follows each other equally often (the
 * Latin squares that E. J. Williams described in 1949).
 */
export function inTurns<T>(items: readonly T[], round: number): T[] {
  const outsideIn = items.map((_, i) => (i % 2 === 0 ? i / 2 : items.length - (i + 1) / 2));
  const turns = outsideIn.map((i) => items[(i + round) % items.length] as T);
  return items.length % 2 === 1 && round % 2 === 1 ? turns.reverse() : turns;
}
