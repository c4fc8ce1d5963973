import { createHmac } from 'node:crypto';
import type { PayerPartDone } from './payment/messages';
import { redirectUrl } from './redirect';

const done = (merchant_url: string): PayerPartDone => ({
  tid: '12345',
  cid: 'TC0ONETIME',
  order_id: '주문 1&2',
  amount: 16000,
  status: 'AUTHENTICATED',
  result: 'authenticated',
  merchant_url,
});
const SIGNATURE = createHmac('sha256', 'secret').update('12345.주문 1&2.16000.authenticated').digest('hex');
const APPENDED = `tid=12345&order_id=${encodeURIComponent('주문 1&2')}&result=authenticated&signature=${SIGNATURE}`;

describe('the redirect to the merchant', () => {
  it.each([
    ['http://shop/done', `http://shop/done?${APPENDED}`],
    ['http://shop/done?a=%20b&a=c', `http://shop/done?a=%20b&a=c&${APPENDED}`],
    ['http://shop/done?', `http://shop/done?${APPENDED}`],
    ['http://shop/done#/route?x=1', `http://shop/done?${APPENDED}#/route?x=1`],
    ['http://shop/done?a=1#end', `http://shop/done?a=1&${APPENDED}#end`],
  ])('appends to %s and leaves the rest as it is', (merchant, expected) => {
    expect(redirectUrl(done(merchant), 'secret')).toBe(expected);
  });
});
