import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  FindWallet,
  hashCredential,
  Invite,
  Limit,
  type Message,
  newInvitation,
  newSecretKey,
  OneQError,
  OpenWallet,
  type OperatedMerchant,
  OperatedMerchantOf,
  ReissueKey,
  Resume,
  SetPassword,
  Suspend,
  type Wallet,
} from '@oneq/contracts';
import type { MessageClient } from '@oneq/service-kit';
import { readPassword } from './read-password';
import { Refusal, UsageError } from './refusal';

/** What a command answers: the same as data and as lines for people. */
export interface Outcome {
  readonly answer: object;
  readonly lines: readonly string[];
}

/** What can be asked for a command, after its arguments were read. */
type Work = (client: MessageClient) => Promise<Outcome>;

export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly help: string;
  /** Reads the arguments. @throws {UsageError} */
  readonly prepare: (args: readonly string[]) => Work | Promise<Work>;
}

const DAYS_DEFAULT = 7;

const COMMANDS: readonly Command[] = [
  {
    name: 'invite',
    usage: `invite [--business-no N] [--days ${DAYS_DEFAULT}]`,
    help: 'Prints an invitation (inv_…), this once. In live mode one business affiliates with it, once, until it expires:\nPOST /pay/store/token with the header Authorization: Bearer inv_…',
    prepare: (args) => {
      const { options } = read(args, 0, ['business-no', 'days']);
      const days = options.days === undefined ? DAYS_DEFAULT : wholeNumber(options.days, '--days');
      return async (client) => {
        const invitation = newInvitation();
        const command = { invitation_hash: hashCredential(invitation), business_no: options['business-no'], days };
        const { expires_at } = await client.ask(Invite, command);
        return { answer: { invitation, expires_at }, lines: [invitation, `good once, until ${expires_at} (Seoul)`] };
      };
    },
  },
  merchantCommand('merchant', 'Shows a merchant.', OperatedMerchantOf),
  merchantCommand('suspend', 'Refuses a merchant everything (403 MERCHANT_SUSPENDED) but its record.', Suspend),
  merchantCommand('resume', 'Ends a suspension.', Resume),
  {
    name: 'reissue-key',
    usage: 'reissue-key CID',
    help: 'Ends all keys of a merchant at once and prints a new one, this once.',
    prepare: (args) => {
      const cid = read(args, 1, []).words[0] ?? '';
      return async (client) => {
        const { mode, built_in } = await client.ask(OperatedMerchantOf, { cid });
        if (built_in) throw new OneQError('BUILT_IN_MERCHANT');
        const secret_key = newSecretKey(mode);
        await client.ask(ReissueKey, { cid, secret_key_hash: hashCredential(secret_key) });
        return { answer: { cid, secret_key }, lines: [secret_key, `the only key of ${cid} that is good now`] };
      };
    },
  },
  {
    name: 'limit',
    usage: 'limit CID --payment-max WON|none',
    help: 'Sets the largest amount of one payment of a merchant, or none.',
    prepare: (args) => {
      const { words, options } = read(args, 1, ['payment-max']);
      const max = required(options['payment-max'], '--payment-max');
      const payment_max = max === 'none' ? undefined : wholeNumber(max, '--payment-max');
      return async (client) => shown(await client.ask(Limit, { cid: words[0] ?? '', payment_max }));
    },
  },
  {
    name: 'wallet open',
    usage: 'wallet open ACCOUNT --money WON --bank WON',
    help: 'Opens the wallet of an account number, with so much pay money and so much in the linked account. An account that\nhas a wallet is refused, and its wallet stays as it is.',
    prepare: (args) => {
      const { words, options } = read(args, 1, ['money', 'bank']);
      const money = wholeNumber(required(options.money, '--money'), '--money');
      const bank = wholeNumber(required(options.bank, '--bank'), '--bank');
      return async (client) => {
        const command = { bank_acct_num: words[0] ?? '', money, bank, reference: randomUUID() };
        const { opened, wallet } = await client.ask(OpenWallet, command);
        if (!opened) throw new Refusal('This account has a wallet already; nothing was changed.');
        return balances(wallet);
      };
    },
  },
  {
    name: 'wallet show',
    usage: 'wallet show ACCOUNT',
    help: 'Shows the balances of a wallet, in won. A balance includes what is on hold.',
    prepare: (args) => {
      const { words } = read(args, 1, []);
      return async (client) => balances(await client.ask(FindWallet, { bank_acct_num: words[0] ?? '' }));
    },
  },
  {
    name: 'wallet password',
    usage: 'wallet password ACCOUNT',
    help: 'Sets the payment password of a wallet, or replaces it, and ends its lock. Reads six digits from the terminal, without\nshowing them, or from standard input; never from the command line.',
    prepare: async (args) => {
      const { words } = read(args, 1, []);
      const password = await readPassword();
      return async (client) => {
        const { outcome } = await client.ask(SetPassword, { bank_acct_num: words[0] ?? '', password });
        if (outcome === 'weak') {
          throw new Refusal('Too easy to guess: three equal or three consecutive digits in a row. Nothing was set.');
        }
        return { answer: { outcome }, lines: ['The payment password is set, and the wallet is not locked.'] };
      };
    },
  },
];

/** The command that these words begin with. */
export function commandNamed(words: readonly string[]): Command | undefined {
  return COMMANDS.find(({ name }) => name.split(' ').every((part, i) => words[i] === part));
}

/** What there is, a line a command. */
export function help(): string {
  const lines = COMMANDS.map(({ usage, help: text }) => `  ${usage}\n      ${text.split('\n')[0]}`);
  return `npm run operator -- <command> [--json]; each command has --help\n\n${lines.join('\n')}\n
It finds NATS by NATS_URL, or by the stack that runs on DATA_DIR (.data).\n`;
}

function merchantCommand(
  name: string,
  text: string,
  message: Message<{ readonly cid: string }, OperatedMerchant>,
): Command {
  return {
    name,
    usage: `${name} CID`,
    help: text,
    prepare: (args) => {
      const { words } = read(args, 1, []);
      return async (client) => shown(await client.ask(message, { cid: words[0] ?? '' }));
    },
  };
}

/** @throws {UsageError} for other than so many words and these options */
function read<Name extends string>(args: readonly string[], wordsWanted: number, names: readonly Name[]) {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  let parsed: { readonly positionals: string[]; readonly values: object };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error} --help tells how it is used.`);
  }
  if (parsed.positionals.length !== wordsWanted) {
    throw new UsageError(wordsWanted === 0 ? 'There is too much; --help tells.' : 'Name exactly one; --help tells.');
  }
  return { words: parsed.positionals, options: parsed.values as Partial<Record<Name, string>> };
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`${name} is missing; --help tells.`);
  return value;
}

function wholeNumber(text: string, name: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw new UsageError(`${name} must be a whole number, in digits.`);
  return Number(text);
}

function shown(merchant: OperatedMerchant): Outcome {
  const lines = Object.entries(merchant).map(([name, value]) => `${name.padEnd(16)}${value ?? '-'}`);
  return { answer: merchant, lines };
}

function balances({ bank_acct_num: _account, ...wallet }: Wallet): Outcome {
  const lines = Object.entries(wallet).map(([name, won]) => `${name.padEnd(16)}${won.toLocaleString('en-US')} won`);
  return { answer: wallet, lines };
}
