import {
  ConfigurationError,
  commonVariables,
  integer,
  readEnvironment,
  secret,
  UNANSWERED_MAX,
  urlOf,
} from '@oneq/service-kit';
import { str } from 'envalid';
import { trustedProxies } from './http/client-address';

export type GatewayConfig = ReturnType<typeof readConfig>;

/** Injection token of the configuration. */
export const CONFIG = Symbol('config');

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

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
      /** Whether webhooks may go to private addresses although the gateway listens on more than loopback; never in live mode. */
      WEBHOOK_ALLOW_PRIVATE: str({ choices: ['true', 'false'] as const, default: 'false' }),
      /** Requests a second from one client address, and for one merchant; three of them make a payment. */
      RATE_LIMIT_PER_SECOND: integer(1, 1_000_000)({ default: 2_000 }),
      /** Unanswered calls up to which one process of a service is asked before the others; 0 asks any of them, at random. */
      AFFINITY_UNANSWERED_MAX: integer(0, 10_000)({ default: UNANSWERED_MAX }),
      /** Proxies in front of this gateway whose X-Forwarded-For tells the client's address; by default none is believed. */
      TRUST_PROXY: trustedProxies({ default: 0 }),
      /** Makes each merchant's redirect_secret. */
      REDIRECT_SECRET: secret(),
      /** Tells the payer's own forms from forged ones, and hides the addresses that wrong passwords are counted by. */
      SESSION_SECRET: secret(),
    },
    environment,
  );
  const { MODE, HOST, WEBHOOK_ALLOW_PRIVATE } = read;
  if (MODE === 'live' && WEBHOOK_ALLOW_PRIVATE === 'true') {
    throw new ConfigurationError(['WEBHOOK_ALLOW_PRIVATE: live mode sends no webhook to a private address']);
  }
  return {
    ...read,
    PUBLIC_URL: read.PUBLIC_URL ?? `http://localhost:${read.PORT}`,
    /** Whether webhooks may go to private addresses: for practice, where only this machine can ask for it. */
    webhooksToPrivate: MODE === 'sandbox' && (WEBHOOK_ALLOW_PRIVATE === 'true' || LOOPBACK.test(HOST)),
    MERCHANT_AUTH: read.MODE === 'live' ? ('required' as const) : read.MERCHANT_AUTH,
  };
}
