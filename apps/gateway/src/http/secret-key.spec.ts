import { type Mode, OneQError } from '@oneq/contracts';
import { invitation, secretKey } from './secret-key';

const SECRET = 'abcdefghijklmnopqrstuvwxyz0123456789';

function refusalOf(work: () => unknown): OneQError {
  try {
    work();
  } catch (error) {
    if (error instanceof OneQError) return error;
  }
  throw new Error('it was not refused');
}

describe('a key in the Authorization header', () => {
  it('is read as RFC 6750 has it, the scheme in any case', () => {
    expect(secretKey('Bearer sk_test_oneq', 'sandbox')).toBe('sk_test_oneq');
    expect(secretKey('bearer  sk_live_a-b._~+/=', 'live')).toBe('sk_live_a-b._~+/=');
    expect(secretKey(undefined, 'live')).toBeUndefined();
  });

  it.each<[string, string, Mode, RegExp, RegExp]>([
    ['Basic', `Basic ${SECRET}`, 'sandbox', /Basic/, /Basic/],
    ['no scheme', `sk_test_${SECRET}`, 'sandbox', /Bearer가 빠져/, /lacks the word Bearer/],
    ['a live key in the sandbox', `Bearer sk_live_${SECRET}`, 'sandbox', /샌드박스/, /live key/],
    ['a test key in live mode', `Bearer sk_test_${SECRET}`, 'live', /라이브 환경/, /test key/],
    ['an invitation', `Bearer inv_${SECRET}`, 'sandbox', /초대/, /invitation/],
    ['a webhook secret', `Bearer whsec_${SECRET}`, 'live', /웹훅/, /webhook secret/],
    ['the redirect secret', `Bearer rs_${SECRET}`, 'live', /redirect_secret/, /redirect_secret/],
  ])('is refused with the mistake named: %s', (_mistake, header, mode, ko, en) => {
    const error = refusalOf(() => secretKey(header, mode));
    expect(error.code).toBe('SECRET_KEY_INVALID');
    expect(error.detail.ko).toMatch(ko);
    expect(error.detail.en).toMatch(en);
    expect(JSON.stringify(error.toWire())).not.toContain(SECRET);
  });

  it.each(['', 'Bearer', 'Bearer ', `Bearer a b`, 'Digest username="a"', 'Bearer sk_test_ü'])(
    'is refused with the general words when it is %p',
    (header) => {
      const error = refusalOf(() => secretKey(header, 'sandbox'));
      expect(error).toEqual(new OneQError('SECRET_KEY_INVALID'));
    },
  );
});

describe('an invitation in the Authorization header', () => {
  it('is needed, and nothing else will do', () => {
    expect(invitation(`Bearer inv_${SECRET}`)).toBe(`inv_${SECRET}`);
    expect(refusalOf(() => invitation(undefined)).code).toBe('SECRET_KEY_REQUIRED');
    const error = refusalOf(() => invitation(`Bearer sk_live_${SECRET}`));
    expect(error.code).toBe('SECRET_KEY_INVALID');
    expect(error.detail.en).toContain('inv_');
  });
});
