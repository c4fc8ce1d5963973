import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { locateNatsServer } from '../../../stack/src/nats-server';
import { startPostgres } from '../../../stack/src/postgres';
import { ENVIRONMENT, prepareTemplate, type TestServers } from './servers';

/** One PostgreSQL for the whole run, with a template that every test file copies; nats-server is found once. */
export default async function setUp(): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'oneq-test-'));
  await chmod(dir, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
  const password = 'test-password';
  const natsServer = await locateNatsServer({ progress: (line) => process.stderr.write(`${line}\n`) });
  const postgres = await startPostgres({
    dataDir: join(dir, 'postgres'),
    logFile: join(dir, 'postgres.log'),
    password,
  });
  const template = await prepareTemplate(postgres.url('postgres'));
  const servers: TestServers = { dir, natsServer, adminUrl: postgres.url('postgres'), ...template };
  process.env[ENVIRONMENT] = JSON.stringify(servers);
  Object.assign(globalThis, { oneqTestPostgres: postgres });
}
