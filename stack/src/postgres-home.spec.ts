import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { closedParent, postgresHome } from './postgres-home';

/** Only root can be kept from running PostgreSQL where it likes. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('postgresHome', () => {
  let root: string;
  let outside: string;
  const newDataDir = (name: string) => {
    const dataDir = path.join(root, 'closed', name);
    mkdirSync(dataDir, { recursive: true });
    return dataDir;
  };
  const fill = (directory: string, content: string) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path.join(directory, content), '');
  };

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'oneq-home-'));
    outside = path.join(root, 'outside');
    chmodSync(root, 0o755);
    mkdirSync(path.join(root, 'closed'), { mode: 0o700 });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('is in the data directory where every folder above it is open', () => {
    mkdirSync(path.join(root, 'open'));
    expect(postgresHome(path.join(root, 'open'), outside)).toEqual({ directory: path.join(root, 'open', 'postgres') });
  });

  it('is elsewhere below a closed folder, is found again, and says where', () => {
    const dataDir = newDataDir('data');
    const home = postgresHome(dataDir, outside);
    expect(closedParent(path.join(dataDir, 'postgres'))).toBe(path.join(root, 'closed'));
    expect(closedParent(home.directory)).toBeUndefined();
    expect(home.note).toContain(path.dirname(home.directory));
    expect(postgresHome(dataDir, outside)).toEqual(home);
  });

  it('goes along with a data directory that was moved', () => {
    const dataDir = newDataDir('data');
    fill(postgresHome(dataDir, outside).directory, 'mine');
    renameSync(dataDir, path.join(root, 'closed', 'moved'));
    expect(existsSync(path.join(postgresHome(path.join(root, 'closed', 'moved'), outside).directory, 'mine'))).toBe(
      true,
    );
  });

  it('is never shared with a copy of the data directory', () => {
    const dataDir = newDataDir('data');
    const original = postgresHome(dataDir, outside).directory;
    fill(original, 'mine');
    cpSync(dataDir, path.join(root, 'closed', 'copy'), { recursive: true });
    const copy = postgresHome(path.join(root, 'closed', 'copy'), outside).directory;
    expect(copy).not.toBe(original);
    expect(existsSync(path.join(copy, 'mine'))).toBe(false);
    expect(existsSync(path.join(original, 'mine'))).toBe(true);
  });

  it('is empty again after the data directory was removed', () => {
    const dataDir = newDataDir('data');
    fill(postgresHome(dataDir, outside).directory, 'mine');
    rmSync(dataDir, { recursive: true });
    expect(existsSync(path.join(postgresHome(newDataDir('data'), outside).directory, 'mine'))).toBe(false);
  });

  it('refuses to lose sight of a database whose folder was closed afterwards', () => {
    const dataDir = newDataDir('data');
    fill(path.join(dataDir, 'postgres'), 'PG_VERSION');
    expect(() => postgresHome(dataDir, outside)).toThrow(`${path.join(root, 'closed')} is closed to it`);
  });
});
