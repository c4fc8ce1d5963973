import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from '../../stack/src/ports';
import { endChild, exitOf } from '../../stack/src/processes';
import { projectRoot } from '../../stack/src/project';
import { median, withSpread } from '../measure';
import { fact, goal } from '../report';
import type { Section } from '../section';

const ROUNDS = 3;
const READY_S_MAX = 4;

/** From `npm start` in a built tree until it says that a payment can be made; with a new database, and again. */
export const STARTUP: Section = {
  name: 'startup',
  async measure({ progress }) {
    const first: number[] = [];
    const again: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      progress(`round ${round} of ${ROUNDS}`);
      const dataDir = mkdtempSync(path.join(tmpdir(), 'oneq-bench-'));
      chmodSync(dataDir, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
      try {
        first.push(await secondsToReady(dataDir));
        again.push(await secondsToReady(dataDir));
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    }
    return {
      rows: [
        goal('built tree to ready, new database', median(first), ['<', READY_S_MAX], ' s'),
        goal('built tree to ready, database there', median(again), ['<', READY_S_MAX], ' s'),
        fact('spread, s', `${withSpread(first, 1)} / ${withSpread(again, 1)}`),
      ],
      data: { first, again },
    };
  },
};

async function secondsToReady(dataDir: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [path.join('stack', 'bootstrap.mjs'), 'start'], {
    cwd: projectRoot(),
    env: { ...process.env, DATA_DIR: dataDir, PORT: String(await freePort()) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = exitOf(child);
  try {
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith('ready: ')) return (performance.now() - begun) / 1_000;
    }
    throw new Error('the stack did not start');
  } finally {
    await endChild(child, exited, [['SIGTERM', 20_000]]);
  }
}
