import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Refusal } from './refusal';

/**
 * Where NATS is and who asks: `NATS_URL`, else what the running stack of `DATA_DIR` says, which is the operator's.
 * @throws {Refusal} when neither tells
 */
export function natsAddress(environment: NodeJS.ProcessEnv): string {
  if (environment.NATS_URL) return usable(environment.NATS_URL, 'NATS_URL');
  const file = path.resolve(environment.DATA_DIR || '.data', 'stack.json');
  if (!existsSync(file)) throw new Refusal(`No stack is running: ${file} is not there. Start it, or set NATS_URL.`);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new Refusal(`${file} cannot be read.`);
  }
  const url = typeof content === 'object' && content !== null && 'nats_url' in content ? content.nats_url : undefined;
  return usable(url, file);
}

/** The value is not repeated: it holds a password. */
function usable(url: unknown, source: string): string {
  if (typeof url === 'string' && URL.canParse(url) && /^(nats|tls):$/.test(new URL(url).protocol)) return url;
  throw new Refusal(`${source} names no NATS server (nats:// or tls://).`);
}
