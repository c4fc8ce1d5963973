import { setTimeout as delay } from 'node:timers/promises';
import { describeExit, RunningProcess } from './processes';

/** A process that cannot be brought up; the message is for the person at the terminal. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The stack was told to stop before it was up. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
}

export interface SupervisedSpec<P extends RunningProcess = RunningProcess> {
  /** What it is called on the terminal: "payment 2". */
  readonly title: string;
  /** Starts it once more; rejects when it ended before there was a process to watch. */
  readonly launch: () => Promise<P>;
  /** Times that it may fail to come up the first time. */
  readonly attemptsMax: number;
  /** The end of its log and where that is, for the message when it is given up. */
  readonly describeLog: () => string;
}

export interface SupervisorEvents {
  /** A process has a new pid or port. */
  readonly onLaunch: () => void;
  readonly onLine: (line: string) => void;
  /** It was up before and cannot be brought up again. */
  readonly onGiveUp: (error: StartError) => void;
}

/** Exit code of a service whose configuration is wrong: starting it again cannot help. */
const EXIT_CONFIGURATION = 78;

const RESTART_DELAY_MS = 100;
const RESTART_DELAY_MAX_MS = 2_000;

/**
 * Time in ms before the next start, after this many lives in a row that ended before the process was up. What was up
 * is started again at once.
 */
export function restartDelayMs(failures: number): number {
  if (failures === 0) return 0;
  return Math.min(RESTART_DELAY_MS * 2 ** (failures - 1), RESTART_DELAY_MAX_MS);
}

/** Keeps one process running: starts it, and starts it again whenever it ends, until it is stopped. */
export class SupervisedProcess<P extends RunningProcess = RunningProcess> {
  /** Its latest process, running or not. */
  latest: P | undefined;
  /** Resolves when it is up for the first time; rejects with {@link StartError} or {@link StoppedError}. */
  readonly up: Promise<P>;

  private readonly stopped = new AbortController();
  private readonly finished: Promise<void>;
  private launching: Promise<P | undefined> = Promise.resolve(undefined);
  private wasUp = false;

  constructor(
    private readonly spec: SupervisedSpec<P>,
    private readonly events: SupervisorEvents,
  ) {
    let resolveUp: (process: P) => void = () => undefined;
    let rejectUp: (error: Error) => void = () => undefined;
    this.up = new Promise<P>((resolve, reject) => {
      resolveUp = resolve;
      rejectUp = reject;
    });
    // Whoever starts several of these looks at the first failure only.
    this.up.catch(() => undefined);
    this.finished = this.run(resolveUp).then(
      () => rejectUp(new StoppedError(`${spec.title} was stopped.`)),
      (error: StartError) => {
        rejectUp(error);
        if (this.wasUp) events.onGiveUp(error);
      },
    );
  }

  /** Ends the process and resolves when it has ended. */
  async stop(): Promise<void> {
    this.stopped.abort();
    await this.launching.catch(() => undefined);
    await this.latest?.stop();
    await this.finished;
  }

  private async run(resolveUp: (process: P) => void): Promise<void> {
    let failures = 0;
    while (!this.stopped.signal.aborted) {
      const startedAt = performance.now();
      const end = await this.live((process) => {
        if (this.wasUp) this.events.onLine(`${this.spec.title} is back (${seconds(performance.now() - startedAt)})`);
        this.wasUp = true;
        resolveUp(process);
      });
      if (this.stopped.signal.aborted) return;

      failures = end.cameUp ? 0 : failures + 1;
      if (end.final || (!this.wasUp && failures >= this.spec.attemptsMax)) {
        throw new StartError(`${this.spec.title} does not start: ${end.reason}.\n${this.spec.describeLog()}`.trimEnd());
      }
      const wait = restartDelayMs(failures);
      this.events.onLine(
        `${this.spec.title} ended (${end.reason}); starting it again${wait > 0 ? ` in ${seconds(wait)}` : ''}`,
      );
      await delay(wait, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  private async live(onUp: (process: P) => void): Promise<{ cameUp: boolean; final: boolean; reason: string }> {
    let running: P;
    try {
      this.launching = this.spec.launch();
      running = await (this.launching as Promise<P>);
    } catch (error) {
      return { cameUp: false, final: error instanceof StartError, reason: messageOf(error) };
    }
    this.latest = running;
    this.events.onLaunch();
    const cameUp = await Promise.race([running.ready.then(() => true), running.exited.then(() => false)]);
    if (cameUp) onUp(running);
    const exit = await running.exited;
    if (exit.code === EXIT_CONFIGURATION) return { cameUp, final: true, reason: 'its configuration is not usable' };
    return { cameUp, final: false, reason: describeExit(exit) };
  }
}

/** "0.7 s" */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
