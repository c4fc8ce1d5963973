/** What the servers that the platform is compared with have in common. */

import { createHash, createHmac } from 'node:crypto';
import { redirectUrl, toSeoulTime } from '@oneq/contracts';
import { type PaymentConfig, readConfig } from '../../apps/payment/src/config';
import { CheckoutTokens } from '../../apps/payment/src/ids/checkout-tokens';
import { PaymentIds } from '../../apps/payment/src/ids/payment-ids';
import { AccountVault } from '../../apps/payment/src/wallets/account-vault';
import { CID, KEY } from '../orders';

/** Merchant of all payments here; its key is checked as one remembers it, by its hash. */
export const MERCHANT = {
  cid: CID,
  name: '원큐피자 을지로점',
  approved_at: toSeoulTime(new Date()),
  keyHash: sha256(KEY),
} as const;

/** The platform's own parts, so that answers are the same. */
export interface Parts {
  readonly config: PaymentConfig;
  readonly ids: PaymentIds;
  readonly tokens: CheckoutTokens;
  readonly vault: AccountVault;
  readonly port: number;
  readonly url: string;
}

export function partsOf(environment: NodeJS.ProcessEnv): Parts {
  const config = readConfig(environment);
  const port = Number(environment.PORT);
  return {
    config,
    ids: new PaymentIds(config.TID_SECRET),
    tokens: new CheckoutTokens(config.CHECKOUT_SECRETS),
    vault: new AccountVault(config.ACCOUNT_SECRETS, config.ACCOUNT_INDEX_SECRET),
    port,
    url: `http://localhost:${port}`,
  };
}

export function isMerchant(authorization: string | undefined): boolean {
  return authorization !== undefined && sha256(authorization.slice('Bearer '.length)) === MERCHANT.keyHash;
}

export function preparedAnswer({ tokens, url }: Parts, tid: string) {
  const version = tokens.currentVersion;
  return {
    tid,
    next_redirect_url: `${url}/pay/showQRCode?token=${tokens.issue(tid, 'pc', version)}`,
    android_app_scheme: `${url}/pay/oneq/transfer?token=${tokens.issue(tid, 'phone', version)}`,
    approved_at: MERCHANT.approved_at,
  };
}

export function authenticatedAnswer(
  tid: string,
  { cid, order_id, amount, approval_url }: { cid: string; order_id: string; amount: number; approval_url: string },
) {
  const secret = createHmac('sha256', MERCHANT.keyHash).update(cid).digest('base64url');
  const done = { tid, cid, order_id, amount, merchant_url: approval_url } as const;
  const redirect_url = redirectUrl({ ...done, status: 'AUTHENTICATED', result: 'authenticated' }, `rs_${secret}`);
  return { tid, status: 'AUTHENTICATED', redirect_url };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Tells the benchmark that it serves, and ends with it. */
export function serveUntilDisconnected(listening: Promise<unknown>): void {
  process.on('disconnect', () => process.exit());
  listening.then(
    () => process.send?.('listening'),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
