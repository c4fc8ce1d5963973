import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../stack/src/ports';
import { startStack } from '../stack/src/stack';
import { benchPages, type Row } from './pages';

/** What `npm run bench` does. @returns the exit code: 0 when every goal was met */
export async function main(): Promise<number> {
  const progress = (line: string) => console.log(line);
  const dataDir = mkdtempSync(path.join(tmpdir(), 'oneq-bench-'));
  chmodSync(dataDir, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => reject(new Error('interrupted')));
  });
  const stack = await startStack({
    port,
    host: 'localhost',
    publicUrl: url,
    dataDir,
    mode: 'sandbox',
    paymentReplicas: 1,
    env: {},
    progress,
  });
  try {
    const rows = await Promise.race([benchPages(stack, url, progress), interrupted]);
    print(rows);
    return rows.every(({ met }) => met) ? 0 : 1;
  } finally {
    await stack.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function print(rows: readonly Row[]): void {
  const [cpu] = cpus();
  console.log(`\n${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, Node.js ${process.versions.node}\n`);
  console.log('| measure | value | goal | met |\n| --- | --- | --- | --- |');
  for (const { measure, value, goal, met } of rows) {
    console.log(`| ${measure} | ${value} | ${goal} | ${met ? 'yes' : 'no'} |`);
  }
}
