import { OneQError } from '@oneq/contracts';
import { inContextOf } from '@oneq/service-kit';
import { Database, type Statement } from './database';
import { SharedTurns, Turns } from './turns';

/** One kind of command. */
interface Kind<Command, Row> {
  /**
   * Does what it can of many commands, and waits for no row that somebody else has locked. It answers a row, with the
   * command's number from 1 in `n`, for each command that was done; nothing came of the others.
   */
  readonly statement: Statement;
  /** The statement's values, which are arrays with an element a command. */
  readonly values: (commands: readonly Command[]) => readonly unknown[];
  /** Commands of the same key meet at the same row and are never put into one statement. */
  readonly key: (command: Command) => string;
  /** Does one command, or tells by undefined that it cannot be done. It has the last word on each. */
  readonly alone: (command: Command) => Promise<Row | undefined>;
}

interface Queued<Command, Row> {
  readonly command: Command;
  readonly alone: () => Promise<Row | undefined>;
  readonly resolve: (row: Row | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets simultaneous commands share a statement and its commit. What fails of a statement fails for no other command: each that
 * was not done is run alone, beside the others, for as long as it takes.
 */
export class GroupCommit<Command, Row extends object> {
  private readonly turns: SharedTurns<Queued<Command, Row>>;

  constructor(
    private readonly database: Database,
    private readonly kind: Kind<Command, Row>,
  ) {
    const key = ({ command }: Queued<Command, Row>) => kind.key(command);
    this.turns = new SharedTurns(database, () => new Turns((batch) => this.together(batch), key));
  }

  /**
   * The command's row; undefined when its statement's guard failed.
   * @throws what the statement of this command alone throws; SERVICE_UNAVAILABLE when the shared one was lost
   */
  run(command: Command): Promise<Row | undefined> {
    const alone = () => this.kind.alone(command);
    const turns = this.turns.current();
    if (!turns) return alone();
    return new Promise((resolve, reject) => {
      turns.add({ command, alone: inContextOf(alone), resolve, reject });
    });
  }

  private async together(batch: ReadonlyArray<Queued<Command, Row>>): Promise<void> {
    const done = new Map<number, Row>();
    try {
      const values = this.kind.values(batch.map(({ command }) => command));
      for (const row of await this.database.run<Row & { n: number }>(this.kind.statement, values)) done.set(row.n, row);
    } catch (error) {
      // Where the database is away, asking it for each would only add to its return.
      if (error instanceof OneQError) {
        for (const { reject } of batch) reject(error);
        return;
      }
      // Something in one of them broke all of them, and nothing was done.
    }
    batch.forEach(({ alone, resolve, reject }, i) => {
      const row = done.get(i + 1);
      if (row) resolve(row);
      else alone().then(resolve, reject);
    });
  }
}

/** Columns of these rows, of which there is at least one. */
export function transposed(rows: ReadonlyArray<readonly unknown[]>): unknown[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]));
}
