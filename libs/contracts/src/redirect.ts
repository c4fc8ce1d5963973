import { createHmac } from 'node:crypto';
import type { PayerPartDone } from './payment/messages';

/**
 * The merchant's URL with `tid`, `order_id`, `result` and `signature` appended to its query, before any fragment;
 * the merchant's own query is left as it is.
 * @param secret the merchant's `redirect_secret`; the signature is HMAC-SHA256 over `tid.order_id.amount.result`, hex.
 */
export function redirectUrl(done: PayerPartDone, secret: string): string {
  const { tid, order_id, amount, result, merchant_url } = done;
  const signature = createHmac('sha256', secret).update(`${tid}.${order_id}.${amount}.${result}`).digest('hex');
  const query = Object.entries({ tid, order_id, result, signature })
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  const hash = merchant_url.indexOf('#');
  const base = hash < 0 ? merchant_url : merchant_url.slice(0, hash);
  const fragment = hash < 0 ? '' : merchant_url.slice(hash);
  const joint = !base.includes('?') ? '?' : /[?&]$/.test(base) ? '' : '&';
  return `${base}${joint}${query}${fragment}`;
}
