/** Forms of the fields that are more than plain text (specification's tables, settled where it is silent). */
import type { TextForm } from './fields';
import { fromSeoulTime } from './seoul-time';

const digitsOf = (text: string) => text.replace(/\D/g, '');

/** 사업자등록번호: ten digits, hyphens allowed; stored without them. */
export const BUSINESS_NO: TextForm = {
  expected: { ko: '숫자 10자리 (220-81-62517)', en: 'ten digits (220-81-62517)' },
  test: (text) => /^[0-9-]+$/.test(text) && digitsOf(text).length === 10,
  canonical: digitsOf,
};

/** The tax office's check digit: weights 1 3 7 1 3 7 1 3 5, the ninth product's tens digit added. */
export const BUSINESS_NO_CHECK_DIGIT: TextForm = {
  expected: { ko: '검증 숫자가 맞는 사업자등록번호', en: 'a business number with a valid check digit' },
  test: (text) => {
    const digits = [...digitsOf(text)].map(Number);
    const weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    const sum = weights.reduce((total, weight, i) => total + weight * (digits[i] ?? 0), 0);
    return (10 - ((sum + Math.floor(((digits[8] ?? 0) * 5) / 10)) % 10)) % 10 === digits[9];
  },
};

/** Telephone number: at least seven digits with `+ - ( )` and blanks; compared by its digits. */
export const PHONE: TextForm = {
  expected: { ko: '숫자 7자리 이상의 전화번호', en: 'a telephone number of at least seven digits' },
  test: (text) => /^[0-9+\-() ]+$/.test(text) && digitsOf(text).length >= 7,
};

export const POST_NO: TextForm = {
  expected: { ko: '숫자 5자리', en: 'five digits' },
  test: (text) => /^[0-9]{5}$/.test(text),
};

/** Account number: digits and hyphens, at least six digits; stored and compared without hyphens. */
export const BANK_ACCT_NUM: TextForm = {
  expected: { ko: '숫자 6자리 이상의 계좌번호', en: 'an account number of at least six digits' },
  test: (text) => /^[0-9-]{6,12}$/.test(text) && digitsOf(text).length >= 6,
  canonical: digitsOf,
};

export const CID: TextForm = {
  expected: { ko: '영문 대문자와 숫자 10자리', en: 'ten characters A-Z and 0-9' },
  test: (text) => /^[A-Z0-9]{10}$/.test(text),
};

/** A payment number: 1 to 16 digits, an integer, so leading zeros mean nothing. */
export const TID: TextForm = {
  expected: { ko: '숫자 1-16자리', en: '1 to 16 digits' },
  test: (text) => /^[0-9]{1,16}$/.test(text),
  canonical: (text) => text.replace(/^0+(?=[0-9])/, ''),
};

/** Absolute http or https URL without user info. WHATWG parsing alone would repair `http:\\host` or `https:host`. */
export const REDIRECT_URL: TextForm = {
  expected: {
    ko: '사용자 정보가 없는 http 또는 https 절대 주소',
    en: 'an absolute http or https URL without user info',
  },
  test: (text) => {
    const url = parseUrl(text);
    return url !== null && url.username === '' && url.password === '' && !/^[^/]*\/\/[^/?#]*@/.test(text);
  },
};

/** In live mode redirects are https; loopback hosts are for a merchant's own tests. */
export const SECURE_REDIRECT_URL: TextForm = {
  expected: { ko: 'https 주소', en: 'an https URL' },
  test: (text) => {
    const url = parseUrl(text);
    return url === null || url.protocol === 'https:' || isLoopback(url.hostname);
  },
};

/** A date and time that exist, `YYYY.MM.DD HH:mm:ss`. */
export const SEOUL_TIME: TextForm = {
  expected: { ko: 'YYYY.MM.DD HH:mm:ss', en: 'YYYY.MM.DD HH:mm:ss' },
  test: (text) => fromSeoulTime(text) !== null,
};

function parseUrl(text: string): URL | null {
  if (!/^https?:\/\/[^\s/\\?#]+(?:[/?#][^\s\\]*)?$/i.test(text)) return null;
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Where a list goes on, as an answer gave it. */
export const CURSOR: TextForm = {
  expected: { ko: '앞 응답의 next_cursor', en: 'next_cursor of the answer before' },
  test: (text) => /^[A-Za-z0-9_-]+$/.test(text),
};

/** SHA-256 of something that must not travel itself, hex. */
export const SHA_256: TextForm = {
  expected: { ko: '16진수 64자리', en: '64 hexadecimal digits' },
  test: (text) => /^[0-9a-f]{64}$/.test(text),
};
