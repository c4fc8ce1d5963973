import { statSync } from 'node:fs';
import { PostgresBinaries } from './postgres-binaries';
import { closedParent, UNPRIVILEGED_ID } from './postgres-home';

/** Whom a program of PostgreSQL runs as; ourselves where it does not say. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * Whom the server of a new cluster runs as: nobody when we are root, else ourselves.
 * @throws {Error} when that user may not go there
 */
export function identityFor(dataDir: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const closed = closedParent(dataDir);
  if (closed !== undefined) {
    throw new Error(
      `PostgreSQL cannot run as root, and user ${UNPRIVILEGED_ID} may not enter ${closed} on the way to ${dataDir}.`,
    );
  }
  return { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID };
}

/** A cluster that another user made (the project was run without root before) is served as that user. */
export function ownerOf(dataDir: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const { uid, gid } = statSync(dataDir);
  return uid === 0 ? identityFor(dataDir) : { uid, gid };
}

/** What every program of PostgreSQL is started with. */
export function processOptions(binaries: PostgresBinaries, identity: Identity) {
  return {
    ...identity,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: `${binaries.directory}/lib` },
  };
}
