import { once } from 'node:events';
import { ProcessExit, RunningProcess } from './processes';
import { restartDelayMs, StartError, StoppedError, SupervisedProcess } from './supervisor';

/** A process in name only, which comes up and ends when the test says so. */
class FakeProcess implements RunningProcess {
  readonly port = 1;
  come: () => void = () => undefined;
  end: (exit: ProcessExit) => void = () => undefined;
  readonly ready = new Promise<void>((resolve) => {
    this.come = resolve;
  });
  readonly exited = new Promise<ProcessExit>((resolve) => {
    this.end = resolve;
  });

  constructor(readonly pid: number) {}

  async stop() {
    this.end({ code: 0, signal: null });
  }
}

const KILLED: ProcessExit = { code: null, signal: 'SIGKILL' };
const CRASHED: ProcessExit = { code: 1, signal: null };

describe('restartDelayMs', () => {
  it('is nothing for what was up, then grows to two seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 60].map(restartDelayMs)).toEqual([0, 100, 200, 400, 800, 1600, 2000, 2000]);
  });
});

describe('SupervisedProcess', () => {
  const lives = new EventTarget();
  let count: number;
  let lines: string[];
  let onGiveUp: jest.Mock;

  const supervise = (prepare: (process: FakeProcess) => void = () => undefined) => {
    const spec = {
      title: 'payment',
      attemptsMax: 3,
      describeLog: () => 'the end of its log',
      launch: async () => {
        count += 1;
        const process = new FakeProcess(count);
        prepare(process);
        return process;
      },
    };
    const events = {
      onLaunch: () => lives.dispatchEvent(new Event('launch')),
      onLine: (line: string) => lines.push(line),
      onGiveUp,
    };
    return new SupervisedProcess<FakeProcess>(spec, events);
  };

  beforeEach(() => {
    count = 0;
    lines = [];
    onGiveUp = jest.fn();
  });

  it('starts again, at once, what was up and ended, and says so', async () => {
    const supervised = supervise((process) => process.come());
    const first = await supervised.up;
    const launched = once(lives, 'launch');
    first.end(KILLED);
    await launched;
    expect(supervised.latest?.pid).toBe(2);
    await supervised.latest?.ready;
    await supervised.stop();
    expect(lines).toEqual([
      'payment ended (signal SIGKILL); starting it again',
      expect.stringContaining('payment is back'),
    ]);
  });

  it('gives up what ends three times before it is up, with the end of its log', async () => {
    const supervised = supervise((process) => process.end(CRASHED));
    await expect(supervised.up).rejects.toThrow(
      new StartError('payment does not start: exit code 1.\nthe end of its log'),
    );
    expect(count).toBe(3);
    expect(onGiveUp).not.toHaveBeenCalled();
  });

  it('does not try again what cannot use its configuration', async () => {
    const supervised = supervise((process) => process.end({ code: 78, signal: null }));
    await expect(supervised.up).rejects.toThrow('payment does not start: its configuration is not usable.');
    expect(count).toBe(1);
  });

  it('goes on trying what was up once', async () => {
    const supervised = supervise((process) => (process.pid === 1 ? process.come() : process.end(CRASHED)));
    const first = await supervised.up;
    const launches = (async () => {
      while (count < 5) await once(lives, 'launch');
    })();
    first.end(KILLED);
    await launches;
    await supervised.stop();
    expect(onGiveUp).not.toHaveBeenCalled();
  });

  it('can be stopped before it is up', async () => {
    const supervised = supervise();
    await supervised.stop();
    await expect(supervised.up).rejects.toThrow(StoppedError);
    expect(count).toBe(1);
  });
});
