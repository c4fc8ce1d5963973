import { OneQError } from '@oneq/contracts';
import type { Database, Statement } from './database';
import { SharedTurns, Turns } from './turns';

/** One kind of look into the database. */
interface Kind<Query> {
  /** Answers many queries: each row carries the number of its query, from 1, in `n`; of a query's rows the order counts. */
  readonly statement: Statement;
  /** The statement's values, which are arrays with an element a query. */
  readonly values: (queries: readonly Query[]) => readonly unknown[];
}

interface Queued<Query, Row> {
  readonly query: Query;
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Lets simultaneous looks of one kind share a statement: most of what a small one costs is its way to the database and back. */
export class GroupRead<Query, Row extends object> {
  private readonly turns: SharedTurns<Queued<Query, Row>>;

  constructor(
    private readonly database: Database,
    private readonly kind: Kind<Query>,
  ) {
    this.turns = new SharedTurns(database, () => new Turns((batch) => this.together(batch)));
  }

  /** The query's rows. @throws what the statement throws for this query alone; SERVICE_UNAVAILABLE when it was lost */
  async rows(query: Query): Promise<Row[]> {
    const turns = this.turns.current();
    if (!turns) return this.read([query]);
    return new Promise((resolve, reject) => {
      turns.add({ query, resolve, reject });
    });
  }

  /** The query's first row. @throws as {@link rows} */
  async row(query: Query): Promise<Row | undefined> {
    return (await this.rows(query))[0];
  }

  private async together(batch: ReadonlyArray<Queued<Query, Row>>): Promise<void> {
    try {
      const found = batch.map((): Row[] => []);
      for (const row of await this.read(batch.map(({ query }) => query))) found[row.n - 1]?.push(row);
      batch.forEach(({ resolve }, i) => {
        resolve(found[i] ?? []);
      });
    } catch (error) {
      // Something in one of them broke all of them; where the database is away, asking it for each would only add to its return.
      const isShared = error instanceof OneQError || batch.length === 1;
      for (const { query, resolve, reject } of batch) {
        if (isShared) reject(error);
        else this.read([query]).then(resolve, reject);
      }
    }
  }

  private read(queries: readonly Query[]): Promise<Array<Row & { n: number }>> {
    return this.database.run<Row & { n: number }>(this.kind.statement, this.kind.values(queries));
  }
}
