import path from 'node:path';
import { parseOptions, StackOptions } from './options';
import { Stack } from './stack';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * A terminal sends Ctrl-C to npm and to us, and npm passes its own on: what follows the first within this time, in
 * ms, is the same keypress.
 */
const SAME_KEYPRESS_MS = 500;
const PARENT_POLL_MS = 100;

/** Exit code of what a second Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

/**
 * What `npm start` does: runs a stack until it is told to stop.
 * @returns the exit code: 0 after a stop, 1 when the stack could not be started or kept up, 130 after a hard stop
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(process.env, args);
    return await run(new Stack({ ...options, progress: (line) => console.log(line) }), options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function run(stack: Stack, options: StackOptions): Promise<number> {
  let stoppedAt: number | undefined;
  let killed = false;
  const stopRequested = new Promise<undefined>((resolve) => {
    const onRequest = () => {
      if (stoppedAt === undefined) {
        stoppedAt = Date.now();
        console.log('Stopping');
        resolve(undefined);
      } else if (Date.now() - stoppedAt > SAME_KEYPRESS_MS) {
        killed = true;
        void stack.kill();
      }
    };
    for (const signal of STOP_SIGNALS) process.on(signal, onRequest);
    whenParentIsGone(onRequest);
  });

  try {
    const started = stack.start().then(() => {
      printReady(options);
      return stack.failed;
    });
    const failure = await Promise.race([started, stopRequested]);
    if (failure) throw failure;
  } finally {
    await stack.stop();
  }
  return killed ? EXIT_INTERRUPTED : 0;
}

function printReady({ publicUrl, dataDir, mode }: StackOptions): void {
  const lines = [
    '',
    `OneQ Pay is running in ${mode} mode.`,
    `  API documents  ${publicUrl}/docs`,
    `  data           ${dataDir}`,
    `  logs           ${path.join(dataDir, 'logs')}`,
    '  stop           Ctrl-C',
    '',
    `ready: ${publicUrl}`,
  ];
  console.log(lines.join('\n'));
}

/** npm passes SIGTERM on, but it cannot pass on that it was killed. */
function whenParentIsGone(act: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    act();
  }, PARENT_POLL_MS);
  timer.unref();
}
