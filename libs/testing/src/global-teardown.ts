import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PostgresServer } from '../../../stack/src/postgres';
import { processesWithArgument } from '../../../stack/src/processes';
import { servers } from './servers';

export default async function tearDown(): Promise<void> {
  const { oneqTestPostgres } = globalThis as typeof globalThis & { oneqTestPostgres?: PostgresServer };
  const { dir } = servers();
  // A test file that was cut off could not stop its own.
  for (const name of await readdir(dir)) {
    for (const pid of processesWithArgument(join(dir, name, 'nats.pid'))) end(pid);
  }
  await oneqTestPostgres?.stop();
  await rm(dir, { recursive: true, force: true });
}

function end(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // It ended by itself.
  }
}
