import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { startNats } from '../../../stack/src/nats-server';
import { servers } from './servers';

const PASSWORD = 'test-password';

export interface TestNats {
  url(user: 'gateway' | 'affiliation' | 'payment' | 'operator'): string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A nats-server of this test file's own, with the permissions of production; each user's password is the same. */
export async function startTestNats(): Promise<TestNats> {
  const { dir, natsServer } = servers();
  const own = await mkdtemp(join(dir, 'nats-'));
  const nats = await startNats({
    binary: natsServer,
    dir: own,
    configFile: join(__dirname, '../../../deploy/nats.conf'),
    logFile: join(own, 'nats.log'),
    env: Object.fromEntries(
      ['GATEWAY', 'AFFILIATION', 'PAYMENT', 'OPERATOR'].map((user) => [`${user}_NATS_PASSWORD`, PASSWORD]),
    ),
  });
  return { url: (user) => nats.url(user, PASSWORD), pid: nats.pid, stop: () => nats.stop() };
}
