import 'reflect-metadata';
import { FIELD_ERRORS, OneQError, phrase } from '@oneq/contracts';
import { createLogger, MessageClient } from '@oneq/service-kit';
import { type Command, commandNamed, help } from './commands';
import { natsAddress } from './nats-address';
import { Refusal, UsageError } from './refusal';

/** Replies to the operator arrive here. */
const INBOX_PREFIX = '_INBOX.operator';
/** Longest wait for NATS, ms. */
const CONNECT_TIMEOUT_MS = 3_000;

const EXIT_REFUSED = 1;
const EXIT_USAGE = 2;

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exit(error instanceof UsageError ? EXIT_USAGE : EXIT_REFUSED);
  },
);

/** Runs one command. Answers go to stdout, everything else to stderr. */
async function main(args: readonly string[]): Promise<number> {
  const asked = args.includes('--help') || args.includes('-h');
  const words = args.filter((arg) => !arg.startsWith('-'));
  const command = commandNamed(words);
  if (!command) {
    (asked ? process.stdout : process.stderr).write(help());
    return asked ? 0 : EXIT_USAGE;
  }
  if (asked) {
    process.stdout.write(`npm run operator -- ${command.usage} [--json]\n\n${command.help}\n`);
    return 0;
  }
  const length = command.name.split(' ').length;
  if (args.slice(0, length).join(' ') !== command.name) throw new UsageError('Put the command before its options.');
  const rest = args.slice(length);
  return run(
    command,
    rest.filter((arg) => arg !== '--json'),
    rest.includes('--json'),
  );
}

async function run(command: Command, args: readonly string[], json: boolean): Promise<number> {
  const work = await command.prepare(args);
  const client = await connect(natsAddress(process.env));
  try {
    const { answer, lines } = await work(client);
    process.stdout.write(json ? `${JSON.stringify(answer)}\n` : `${lines.join('\n')}\n`);
    return 0;
  } finally {
    await client.close();
  }
}

async function connect(url: string): Promise<MessageClient> {
  const client = new MessageClient(url, 'operator', INBOX_PREFIX, createLogger('operator', 'fatal'));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const refusal = new Refusal(`NATS does not answer at ${new URL(url).host}. Is the stack running?`);
    timer = setTimeout(reject, CONNECT_TIMEOUT_MS, refusal);
  });
  try {
    await Promise.race([client.connect(), late]);
    return client;
  } finally {
    clearTimeout(timer);
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof OneQError) {
    const { code, detail, extras, outcome } = error;
    const fields = (extras.errors ?? []).map(
      (fault) => `  ${fault.field}: ${phrase(FIELD_ERRORS[fault.code], 'en', fault.params)}`,
    );
    const unsure = outcome === 'unknown' ? ['It may have happened: look before you ask again.'] : [];
    return [`${code}: ${phrase(detail, 'en', extras.params)}`, ...fields, ...unsure].join('\n');
  }
  if (error instanceof UsageError || error instanceof Refusal) return error.message;
  // What else can fail is the connection; it has no secret in it but the address, which is not repeated.
  return `It failed: ${error instanceof Error ? error.message : 'the connection to NATS was refused'}`;
}
