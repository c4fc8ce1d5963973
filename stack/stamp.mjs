import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** What the build reads: a change in any of these makes it stale. */
const SOURCES = [
  'apps',
  'libs',
  'stack',
  'bench',
  'audit',
  'deploy',
  'tsconfig.json',
  'nest-cli.json',
  '.swcrc',
  'package-lock.json',
];

/**
 * A hash over names, sizes and modification times of everything that the build reads; the same while nothing changed.
 * @param {string} root the project's folder
 */
export function sourceStamp(root) {
  const hash = createHash('sha256');
  const visit = (name) => {
    const file = path.join(root, name);
    if (!existsSync(file)) return;
    const stats = statSync(file);
    if (stats.isDirectory()) for (const child of readdirSync(file).sort()) visit(path.join(name, child));
    else hash.update(`${name}\0${stats.size}\0${stats.mtimeMs}\n`);
  };
  SOURCES.forEach(visit);
  return hash.digest('hex');
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the record that npm leaves when it has finished; so
 * an install by hand counts as well, and one that was interrupted does not. Packages for other platforms and
 * peers that nobody needs may lack.
 * @param {string} root the project's folder
 */
export function isInstalled(root) {
  const wanted = packagesOf(path.join(root, 'package-lock.json'));
  const present = packagesOf(path.join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted).every(([location, { version, integrity, link, ...kind }]) => {
    const found = present[location];
    if (location === '' || link) return true;
    if (!found) return (kind.optional || kind.peer || kind.extraneous) && Object.keys(present).length > 0;
    return found.version === version && (!found.integrity || !integrity || found.integrity === integrity);
  });
}

function packagesOf(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : {};
}
