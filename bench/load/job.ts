/** What the load generator is told to do, and what it tells of it. */
import type { Histogram } from './histogram';

/** One request; `{name}` in it is filled in for each operation. */
export interface Step {
  /** What its latency is shown under. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Form fields, encoded. */
  readonly body?: string;
  /** The merchant's key. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Operations, each of these steps one after the other on one connection. `{n}` is the number of the operation, `{tid}` the
 * tid that the step before answered, any other `{name}` the value `n % length` of the list of that name.
 */
export interface Job {
  readonly url: string;
  readonly steps: readonly Step[];
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  /** Number of the first operation. */
  readonly from: number;
  /** Operations at most: as many as there is something prepared for. */
  readonly operationsMax: number;
  readonly ms: number;
  /** Time at the beginning whose latencies are not told, ms: what a pause has let go comes back. */
  readonly settleMs: number;
  readonly connections: number;
  /**
   * Operations begun a second, whether those before have ended or not; latency counts from the time at which one was due.
   * Without it each connection goes on as soon as it has its answer.
   */
  readonly ratePerSecond?: number;
}

export interface JobResult {
  readonly operations: number;
  /** From the first request to the last answer, ms. */
  readonly elapsedMs: number;
  /** Of each step by name, and of the whole `operation`. */
  readonly latencies: Readonly<Record<string, Histogram>>;
  /** The generator's own, ms. */
  readonly cpuMs: number;
  /** Of the operations, those begun more than 5 ms after they were due: the generator or its connections were too few. */
  readonly late: number;
}

export type Reply = { readonly result: JobResult } | { readonly error: string };
