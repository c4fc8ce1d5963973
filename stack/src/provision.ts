import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { projectRoot } from './project';

/** The services that have a database role and a schema. */
const DATABASE_SERVICES = ['affiliation', 'payment'] as const;
export type DatabaseService = (typeof DATABASE_SERVICES)[number];

const CONNECT_TIMEOUT_MS = 10_000;

export interface ProvisionOptions {
  /** The database to provision, as a superuser or as its owner with CREATEROLE. */
  readonly adminUrl: string;
  /** Each service's database password. */
  readonly passwords: Readonly<Record<DatabaseService, string>>;
}

/**
 * Gives each service its role and schema (`deploy/provision.sql`); harmless when they are there already.
 * @returns each service's own connection URL
 * @throws {DatabaseError} when the user of `adminUrl` may not do this
 */
export async function provision({ adminUrl, passwords }: ProvisionOptions): Promise<Record<DatabaseService, string>> {
  const sql = readFileSync(path.join(projectRoot(), 'deploy', 'provision.sql'), 'utf8');
  const database = await withClient(adminUrl, async (client) => {
    for (const service of DATABASE_SERVICES) {
      await client.query('SELECT set_config($1, $2, false)', [`oneq.${service}_password`, passwords[service]]);
    }
    await client.query(sql);
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    return rows[0]?.name ?? '';
  });
  const urlOf = (service: DatabaseService) => {
    const url = new URL(adminUrl);
    url.username = encodeURIComponent(`${database}_${service}`);
    url.password = encodeURIComponent(passwords[service]);
    return url.href;
  };
  return { affiliation: urlOf('affiliation'), payment: urlOf('payment') };
}

/** Creates the database when the server of `serverUrl` has none of that name. */
export async function createDatabase(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
  });
}

async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    application_name: 'oneq-stack',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
