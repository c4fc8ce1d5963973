import { OneQError, unavailable } from '@oneq/contracts';
import { inTrace, traceId } from '@oneq/service-kit';
import type { Database } from './database';
import { GroupCommit, transposed } from './group-commit';

interface Command {
  readonly key: string;
  readonly amount: number;
}
interface Done {
  readonly amount: number;
}

/** Statements that answer when they are told to, and what each was asked to do. */
class Statements {
  readonly together: Command[][] = [];
  readonly alone: Array<{ command: Command; trace: string | undefined }> = [];
  /** What the shared statement does of its commands; throws for all of them. */
  outcome: (commands: readonly Command[]) => Array<Done & { n: number }> = (commands) =>
    commands.map(({ amount }, i) => ({ n: i + 1, amount }));
  private readonly waiting: Array<() => void> = [];

  readonly group = new GroupCommit<Command, Done>(
    {
      transaction: undefined,
      run: async (_statement: unknown, [commands]: [Command[]]) => {
        this.together.push(commands);
        await new Promise<void>((resolve) => this.waiting.push(resolve));
        return this.outcome(commands);
      },
    } as unknown as Database,
    {
      statement: { name: 'together', text: '' },
      values: (commands) => [commands],
      key: ({ key }) => key,
      alone: async (command) => {
        this.alone.push({ command, trace: traceId() });
        if (command.amount < 0) throw new OneQError('INSUFFICIENT_FUNDS');
        return command.amount === 0 ? undefined : { amount: command.amount };
      },
    },
  );

  /** Lets the shared statement that is under way answer, and what follows from it happen. */
  async answer(): Promise<void> {
    this.waiting.shift()?.();
    await aMoment();
  }
}

function aMoment(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a group commit', () => {
  let statements: Statements;
  let number = 0;
  beforeEach(() => {
    statements = new Statements();
  });
  function command(amount: number, key?: string): Command {
    number += 1;
    return { key: key ?? `key-${number}`, amount };
  }

  it('sends a command that meets no other as soon as all that this moment brings are here', async () => {
    const done = statements.group.run(command(7));
    await aMoment();
    expect(statements.together).toHaveLength(1);
    await statements.answer();
    expect(await done).toEqual({ n: 1, amount: 7 });
  });

  it('puts what arrives at the same moment into one statement', async () => {
    const all = [1, 2, 3].map((amount) => statements.group.run(command(amount)));
    await aMoment();
    expect(statements.together.map((commands) => commands.length)).toEqual([3]);
    await statements.answer();
    expect((await Promise.all(all)).map((row) => row?.amount)).toEqual([1, 2, 3]);
  });

  it('puts what arrives meanwhile into the next statement, and gives each its own row', async () => {
    const first = statements.group.run(command(1));
    await aMoment();
    const rest = [2, 3, 4].map((amount) => statements.group.run(command(amount)));
    await statements.answer();
    expect(statements.together.map((commands) => commands.length)).toEqual([1, 3]);
    await statements.answer();
    expect((await Promise.all([first, ...rest])).map((row) => row?.amount)).toEqual([1, 2, 3, 4]);
    expect(statements.alone).toEqual([]);
  });

  it('never puts two commands of one key into one statement, nor more than 64', async () => {
    void statements.group.run(command(1));
    await aMoment();
    for (let i = 0; i < 3; i += 1) void statements.group.run(command(1, 'the same'));
    for (let i = 0; i < 70; i += 1) void statements.group.run(command(1));
    for (let i = 0; i < 5; i += 1) await statements.answer();
    expect(statements.together.map((commands) => commands.length)).toEqual([1, 64, 8, 1]);
    for (const commands of statements.together)
      expect(new Set(commands.map(({ key }) => key)).size).toBe(commands.length);
  });

  it('asks alone for each that was not done, and what fails there fails for no other', async () => {
    statements.outcome = (commands) => commands.flatMap(({ amount }, i) => (amount > 5 ? [{ n: i + 1, amount }] : []));
    void statements.group.run(command(9));
    await aMoment();
    const all = Promise.allSettled([6, 5, 0, -1, 7].map((amount) => statements.group.run(command(amount))));
    await statements.answer();
    await statements.answer();
    expect(await all).toMatchObject([
      { value: { amount: 6 } },
      { value: { amount: 5 } },
      { value: undefined, status: 'fulfilled' },
      { reason: { code: 'INSUFFICIENT_FUNDS' } },
      { value: { amount: 7 } },
    ]);
    expect(statements.alone.map(({ command: { amount } }) => amount)).toEqual([5, 0, -1]);
  });

  it('asks alone for all when something in one of them broke the statement', async () => {
    statements.outcome = () => {
      throw new Error('value too long');
    };
    const done = statements.group.run(command(3));
    await aMoment();
    await statements.answer();
    expect(await done).toEqual({ amount: 3 });
  });

  it('tells all of them when the database is away, and asks it nothing more', async () => {
    statements.outcome = () => {
      throw unavailable('unknown', 'connection lost');
    };
    const done = statements.group.run(command(3));
    await aMoment();
    await statements.answer();
    // Nothing was done for certain, so nobody may call it final.
    await expect(done).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'unknown' });
    expect(statements.alone).toEqual([]);
    statements.outcome = () => [{ n: 1, amount: 4 }];
    const next = statements.group.run(command(4));
    await aMoment();
    await statements.answer();
    expect(await next).toMatchObject({ amount: 4 });
  });

  it('asks alone in the trace of the command itself', async () => {
    statements.outcome = () => [];
    const trace = '0af7651916cd43dd8448eb211c80319c';
    void statements.group.run(command(1));
    await aMoment();
    const done = inTrace(`00-${trace}-b7ad6b7169203331-01`, () => statements.group.run(command(1)));
    await statements.answer();
    await statements.answer();
    await done;
    expect(statements.alone[1]?.trace).toBe(trace);
  });
});

describe('transposed rows', () => {
  it('are columns', () => {
    expect(
      transposed([
        [1, 'a', null],
        [2, 'b', 'c'],
      ]),
    ).toEqual([
      [1, 2],
      ['a', 'b'],
      [null, 'c'],
    ]);
  });
});
