import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Refusal } from './refusal';

/** What readline would echo goes nowhere. */
const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });

const EXIT_INTERRUPTED = 130;

/**
 * A payment password from the terminal, entered twice and not shown, or the first line of what is piped in. Never from the
 * command line, which every user of the machine can read.
 * @throws {Refusal} when it is not six digits, or differs the second time
 */
export async function readPassword(): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: isTerminal });
  reader.on('SIGINT', () => process.exit(EXIT_INTERRUPTED));
  const lines = reader[Symbol.asyncIterator]();
  const next = async (prompt: string) => {
    if (isTerminal) process.stderr.write(prompt);
    const { value } = await lines.next();
    if (isTerminal) process.stderr.write('\n');
    return String(value ?? '').trim();
  };
  try {
    const password = await next('Six digits: ');
    if (!/^[0-9]{6}$/.test(password)) throw new Refusal('A payment password has six digits. Nothing was set.');
    if (isTerminal && (await next('Once more: ')) !== password) throw new Refusal('They differ. Nothing was set.');
    return password;
  } finally {
    reader.close();
  }
}
