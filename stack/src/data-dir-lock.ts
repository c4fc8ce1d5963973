import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorCode } from './files';
import { processIdentity } from './processes';

/**
 * Makes this process the only one that runs a stack on the data directory. A lock whose process has ended, by
 * whatever way, is taken over.
 * @returns what gives the lock back
 * @throws {Error} when another process holds it
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = path.join(dataDir, 'stack.lock');
  const mine = `${process.pid} ${processIdentity(process.pid)}`;
  const draft = `${lock}.${process.pid}.tmp`;
  writeFileSync(draft, mine);
  try {
    // A link appears with its content in one step, and never over another.
    while (!linked(draft, lock)) {
      const theirs = contentOf(lock);
      const [pid = '', identity] = theirs.split(' ');
      if (identity !== undefined && processIdentity(Number(pid)) === identity && theirs !== mine) {
        throw new Error(
          `Another stack (process ${pid}) is running on ${dataDir}. Stop it, or choose another place with DATA_DIR=.data2 PORT=9090 npm start.`,
        );
      }
      if (theirs === mine) throw new Error(`This process is running a stack on ${dataDir} already.`);
      discardStale(lock, theirs);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (contentOf(lock) === mine) rmSync(lock, { force: true });
  };
}

/** Moves a stale lock away; puts it back when somebody else has taken it over in between. */
function discardStale(lock: string, content: string): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // Somebody else was faster.
  }
  if (contentOf(aside) !== content) linked(aside, lock);
  rmSync(aside, { force: true });
}

function linked(existing: string, link: string): boolean {
  try {
    linkSync(existing, link);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
