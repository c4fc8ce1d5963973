import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

/** The "nobody" of every Unix: PostgreSQL refuses to run as root, and no user is created on somebody's machine. */
export const UNPRIVILEGED_ID = 65_534;

/** Where a stack's database lies. */
export interface PostgresHome {
  readonly directory: string;
  /** A sentence for the terminal when that is not below the data directory. */
  readonly note?: string;
}

/**
 * The directory for the database of the stack at `dataDir`. It is `postgres` below that, unless root runs the stack
 * where the unprivileged user may not enter (a project below /root): then it is below `outside`, named after
 * `dataDir`. A data directory that was moved takes its database along; a copied one starts with an empty database,
 * because two servers on one directory would destroy it.
 * @throws {Error} when the database is at a place that has become closed to PostgreSQL's user
 */
export function postgresHome(dataDir: string, outside = '/var/lib/oneq-pay'): PostgresHome {
  const own = path.join(dataDir, 'postgres');
  if (process.getuid?.() !== 0 || closedParent(own) === undefined) return { directory: own };
  if (existsSync(path.join(own, 'PG_VERSION'))) {
    throw new Error(
      `The database in ${own} can no longer be reached by PostgreSQL's user: ${closedParent(own)} is closed to it. ` +
        'Open that folder (chmod a+x) or move the data directory.',
    );
  }

  const real = realpathSync(dataDir);
  const home = path.join(outside, createHash('sha256').update(real).digest('hex').slice(0, 16));
  const pointer = path.join(dataDir, 'postgres.path');
  const pointed = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : undefined;
  mkdirSync(outside, { recursive: true });
  chmodSync(outside, 0o755);
  if (pointed !== home) {
    setAside(home);
    if (pointed !== undefined && existsSync(pointed) && !existsSync(ownerOf(pointed))) renameSync(pointed, home);
  }
  mkdirSync(home, { recursive: true });
  chmodSync(home, 0o755);
  writeFileSync(path.join(home, 'data-dir'), `${real}\n`);
  writeFileSync(pointer, `${home}\n`);
  return {
    directory: path.join(home, 'postgres'),
    note: `The database is in ${home}: PostgreSQL does not run as root, and ${closedParent(own)} is closed to other users.`,
  };
}

/** The nearest existing folder above `file` that the unprivileged user may not pass; undefined when all are open. */
export function closedParent(file: string, id = UNPRIVILEGED_ID): string | undefined {
  const parent = path.dirname(path.resolve(file));
  if (!existsSync(parent)) return closedParent(parent, id);
  for (let folder = realpathSync(parent); ; folder = path.dirname(folder)) {
    if (!mayEnter(statSync(folder), id)) return folder;
    if (folder === path.dirname(folder)) return undefined;
  }
}

function mayEnter(stats: Stats, id: number): boolean {
  if (stats.uid === id) return (stats.mode & 0o100) !== 0;
  if (stats.gid === id) return (stats.mode & 0o010) !== 0;
  return (stats.mode & 0o001) !== 0;
}

/** The database of a data directory that was removed from this place is out of the way, but not yet gone. */
function setAside(home: string): void {
  if (!existsSync(home)) return;
  rmSync(`${home}.removed`, { recursive: true, force: true });
  renameSync(home, `${home}.removed`);
}

function ownerOf(home: string): string {
  const file = path.join(home, 'data-dir');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : home;
}
