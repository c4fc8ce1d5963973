import { rm } from 'node:fs/promises';
import type { PostgresServer } from '../../../stack/src/postgres';
import { servers } from './servers';

export default async function tearDown(): Promise<void> {
  const { oneqTestPostgres } = globalThis as typeof globalThis & { oneqTestPostgres?: PostgresServer };
  await oneqTestPostgres?.stop();
  await rm(servers().dir, { recursive: true, force: true });
}
