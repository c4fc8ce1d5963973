import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { startPostgres } from './postgres';
import { postgresBinaries } from './postgres-binaries';
import { clusterTemplate, createCluster, DATABASE } from './postgres-cluster';

describe('a new PostgreSQL cluster', () => {
  const binaries = postgresBinaries();
  let directory: string;
  let cache: string;
  const options = (name: string) => ({
    dataDir: path.join(directory, name),
    logFile: path.join(directory, 'log'),
    password: `${name}'s \\ "password"`,
  });
  const controlOf = (dataDir: string) => readFileSync(path.join(dataDir, 'global', 'pg_control')).subarray(0, 8);
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'oneq-cluster-'));
    cache = path.join(directory, 'cache');
    mkdirSync(cache);
    // As root PostgreSQL runs as another user, who has to get in.
    for (const open of [directory, cache]) chmodSync(open, 0o711);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is a copy of one that is made once, however many are made at once', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => createCluster(binaries, options(name), cache)));
    const [template = '', ...others] = readdirSync(cache);
    expect(others).toEqual([]);
    expect(template).toMatch(/^cluster-\d+\.\d+-[0-9a-f]{8}$/);
    expect(readdirSync(directory).sort()).toEqual(['a', 'b', 'c', 'cache', 'log']);
    const origin = controlOf(path.join(cache, template));
    for (const name of ['a', 'b', 'c']) expect(controlOf(path.join(directory, name))).toEqual(origin);
    expect(readFileSync(path.join(directory, 'log'), 'utf8')).not.toContain('ERROR');
  });

  it("opens with its own password and no other's, and has the database of the services", async () => {
    for (const name of ['mine', 'yours']) await createCluster(binaries, options(name), cache);
    const server = await startPostgres(options('mine'));
    try {
      const client = new Client({ connectionString: server.url(DATABASE) });
      await client.connect();
      await client.end();
      const stranger = new Client({ connectionString: server.url(DATABASE, undefined, options('yours').password) });
      stranger.on('error', () => undefined);
      await expect(stranger.connect()).rejects.toThrow('password authentication failed');
      await stranger.end();
    } finally {
      await server.stop();
    }
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const interrupted = new AbortController();
    const making = createCluster(binaries, { ...options('half'), signal: interrupted.signal }, cache);
    while (!readdirSync(cache).some((name) => existsSync(path.join(cache, name, 'postgresql.conf')))) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    interrupted.abort();
    await expect(making).rejects.toThrow('initdb failed (signal SIGKILL)');
    expect(readdirSync(cache)).toEqual([]);
    expect(readdirSync(directory).sort()).toEqual(['cache', 'log']);
  });

  it('tells the end of the log when it cannot be made', async () => {
    const logFile = path.join(directory, 'log');
    const broken = { ...binaries, directory: path.join(directory, 'nothing') };
    await expect(clusterTemplate(broken, { logFile }, cache)).rejects.toThrow(/^initdb failed \(spawn .* ENOENT\)/);
    expect(readdirSync(cache)).toEqual([]);
  });
});
