import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writePrivateFile } from './files';

/** 256 bits. */
const KEY_BYTES = 32;

const key = () => randomBytes(KEY_BYTES).toString('base64url');
/** The first version of a secret that can be rotated: `1:<key>`, later `1:<key>,2:<key>`. */
const versionedKey = () => `1:${key()}`;
/** Starts with a letter, because nats-server reads a value that looks like a number as one. */
const password = () => `p${randomBytes(KEY_BYTES).toString('hex')}`;

/** How each secret is made, by the name of its environment variable. */
const GENERATORS = {
  EMBEDDED_POSTGRES_PASSWORD: password,
  AFFILIATION_DB_PASSWORD: password,
  PAYMENT_DB_PASSWORD: password,
  GATEWAY_NATS_PASSWORD: password,
  AFFILIATION_NATS_PASSWORD: password,
  PAYMENT_NATS_PASSWORD: password,
  OPERATOR_NATS_PASSWORD: password,
  TID_SECRET: key,
  CHECKOUT_SECRETS: versionedKey,
  ACCOUNT_SECRETS: versionedKey,
  ACCOUNT_INDEX_SECRET: key,
  PIN_PEPPERS: versionedKey,
  KEYPAD_SECRET: key,
  WEBHOOK_SECRETS: versionedKey,
  REDIRECT_SECRET: key,
  SESSION_SECRET: key,
} as const satisfies Record<string, () => string>;

export type SecretName = keyof typeof GENERATORS;
export type Secrets = Readonly<Record<SecretName, string>>;

export const SECRET_NAMES = Object.keys(GENERATORS).filter((name): name is SecretName => name in GENERATORS);

/**
 * The stack's secrets, kept in `secrets.json` of the data directory. What is missing there is made and added; what is
 * there is never replaced, because the database holds what was written under it. An environment variable of the same
 * name is used instead, and not stored.
 * @throws {Error} when the file is not readable as what it should be
 */
export function readSecrets(dataDir: string, environment: NodeJS.ProcessEnv = process.env): Secrets {
  const file = path.join(dataDir, 'secrets.json');
  const stored = existsSync(file) ? parse(file) : {};
  const missing = SECRET_NAMES.filter((name) => !stored[name]);
  const complete: Record<string, string> = { ...stored };
  for (const name of missing) complete[name] = GENERATORS[name]();
  if (missing.length > 0) writePrivateFile(file, `${JSON.stringify(complete, null, 2)}\n`);

  const value = (name: SecretName) => environment[name] || complete[name] || '';
  return Object.freeze(
    Object.fromEntries(SECRET_NAMES.map((name) => [name, value(name)])) as Record<SecretName, string>,
  );
}

function parse(file: string): Record<string, string> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    content = undefined;
  }
  if (
    typeof content !== 'object' ||
    content === null ||
    Object.values(content).some((value) => typeof value !== 'string')
  ) {
    // Making new ones instead would lose whatever was encrypted under the old.
    throw new Error(`${file} is damaged. Restore it from a backup, or remove the whole data directory to start anew.`);
  }
  return { ...content };
}
