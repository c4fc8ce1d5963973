import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { errorCode, sharedCacheDirectory } from './files';

export interface LocateOptions {
  /** Where a downloaded program is kept; the user's cache when not given. */
  readonly cacheDir?: string;
  /** Told in a sentence when something has to be downloaded. */
  readonly progress?: (line: string) => void;
  /** Gives a download up when aborted. */
  readonly signal?: AbortSignal;
}

/** The release fetched where there is no Debian package. */
const RELEASE = 'v2.11.8';
const RELEASE_URL = `https://github.com/nats-io/nats-server/releases/download/${RELEASE}`;
const DOWNLOAD_TIMEOUT_MS = 120_000;

const run = promisify(execFile);

/**
 * The path of a nats-server program: the one that `NATS_SERVER` names, one in `PATH`, one downloaded before, else a
 * download from Debian's archive (verified by apt) or of the official release, checked against the SHA256SUMS file
 * that is published beside it over HTTPS. Nothing is installed on the machine, and no root is needed.
 * @throws {Error} that says what to install when there is none
 */
export async function locateNatsServer(options: LocateOptions = {}): Promise<string> {
  const { cacheDir = sharedCacheDirectory(), progress, signal } = options;
  const named = process.env.NATS_SERVER;
  if (named) {
    if (!isProgram(named)) throw new Error(`NATS_SERVER names no program that can be run: ${named}`);
    return named;
  }
  const cached = path.join(cacheDir, 'nats-server');
  const present = [...searchPath(), cached].find(isProgram);
  if (present) return present;

  progress?.('nats-server is not installed: downloading it');
  mkdirSync(cacheDir, { recursive: true });
  const reasons: string[] = [];
  for (const download of [downloadDebianPackage, downloadRelease]) {
    const folder = mkdtempSync(path.join(cacheDir, 'nats-download-'));
    try {
      const program = await download(folder, signal);
      await run(program, ['--version']);
      renameSync(program, cached);
      return cached;
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new Error(
    `There is no nats-server on this machine, and it could not be downloaded. Install it (${installHint()}), or name ` +
      `its path with NATS_SERVER, or a running server with NATS_URL.\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`,
  );
}

async function downloadDebianPackage(folder: string, signal?: AbortSignal): Promise<string> {
  const options = { cwd: folder, timeout: DOWNLOAD_TIMEOUT_MS, signal };
  const lists = path.join(folder, 'lists');
  mkdirSync(path.join(lists, 'partial'), { recursive: true });
  // The user that apt downloads as has to be able to write here.
  chmodSync(folder, 0o755);
  const ownLists = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`, '-o', 'APT::Sandbox::User='];
  try {
    await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=', 'nats-server'], options);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new Error('apt-get: not a Debian system');
    await run('apt-get', ['update', '-q', ...ownLists], options);
    await run('apt-get', ['download', '-q', ...ownLists, 'nats-server'], options);
  }
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (!archive) throw new Error('apt-get: no package nats-server');
  await run('dpkg', ['-x', archive, 'package'], options);
  const program = ['usr/bin', 'usr/sbin']
    .map((bin) => path.join(folder, 'package', bin, 'nats-server'))
    .find(isProgram);
  if (!program) throw new Error('apt-get: the package nats-server holds no program');
  return program;
}

async function downloadRelease(folder: string, signal?: AbortSignal): Promise<string> {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const name = `nats-server-${RELEASE}-${process.platform}-${arch}`;
  const [archive, sums] = await Promise.all([fetchBytes(`${name}.tar.gz`, signal), fetchBytes('SHA256SUMS', signal)]);
  const expected = sums
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, file]) => file === `${name}.tar.gz`)?.[0];
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected) throw new Error(`${name}.tar.gz does not have the published SHA-256`);
  writeFileSync(path.join(folder, 'release.tar.gz'), archive);
  await run('tar', ['-xzf', 'release.tar.gz'], { cwd: folder });
  return path.join(folder, name, 'nats-server');
}

async function fetchBytes(file: string, signal?: AbortSignal): Promise<Buffer> {
  const timeout = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  const either = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const response = await fetch(`${RELEASE_URL}/${file}`, { signal: either }).catch(() => {
    throw new Error(`${RELEASE_URL}/${file} cannot be reached`);
  });
  if (!response.ok) throw new Error(`${RELEASE_URL}/${file} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function searchPath(): string[] {
  return (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, 'nats-server'));
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(file);
  } catch {
    return false;
  }
}

function installHint(): string {
  return process.platform === 'darwin' ? 'brew install nats-server' : 'apt install nats-server';
}
