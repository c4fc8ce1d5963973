/** Header in which an answer names the process that gave it, and the last part of the subjects that it alone hears. */
export const PROCESS_HEADER = 'process';
/** What one process has to answer at a time before others are asked: as much as one statement of it takes. */
export const UNANSWERED_MAX = 64;

/** A process of a service, as far as one who asks it knows. */
export interface AskedProcess {
  readonly id: string;
  /** Questions that it has and that are not answered. */
  unanswered: number;
}

/**
 * Prefers one process of a service for as long as it keeps up. Commands that meet in one process share a statement and a commit,
 * which those that are spread over three do not, and code that runs often is fast; the others help as soon as there is more
 * to do than one takes at a time. (`docs/adr/0018-one-process-while-it-keeps-up.md`)
 */
export class Affinity {
  private preferred: AskedProcess | undefined;

  /** @param unansweredMax most that the preferred process has to answer at a time; with 0 none is ever preferred */
  constructor(private readonly unansweredMax: number) {}

  /** Who is to be asked next; undefined for whomever NATS picks. */
  next(): AskedProcess | undefined {
    return this.preferred && this.preferred.unanswered < this.unansweredMax ? this.preferred : undefined;
  }

  /** A process has answered; it is the preferred one unless there is one. */
  answeredBy(id: string): void {
    this.preferred ??= { id, unanswered: 0 };
  }

  /** It is gone, or has not answered in time; whoever answers next is preferred. */
  forget(process: AskedProcess): void {
    if (this.preferred === process) this.preferred = undefined;
  }
}
