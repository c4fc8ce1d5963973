import {
  commonVariables,
  databaseVariables,
  integer,
  readEnvironment,
  secret,
  versionedSecrets,
} from '@oneq/service-kit';

export type PaymentConfig = ReturnType<typeof readConfig>;

/** @throws {ConfigurationError} naming every wrong variable */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const read = readEnvironment(
    {
      ...commonVariables,
      ...databaseVariables,
      /** Makes tids from ids; never to be changed, since every tid given out depends on it. */
      TID_SECRET: secret(),
      /** Make the tokens of the payer's pages. */
      CHECKOUT_SECRETS: versionedSecrets(),
      /** Encrypt account numbers at rest. */
      ACCOUNT_SECRETS: versionedSecrets(),
      /** Finds the wallet of an account number without storing the number. */
      ACCOUNT_INDEX_SECRET: secret(),
      /** Hash payment passwords together with what the database holds. */
      PIN_PEPPERS: versionedSecrets(),
      /** Make the secrets that webhooks are signed with. */
      WEBHOOK_SECRETS: versionedSecrets(),
      /** Makes the codes of the keypad's keys. */
      KEYPAD_SECRET: secret(),
      /** Seconds for which the fifth wrong password in a row locks a wallet. */
      PIN_LOCK_SECONDS: integer(1, 604_800)({ default: 1_800 }),
      /** Wrong passwords in an hour, after which no more are looked at: of one client address, and of one merchant beside right ones. */
      PIN_FAILURES_PER_ADDRESS: integer(1, 1_000_000)({ default: undefined }),
      PIN_FAILURES_PER_MERCHANT: integer(1, 1_000_000)({ default: undefined }),
      /** Seconds a prepared payment waits for the payer, and an authenticated one for the merchant's approval. */
      PAYMENT_TTL_SECONDS: integer(1, 86_400)({ default: 900 }),
      /** Won in the bank account of a wallet that opens in sandbox mode. */
      SANDBOX_BANK_BALANCE: integer(0, 1_000_000_000_000)({ default: 10_000_000 }),
    },
    environment,
  );
  // Practice enters many wrong passwords from one machine.
  const [perAddress, perMerchant] = read.MODE === 'live' ? [30, 300] : [300, 1_000];
  return {
    ...read,
    PIN_FAILURES_PER_ADDRESS: read.PIN_FAILURES_PER_ADDRESS ?? perAddress,
    PIN_FAILURES_PER_MERCHANT: read.PIN_FAILURES_PER_MERCHANT ?? perMerchant,
  };
}

/** Injection token of the configuration. */
export const CONFIG = Symbol('config');
