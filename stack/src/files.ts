import { closeSync, existsSync, fstatSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Bytes from the end of a log that {@link tailOf} looks at. */
const TAIL_BYTES = 16_384;

/** Writes a file that only its owner may read; a reader sees the old content or the new, never a part. */
export function writePrivateFile(file: string, content: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, content, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}

/** The last lines of a text file; empty when there is no such file. */
export function tailOf(file: string, lines: number): string {
  if (!existsSync(file)) return '';
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(descriptor, tail, 0, tail.length, size - tail.length);
    return tail.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    closeSync(descriptor);
  }
}

/** Keeps the previous run's log as `<file>.1`, so that a restart does not bury why the last run ended. */
export function rotateLog(file: string): void {
  if (existsSync(file)) renameSync(file, `${file}.1`);
}

/** The system's code of an error, `EEXIST`; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Where programs are kept that any stack of this user may run. */
export function sharedCacheDirectory(): string {
  // Root's own cache would be closed to the unprivileged user that PostgreSQL runs as.
  if (process.getuid?.() === 0) return '/var/cache/oneq-pay';
  return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'oneq-pay');
}
