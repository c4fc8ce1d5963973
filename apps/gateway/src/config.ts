import { commonVariables, integer, readEnvironment, secret, urlOf } from '@oneq/service-kit';
import { str } from 'envalid';
import { trustedProxies } from './http/client-address';

export type GatewayConfig = ReturnType<typeof readConfig>;

/** Injection token of the configuration. */
export const CONFIG = Symbol('config');

/** @throws {ConfigurationError} naming every wrong variable */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  const read = readEnvironment(
    {
      ...commonVariables,
      PORT: integer(1, 65_535)({ default: 8080 }),
      HOST: str({ default: 'localhost' }),
      /** What payers and merchants reach this gateway under; by default http://localhost:PORT. */
      PUBLIC_URL: urlOf('http:', 'https:')({ default: undefined }),
      /** Whether `POST /pay` and `POST /pay/success` need the merchant's key; always so in live mode. */
      MERCHANT_AUTH: str({ choices: ['optional', 'required'] as const, default: 'optional' }),
      /** Requests a second from one client address, and for one merchant; three of them make a payment. */
      RATE_LIMIT_PER_SECOND: integer(1, 1_000_000)({ default: 2_000 }),
      /** Proxies in front of this gateway whose X-Forwarded-For tells the client's address; by default none is believed. */
      TRUST_PROXY: trustedProxies({ default: 0 }),
      /** Makes each merchant's redirect_secret. */
      REDIRECT_SECRET: secret(),
      /** Tells the payer's own forms from forged ones, and hides the addresses that wrong passwords are counted by. */
      SESSION_SECRET: secret(),
    },
    environment,
  );
  return {
    ...read,
    PUBLIC_URL: read.PUBLIC_URL ?? `http://localhost:${read.PORT}`,
    MERCHANT_AUTH: read.MODE === 'live' ? ('required' as const) : read.MERCHANT_AUTH,
  };
}
