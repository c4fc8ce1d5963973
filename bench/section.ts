import type { Findings } from './report';
import type { World } from './world';

export interface Options {
  /** A smoke test: everything short. */
  readonly quick: boolean;
  /** Also what takes an hour. */
  readonly full: boolean;
  /** Of the soak. */
  readonly minutes: number;
}

/** What a section has to work with. */
export interface Context {
  readonly options: Options;
  readonly progress: (line: string) => void;
  /** A stack of its own with so many payments of the past; the same one for all who ask for the same. */
  world(history: number, settings?: { quietPostgres?: boolean }): Promise<World>;
}

/** A part of the benchmark that can be asked for by its name. */
export interface Section {
  readonly name: string;
  readonly measure: (context: Context) => Promise<Findings>;
}
