import { unavailable } from '@oneq/contracts';
import type { Database } from './database';
import { GroupRead } from './group-read';

interface Found {
  readonly text: string;
}

/** A database whose statement answers when it is told to, and what it was asked. */
class Looks {
  readonly asked: string[][] = [];
  transaction: { kind: 'plain' } | undefined;
  /** What the statement finds; throws for all of its queries. */
  outcome: (queries: readonly string[]) => Array<Found & { n: number }> = (queries) =>
    queries.flatMap((query, i) => [...query].map((text) => ({ n: i + 1, text })));
  private readonly waiting: Array<() => void> = [];
  readonly reads: GroupRead<string, Found>;

  constructor() {
    const run = async (_statement: unknown, [queries]: [string[]]) => {
      this.asked.push(queries);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
      return this.outcome(queries);
    };
    const looks = this;
    const database = {
      run,
      get transaction() {
        return looks.transaction;
      },
    };
    this.reads = new GroupRead(database as unknown as Database, {
      statement: { name: 'looks', text: '' },
      values: (queries) => [queries],
    });
  }

  /** Lets all statements that are under way answer, and what follows from it happen. */
  async answer(): Promise<void> {
    for (const resolve of this.waiting.splice(0)) resolve();
    await aMoment();
  }
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const texts = (rows: readonly Found[]) => rows.map(({ text }) => text).join('');

describe('looks that share a statement', () => {
  let looks: Looks;
  beforeEach(() => {
    looks = new Looks();
  });

  it('get each its own rows, in their order, and none where there are none', async () => {
    const all = Promise.all(['abc', '', 'd'].map((query) => looks.reads.rows(query)));
    await aMoment();
    await looks.answer();
    expect((await all).map(texts)).toEqual(['abc', '', 'd']);
    expect(looks.asked).toEqual([['abc', '', 'd']]);
  });

  it('see what was there when they began: none joins a statement that is under way', async () => {
    const first = looks.reads.row('a');
    await aMoment();
    const second = looks.reads.row('b');
    await looks.answer();
    expect(looks.asked).toEqual([['a'], ['b']]);
    await looks.answer();
    expect([await first, await second]).toEqual([
      { n: 1, text: 'a' },
      { n: 1, text: 'b' },
    ]);
  });

  it('are at most 64', async () => {
    const all = Promise.all(Array.from({ length: 70 }, () => looks.reads.rows('x')));
    await aMoment();
    await looks.answer();
    await looks.answer();
    expect(looks.asked.map(({ length }) => length)).toEqual([64, 6]);
    expect((await all).map(texts)).toEqual(Array(70).fill('x'));
  });

  it('fail each for itself when something in one of them breaks the statement', async () => {
    looks.outcome = (queries) => {
      if (queries.includes('bad')) throw new Error('cannot look for this');
      return [{ n: 1, text: 'found' }];
    };
    const all = Promise.allSettled(['good', 'bad', 'fine'].map((query) => looks.reads.row(query)));
    await aMoment();
    await looks.answer();
    await looks.answer();
    expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(looks.asked).toEqual([['good', 'bad', 'fine'], ['good'], ['bad'], ['fine']]);
  });

  it('are all told when the database is away, which is not asked again', async () => {
    looks.outcome = () => {
      throw unavailable('final');
    };
    const all = Promise.allSettled(['a', 'b'].map((query) => looks.reads.row(query)));
    await aMoment();
    await looks.answer();
    expect((await all).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(looks.asked).toHaveLength(1);
  });

  it('stay alone within a transaction, which sees what nobody else does', async () => {
    const outside = looks.reads.rows('out');
    looks.transaction = { kind: 'plain' };
    const inside = looks.reads.rows('in');
    await aMoment();
    await looks.answer();
    expect([await outside, await inside].map(texts)).toEqual(['out', 'in']);
    expect(looks.asked.sort()).toEqual([['in'], ['out']]);
  });
});
