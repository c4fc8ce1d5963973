import { createHash } from 'node:crypto';
import { OneQError } from '@oneq/contracts';
import { databaseVariables, inTrace, readEnvironment } from '@oneq/service-kit';
import { createTestDatabase } from '@oneq/testing';
import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { connectAndMigrate, Database, dataSourceOptions } from './database';
import { CreateIdempotencyKeys, Once } from './once';

class CreateNotes1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE notes (id integer PRIMARY KEY, text text)');
  }
  async down(): Promise<void> {}
}

const INSERT = { name: 'insert-note', text: 'INSERT INTO notes VALUES ($1, $2)' };
const COUNT = { name: 'count-notes', text: 'SELECT count(*)::integer AS n FROM notes' };

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('a command under an Idempotency-Key', () => {
  let source: DataSource;
  let database: Database;
  let once: Once;
  beforeAll(async () => {
    const { url } = await createTestDatabase('payment');
    const migrations = [CreateNotes1700000000000, CreateIdempotencyKeys];
    const config = readEnvironment(databaseVariables, { DATABASE_URL: url });
    source = await connectAndMigrate(dataSourceOptions({ schema: 'payment', entities: [], migrations }, config));
    database = new Database(source);
    once = new Once(database);
  });
  afterAll(() => source.destroy());
  beforeEach(() => source.query('TRUNCATE notes, idempotency_keys'));

  /** A request as the gateway names it. */
  const asRequest = <T>(key: string, content: string, work: () => Promise<T>) =>
    inTrace(undefined, () => once.run(work), undefined, `${sha256(key)}.${sha256(content)}`);
  const note = (id: number, text: string) => async () => {
    await database.run(INSERT, [id, text]);
    return { id, text };
  };
  const notes = async () => (await database.run<{ n: number }>(COUNT, []))[0]?.n;
  const kept = async () => (await source.query('SELECT count(*)::integer AS n FROM idempotency_keys'))[0].n;

  it('is executed once, and answered the same again', async () => {
    const first = await asRequest('key', 'a', note(1, 'one'));
    expect(first).toEqual({ answer: { id: 1, text: 'one' }, replayed: false });
    expect(await asRequest('key', 'a', note(1, 'one'))).toEqual({ ...first, replayed: true });
    expect(await notes()).toBe(1);
  });

  it('is executed once, however many come at once; the others are told that it is running', async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => asRequest('key', 'a', note(1, 'one'))));
    const answers = all.map((one) => (one.status === 'fulfilled' ? one.value.answer : one.reason.code));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
      new Set(['{"id":1,"text":"one"}', '"IDEMPOTENCY_KEY_IN_USE"']),
    );
    expect(await notes()).toBe(1);
  });

  it('is refused for another request', async () => {
    await asRequest('key', 'a', note(1, 'one'));
    await expect(asRequest('key', 'b', note(2, 'two'))).rejects.toThrow('IDEMPOTENCY_KEY_REUSED');
    expect(await notes()).toBe(1);
  });

  it('leaves neither effect nor answer when it fails', async () => {
    const failing = asRequest('key', 'a', async () => {
      await note(1, 'one')();
      throw new Error('a bug');
    });
    await expect(failing).rejects.toThrow('a bug');
    expect(await notes()).toBe(0);
    expect(await kept()).toBe(0);
    expect(await asRequest('key', 'a', note(1, 'one'))).toMatchObject({ replayed: false });
  });

  it('leaves neither when the process dies before the commit', async () => {
    const dying = asRequest('key', 'a', async () => {
      await note(1, 'one')();
      // Kills this very connection from another one, as a crash would.
      const killed = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE state = 'idle in transaction' AND datname = current_database() AND usename = current_user`;
      await source.query(killed);
      return {};
    });
    await expect(dying).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await notes()).toBe(0);
    expect(await kept()).toBe(0);
  });

  it('keeps what a refusal had done before it, and is not kept itself', async () => {
    const refused = asRequest('key', 'a', async () => {
      await note(1, 'one')();
      throw new OneQError('PAYMENT_EXPIRED');
    });
    await expect(refused).rejects.toThrow('PAYMENT_EXPIRED');
    expect(await notes()).toBe(1);
    expect(await kept()).toBe(0);
  });

  it('goes on after a broken constraint', async () => {
    await note(1, 'one')();
    let told = 0;
    const { answer } = await asRequest('key', 'a', async () => {
      database.afterCommit(() => {
        told += 1;
      });
      const broken = await note(1, 'again')().catch((error: { constraint: string }) => error.constraint);
      await note(2, 'two')();
      return broken;
    });
    expect(answer).toBe('notes_pkey');
    expect(await notes()).toBe(2);
    expect(told).toBe(1);
  });

  it('tells others only what is committed', async () => {
    const told: string[] = [];
    await asRequest('key', 'a', async () => {
      database.afterCommit(() => told.push('committed'));
      expect(told).toEqual([]);
      return {};
    });
    expect(told).toEqual(['committed']);
    await asRequest('other', 'a', async () => {
      database.afterCommit(() => told.push('never'));
      throw new Error('a bug');
    }).catch(() => {});
    expect(told).toEqual(['committed']);
  });

  it('is forgotten after 15 days', async () => {
    await asRequest('key', 'a', note(1, 'one'));
    await asRequest('old', 'a', note(2, 'two'));
    await source.query(`UPDATE idempotency_keys SET created_at = now() - interval '15 days'`);
    expect(await asRequest('key', 'b', note(3, 'three'))).toMatchObject({ replayed: false });
    expect(await kept()).toBe(1); // the other one was cleared away
  });

  it('is simply executed without a key', async () => {
    expect(await once.run(note(1, 'one'))).toEqual({ answer: { id: 1, text: 'one' }, replayed: false });
    expect(await kept()).toBe(0);
  });

  describe('that meets others', () => {
    /** Transactions by which the notes were written, in the notes' order. */
    const transactions = async (): Promise<string[]> =>
      (await source.query('SELECT xmin::text AS x FROM notes ORDER BY id')).map(({ x }: { x: string }) => x);
    const numbers = [1, 2, 3, 4, 5];
    /** The notes 1 to 5, each under a key of its own; the third is another work. */
    const five = (third: () => Promise<unknown>) =>
      Promise.allSettled(
        numbers.map((id) => asRequest(`key ${id}`, 'a', id === 3 ? third : (note(id, `note ${id}`) as never))),
      );
    const codes = (outcomes: Array<PromiseSettledResult<unknown>>) =>
      outcomes.map((outcome) =>
        outcome.status === 'fulfilled' ? 'done' : (outcome.reason.code ?? outcome.reason.message),
      );

    it('shares their transaction', async () => {
      expect(codes(await five(note(3, 'three')))).toEqual(Array(5).fill('done'));
      expect(new Set(await transactions()).size).toBe(1);
      expect(await kept()).toBe(5);
      for (const outcome of await five(note(3, 'three'))) expect(outcome).toMatchObject({ value: { replayed: true } });
      expect(await notes()).toBe(5);
    });

    it('is refused without undoing them', async () => {
      const refused = await five(async () => {
        await note(3, 'three')();
        throw new OneQError('PAYMENT_EXPIRED');
      });
      expect(codes(refused)).toEqual(['done', 'done', 'PAYMENT_EXPIRED', 'done', 'done']);
      expect(new Set(await transactions()).size).toBe(1);
      expect(await notes()).toBe(5);
      expect(await kept()).toBe(4);
    });

    it('fails alone, and leaves nothing', async () => {
      const failed = await five(async () => {
        await note(3, 'three')();
        throw new Error('a bug');
      });
      expect(codes(failed)).toEqual(['done', 'done', 'a bug', 'done', 'done']);
      expect(await notes()).toBe(4);
      expect(await kept()).toBe(4);
    });

    it('goes on alone after a broken constraint', async () => {
      const outcomes = await five(async () => {
        await note(9, 'nine')();
        const broken = await note(9, 'again')().catch((error: { constraint: string }) => error.constraint);
        await note(3, 'three')();
        return broken;
      });
      expect(outcomes[2]).toMatchObject({ value: { answer: 'notes_pkey', replayed: false } });
      expect(codes(outcomes)).toEqual(Array(5).fill('done'));
      expect(await notes()).toBe(6);
      expect(await kept()).toBe(5);
    });

    it('waits alone for what somebody else has locked', async () => {
      const holder = source.createQueryRunner();
      await holder.query('BEGIN; INSERT INTO notes VALUES (3)');
      const done: number[] = [];
      const all = numbers.map((id) =>
        asRequest(`key ${id}`, 'a', note(id, 'mine')).then(
          () => void done.push(id),
          () => void done.push(-id),
        ),
      );
      await Promise.all(all.filter((_, i) => i !== 2));
      expect(done.toSorted()).toEqual([1, 2, 4, 5]);
      await holder.query('ROLLBACK');
      await Promise.all(all);
      await holder.release();
      expect(done[4]).toBe(3);
    });

    it('is told when nobody waits for it any more, and they are executed', async () => {
      const late = inTrace(undefined, () => once.run(note(9, 'late')), Date.now() - 1, `${sha256('l')}.${sha256('a')}`);
      const [first, second] = [asRequest('key 1', 'a', note(1, 'one')), late.catch((error: OneQError) => error.code)];
      expect(await first).toMatchObject({ replayed: false });
      expect(await second).toBe('SERVICE_UNAVAILABLE');
      expect(await notes()).toBe(1);
    });

    it('is told with them that the connection was lost, and asked again is executed once', async () => {
      const outcomes = await five(async () => {
        await source.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE state = 'idle in transaction' AND datname = current_database() AND usename = current_user`,
        );
        return {};
      });
      expect(new Set(codes(outcomes))).toEqual(new Set(['SERVICE_UNAVAILABLE']));
      expect(await notes()).toBe(0);
      expect(codes(await five(note(3, 'three')))).toEqual(Array(5).fill('done'));
      expect(await notes()).toBe(5);
    });
  });
});

describe('a transaction whose work passed over a failed statement', () => {
  it('is not told as done: PostgreSQL took back all of it', async () => {
    const { url } = await createTestDatabase('payment');
    const migrations = [CreateNotes1700000000000];
    const config = readEnvironment(databaseVariables, { DATABASE_URL: url });
    const source = await connectAndMigrate(dataSourceOptions({ schema: 'payment', entities: [], migrations }, config));
    const database = new Database(source);
    const holder = source.createQueryRunner();
    await holder.query('BEGIN; INSERT INTO notes VALUES (1)');
    const done = database.inTransaction(async () => {
      await database.run(INSERT, [2, 'two']);
      await database.run(INSERT, [1, 'waits for the lock']).catch(() => {});
    });
    await expect(done).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    await holder.query('ROLLBACK');
    await holder.release();
    expect(await database.run(COUNT, [])).toEqual([{ n: 0 }]);
    await source.destroy();
  });
});
