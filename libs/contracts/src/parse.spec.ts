import 'reflect-metadata';
import { AffiliateRequest } from './affiliation/messages';
import { OneQError } from './error';
import type { Mode } from './fields';
import { parse } from './parse';
import { ApproveRequest, PrepareRequest } from './payment/messages';

const PREPARE = {
  cid: 'TC0ONETIME',
  category_cd: '552101',
  opponent_name: '원큐피자',
  item_name: '고구마피자',
  member_id: 'member_id',
  order_id: 'order_id',
  quantity: '1',
  amount: '16000',
  bank_acct_num: '110-123-4567',
  balance: '0',
  approval_url: 'http://localhost:3000/approval',
  cancel_url: 'http://localhost:3000/cancel',
  fail_url: 'http://localhost:3000/fail?a=1#here',
};
const AFFILIATE = {
  business_no: '220-81-62517',
  opponent_name: '원큐피자',
  store_phone: '02-2002-1111',
  store_address1: '서울특별시 중구',
  store_address2: '을지로 35',
};
const APPROVE = {
  cid: 'TC0ONETIME',
  order_id: 'order_id',
  category_cd: '552101',
  item_name: '고구마피자',
  member_id: 'member_id',
  amount: '16000',
  tran_dt: '2016.11.15 21:18:22',
};

const prepare = (changes: object, mode: Mode = 'sandbox') =>
  parse(PrepareRequest, { values: { ...PREPARE, ...changes }, duplicated: [] }, mode);
const affiliate = (changes: object, mode: Mode = 'sandbox') =>
  parse(AffiliateRequest, { values: { ...AFFILIATE, ...changes }, duplicated: [] }, mode);
const approve = (changes: object) =>
  parse(ApproveRequest, { values: { ...APPROVE, ...changes }, duplicated: [] }, 'sandbox');

function faultsOf(work: () => unknown): Record<string, string> {
  try {
    work();
  } catch (error) {
    if (error instanceof OneQError && error.code === 'INVALID_PARAMETER') {
      return Object.fromEntries((error.extras.errors ?? []).map(({ field, code }) => [field, code]));
    }
    throw error;
  }
  return {};
}

describe('the fields of a request', () => {
  it('are normalised: trimmed, NFC, integers from digits, account number without hyphens', () => {
    const nfd = '고구마피자'.normalize('NFD');
    expect(prepare({ item_name: `  ${nfd}\n`, amount: ' 0016000 ', member_id: '\u3000회원\u00a0' })).toMatchObject({
      item_name: '고구마피자',
      amount: 16000,
      member_id: '회원',
      bank_acct_num: '1101234567',
    });
  });

  it('take JSON integers as well as digit strings, and null as absent', () => {
    expect(prepare({ amount: 16000, quantity: 2, item_code: null })).toMatchObject({ amount: 16000, quantity: 2 });
    expect(prepare({ item_code: null }).item_code).toBeUndefined();
  });

  it('know one nought only', () => {
    expect(Object.is(prepare({ balance: -0 }).balance, 0)).toBe(true);
  });

  it('never hold what was not declared', () => {
    const values = JSON.parse(`{"__proto__":{"admin":true},"constructor":"x","status":"APPROVED"}`);
    const parsed = prepare(values);
    expect(Object.keys(parsed)).not.toEqual(expect.arrayContaining(['__proto__']));
    expect(parsed).not.toHaveProperty('status');
    expect(parsed).not.toHaveProperty('admin');
    expect(parsed.constructor).toBe(PrepareRequest);
  });

  it('tell all faults at once', () => {
    expect(faultsOf(() => prepare({ cid: '', amount: 'x', quantity: '0', order_id: 'o'.repeat(101) }))).toEqual({
      cid: 'REQUIRED',
      amount: 'INVALID_FORMAT',
      quantity: 'OUT_OF_RANGE',
      order_id: 'TOO_LONG',
    });
  });

  it('tell a name that was sent twice, whatever else is wrong with it', () => {
    const raw = { values: { ...PREPARE, amount: 'x' }, duplicated: ['amount', 'unknown'] };
    expect(faultsOf(() => parse(PrepareRequest, raw, 'sandbox'))).toEqual({
      amount: 'DUPLICATED',
      unknown: 'DUPLICATED',
    });
  });

  it.each(Object.keys(PREPARE))('need %s in a prepare', (field) => {
    for (const blank of [undefined, null, '', '   ', '\u200b\u3164', '\u2800']) {
      expect(faultsOf(() => prepare({ [field]: blank }))).toEqual({ [field]: 'REQUIRED' });
    }
  });

  it.each(Object.keys(AFFILIATE))('need %s in an affiliation', (field) => {
    expect(faultsOf(() => affiliate({ [field]: ' ' }))).toEqual({ [field]: 'REQUIRED' });
  });

  it.each(Object.keys(APPROVE))('need %s in an approval', (field) => {
    expect(faultsOf(() => approve({ [field]: '' }))).toEqual({ [field]: 'REQUIRED' });
  });

  it.each([
    ['opponent_name', 100],
    ['item_name', 200],
    ['item_code', 100],
    ['member_id', 100],
    ['order_id', 100],
    ['bank_acct_alias', 50],
  ])('count %s up to %i code points, as the specification says', (field, max) => {
    for (const character of ['가', '🍕', 'a']) {
      expect(faultsOf(() => prepare({ [field]: character.repeat(max) }))).toEqual({});
      expect(faultsOf(() => prepare({ [field]: character.repeat(max + 1) }))).toEqual({ [field]: 'TOO_LONG' });
    }
  });

  it.each([
    ['opponent_name', 100],
    ['store_address1', 200],
    ['store_address2', 200],
  ])('count %s up to %i code points in an affiliation', (field, max) => {
    expect(faultsOf(() => affiliate({ [field]: '가'.repeat(max) }))).toEqual({});
    expect(faultsOf(() => affiliate({ [field]: '가'.repeat(max + 1) }))).toEqual({ [field]: 'TOO_LONG' });
  });

  it.each([
    ['NUL', 'a\u0000b'],
    ['a control character', 'a\u001bb'],
    ['a bidirectional override', 'a\u202eb'],
    ['a line separator', 'a\u2028b'],
    ['a lone surrogate', 'a\ud800b'],
    ['a number in place of text', 5],
    ['an object in place of text', { $ne: '' }],
    ['a list in place of text', ['a']],
  ])('refuse %s in text', (_what, item_name) => {
    expect(faultsOf(() => prepare({ item_name }))).toEqual({ item_name: 'INVALID_FORMAT' });
  });

  it.each(['1e3', '+5', '-1', '0x10', '1.0', '1,000', '１６０００', '٣', 'abc', '1 000', true, 1.5, [1], { n: 1 }])(
    'refuse %p as an integer',
    (amount) => {
      expect(faultsOf(() => prepare({ amount }))).toEqual({ amount: 'INVALID_FORMAT' });
    },
  );

  it.each([
    ['amount', ['1', '2147483647'], ['0', '2147483648', '9'.repeat(400), 2147483648, -1]],
    ['quantity', ['1', '2147483647'], ['0', '2147483648']],
    ['balance', ['0', '2147483647'], ['2147483648']],
    ['category_cd', ['1', '999999'], ['0', '1000000']],
  ])('keep %s within its range', (field, good, bad) => {
    for (const value of good) expect(faultsOf(() => prepare({ [field]: value }))).toEqual({});
    for (const value of bad) expect(faultsOf(() => prepare({ [field]: value }))).toEqual({ [field]: 'OUT_OF_RANGE' });
  });

  it.each([
    ['cid', ['TC0ONETIME'], ['tc0onetime', 'TC0ONETIM', 'TC0ONETIM-'], ['TC0ONETIME1']],
    ['bank_acct_num', ['123456', '12-34-56', '123456789012'], ['12345', '1-2-3-4-5', 'abcdef'], ['1234567890123']],
    ['payment_method_type', ['계좌', 'MONEY', '계좌'.normalize('NFD')], ['money', 'CARD'], ['MONEYMONEY1']],
  ])('check the form of %s', (field, good, bad, long) => {
    for (const value of good) expect(faultsOf(() => prepare({ [field]: value }))).toEqual({});
    for (const value of bad) expect(faultsOf(() => prepare({ [field]: value }))).toEqual({ [field]: 'INVALID_FORMAT' });
    for (const value of long) expect(faultsOf(() => prepare({ [field]: value }))).toEqual({ [field]: 'TOO_LONG' });
  });

  it.each([
    [
      'business_no',
      ['2208162517', '220-81-62517'],
      ['220816251', '22081625171', '220.81.62517'],
      ['2-2-0-8-1-6-2-5-1-7'],
    ],
    ['store_phone', ['02-2002-1111', '+82 (2) 2002-1111', '1588111'], ['123456', '02.2002.1111'], ['0'.repeat(21)]],
    ['post_no', ['04523'], ['0452', 'abcde'], ['045231']],
  ])('check the form of %s', (field, good, bad, long) => {
    for (const value of good) expect(faultsOf(() => affiliate({ [field]: value }))).toEqual({});
    for (const value of bad)
      expect(faultsOf(() => affiliate({ [field]: value }))).toEqual({ [field]: 'INVALID_FORMAT' });
    for (const value of long) expect(faultsOf(() => affiliate({ [field]: value }))).toEqual({ [field]: 'TOO_LONG' });
  });

  it.each([
    'ftp://host/',
    'javascript:alert(1)',
    '//host/path',
    '/path',
    'http:host',
    'http:\\\\host',
    'http://',
    'http:///path',
    'http://user@host/',
    'http://user:password@host/',
    'http://@host/',
    'http://host/ path',
    'http://host:99999/',
  ])('refuse %p as a redirect URL', (approval_url) => {
    expect(faultsOf(() => prepare({ approval_url }))).toEqual({ approval_url: 'INVALID_FORMAT' });
  });

  it('count redirect URLs up to 255', () => {
    expect(faultsOf(() => prepare({ fail_url: `http://h/${'a'.repeat(246)}` }))).toEqual({});
    expect(faultsOf(() => prepare({ fail_url: `http://h/${'a'.repeat(247)}` }))).toEqual({ fail_url: 'TOO_LONG' });
  });

  it('are stricter in live mode: https redirects but for loopback, and the check digit of a business number', () => {
    expect(faultsOf(() => prepare({ approval_url: 'https://shop.example/' }, 'live'))).toEqual({});
    expect(faultsOf(() => prepare({ approval_url: 'http://shop.example/' }, 'live'))).toEqual({
      approval_url: 'INVALID_FORMAT',
    });
    expect(faultsOf(() => affiliate({}, 'live'))).toEqual({});
    expect(faultsOf(() => affiliate({ business_no: '220-81-62518' }, 'live'))).toEqual({
      business_no: 'INVALID_FORMAT',
    });
    expect(faultsOf(() => affiliate({ business_no: '220-81-62518' }, 'sandbox'))).toEqual({});
  });

  it.each([
    '2016.02.30 00:00:00',
    '2016.11.15 24:00:00',
    '2016-11-15 21:18:22',
    '2016.11.15T21:18:22',
    '2016.13.01 00:00:00',
  ])('refuse %p as tran_dt', (tran_dt) => {
    expect(faultsOf(() => approve({ tran_dt }))).toEqual({ tran_dt: 'INVALID_FORMAT' });
  });
});
