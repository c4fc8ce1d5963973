import { Client } from 'pg';
import { provision } from '../../../stack/src/provision';

/** Variable that hands the servers of the run over to the test files. */
export const ENVIRONMENT = 'ONEQ_TEST_SERVERS';

const TEMPLATE = 'oneq_template';
const ROLE_PASSWORD = 'test-role-password';

export interface TestServers {
  readonly dir: string;
  /** Path of the nats-server program. */
  readonly natsServer: string;
  /** The superuser's URL. */
  readonly adminUrl: string;
  /** Service name → URL of the template database as that service's role. */
  readonly roleUrls: Readonly<Record<'affiliation' | 'payment', string>>;
}

/** The servers that the run's global set-up started. */
export function servers(): TestServers {
  const text = process.env[ENVIRONMENT];
  if (!text) throw new Error('the test servers are not running: start the tests with npm test');
  return JSON.parse(text) as TestServers;
}

/** Makes the template: roles and schemas as in production, no tables yet. */
export async function prepareTemplate(adminUrl: string): Promise<Pick<TestServers, 'roleUrls'>> {
  const client = new Client(adminUrl);
  await client.connect();
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const url = new URL(adminUrl);
  url.pathname = TEMPLATE;
  const roleUrls = await provision({
    adminUrl: url.toString(),
    passwords: { affiliation: ROLE_PASSWORD, payment: ROLE_PASSWORD },
  });
  return { roleUrls };
}

export interface TestDatabase {
  /** URL as the service's own role. */
  readonly url: string;
  /** URL as superuser. */
  readonly adminUrl: string;
}

/**
 * Settings of a service whose tests are not about how soon it gives up: on a busy machine a connection can take longer than a
 * merchant should wait for being told.
 */
export const PATIENCE = { DATABASE_CONNECT_TIMEOUT_MS: '2500', DATABASE_LOCK_TIMEOUT_MS: '1500' };

let counter = 0;

/** A database of this test file's own. It goes with the server at the end of the run. */
export async function createTestDatabase(service: 'affiliation' | 'payment'): Promise<TestDatabase> {
  const { adminUrl, roleUrls } = servers();
  counter += 1;
  const name = `test_${process.pid}_${Date.now()}_${counter}`;
  const client = new Client(adminUrl);
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  await client.end();
  const of = (text: string) => {
    const url = new URL(text);
    url.pathname = name;
    return url.toString();
  };
  return { url: of(roleUrls[service]), adminUrl: of(adminUrl) };
}
