import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { postgresBinaries } from './postgres-binaries';
import { clusterTemplate } from './postgres-cluster';
import { projectRoot } from './project';

/** Does before the first start what need not be done in it. What fails here fails there again, and is told there. */
async function main(): Promise<void> {
  const logs = path.join(projectRoot(), '.cache');
  mkdirSync(logs, { recursive: true });
  const interrupted = new AbortController();
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort());
  await clusterTemplate(postgresBinaries(), { logFile: path.join(logs, 'postgres.log'), signal: interrupted.signal });
}

main().catch((error: unknown) => console.error(error));
