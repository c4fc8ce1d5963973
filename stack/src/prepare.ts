import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { postgresBinaries } from './postgres-binaries';
import { clusterTemplate } from './postgres-cluster';
import { projectRoot } from './project';

/** Does before the first start what need not be done in it. What fails here fails there again, and is told there. */
async function main(): Promise<void> {
  const logs = path.join(projectRoot(), '.cache');
  mkdirSync(logs, { recursive: true });
  await clusterTemplate(postgresBinaries(), { logFile: path.join(logs, 'postgres.log') });
}

main().catch((error: unknown) => console.error(error));
