import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readSecrets, SECRET_NAMES } from './secrets';

describe('readSecrets', () => {
  let directory: string;
  const file = () => path.join(directory, 'secrets.json');
  const stored = () => JSON.parse(readFileSync(file(), 'utf8'));

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'oneq-secrets-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('makes every secret once and keeps it in a file that only its owner may read', () => {
    const first = readSecrets(directory, {});
    expect(readSecrets(directory, {})).toEqual(first);
    expect(Object.keys(stored()).sort()).toEqual([...SECRET_NAMES].sort());
    expect(new Set(Object.values(first)).size).toBe(SECRET_NAMES.length);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('makes them in the form that the services and nats-server read', () => {
    const secrets = readSecrets(directory, {});
    for (const name of ['CHECKOUT_SECRETS', 'ACCOUNT_SECRETS', 'PIN_PEPPERS', 'WEBHOOK_SECRETS'] as const) {
      expect(secrets[name]).toMatch(/^1:[A-Za-z0-9_-]{43}$/);
    }
    for (const name of [
      'TID_SECRET',
      'ACCOUNT_INDEX_SECRET',
      'KEYPAD_SECRET',
      'REDIRECT_SECRET',
      'SESSION_SECRET',
    ] as const) {
      expect(secrets[name]).toMatch(/^[A-Za-z0-9_-]{43}$/);
    }
    expect(secrets.GATEWAY_NATS_PASSWORD).toMatch(/^p[0-9a-f]{64}$/);
  });

  it('adds what a newer version needs and replaces nothing', () => {
    writeFileSync(file(), JSON.stringify({ TID_SECRET: 'kept', FROM_A_LATER_VERSION: 'kept too' }));
    const secrets = readSecrets(directory, {});
    expect(secrets.TID_SECRET).toBe('kept');
    expect(stored()).toMatchObject({ TID_SECRET: 'kept', FROM_A_LATER_VERSION: 'kept too' });
    expect(secrets.REDIRECT_SECRET).toBe(stored().REDIRECT_SECRET);
  });

  it('takes an environment variable of the same name and does not store it', () => {
    expect(readSecrets(directory, { TID_SECRET: 'from outside' }).TID_SECRET).toBe('from outside');
    expect(stored().TID_SECRET).not.toBe('from outside');
  });

  it('refuses a damaged file instead of making new secrets over it', () => {
    writeFileSync(file(), '{"TID_SECRET": ');
    expect(() => readSecrets(directory, {})).toThrow('is damaged');
    expect(readFileSync(file(), 'utf8')).toBe('{"TID_SECRET": ');
  });
});
