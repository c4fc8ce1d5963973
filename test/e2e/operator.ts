import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Shop } from './shop';

const PROGRAM = join(__dirname, '../../dist/apps/operator/src/main.js');

/** What `npm run operator -- …` answered. */
export interface Operated {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an operator's command against a shop's stack, which it finds by stack.json, with `input` on its standard input. */
export async function operate(shop: Shop, args: readonly string[], input = ''): Promise<Operated> {
  const env = { PATH: process.env.PATH, DATA_DIR: shop.dataDir };
  const child = spawn(process.execPath, [PROGRAM, ...args], { env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}
