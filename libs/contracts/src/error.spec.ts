import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, type ErrorCode, FIELD_ERRORS, OneQError, phrase } from './error';

const DOCUMENT = readFileSync(join(__dirname, '../../../docs/errors.md'), 'utf8');

describe('the error table', () => {
  it('is what docs/errors.md says, row by row and nothing more', () => {
    const rows = Object.entries(ERRORS).map(
      ([code, { status, outcome, retryable, detail }]) =>
        `| ${status} | \`${code}\` | ${outcome} | ${retryable ? 'yes' : 'no'} | ${detail.ko} | ${detail.en} |`.replaceAll(
          '<',
          '\\<',
        ), // a tag otherwise
    );
    const documented = DOCUMENT.split('\n').filter((line) => /^\| \d{3} \|/.test(line));
    expect(documented).toEqual(rows);
  });

  it('is complete for fields, too', () => {
    for (const [code, words] of Object.entries(FIELD_ERRORS)) {
      expect(DOCUMENT).toContain(`| \`${code}\` | ${words.ko} | ${words.en} |`);
    }
  });

  it('crosses a wire whole', () => {
    const error = new OneQError('PAYMENT_MISMATCH', {
      errors: [{ field: 'amount', code: 'MISMATCH' }],
      outcome: 'final',
    });
    const arrived = OneQError.fromWire(JSON.parse(JSON.stringify(error.toWire())));
    expect(arrived).toEqual(error);
  });

  it('takes the words for the very mistake instead of the general ones, across the wire too', () => {
    const detail = { ko: '가', en: 'a' };
    const error = new OneQError('SECRET_KEY_INVALID', { detail });
    expect(OneQError.fromWire(JSON.parse(JSON.stringify(error.toWire()))).detail).toEqual(detail);
    expect(new OneQError('SECRET_KEY_INVALID').detail).toBe(ERRORS.SECRET_KEY_INVALID.detail);
  });

  it.each([null, 'Internal server error', { status: 'error' }, { code: 'toString' }, { code: 'NO_SUCH_CODE' }])(
    'makes INTERNAL_ERROR of %p',
    (wire) => {
      expect(OneQError.fromWire(wire).code).toBe('INTERNAL_ERROR' satisfies ErrorCode);
    },
  );

  it('fills the places of a sentence, in the language asked for', () => {
    const params = { max: 1000, format: { ko: '가', en: 'a' } };
    expect(phrase({ ko: '{max}자 {format} {other}', en: '' }, 'ko', params)).toBe('1,000자 가 {other}');
    expect(phrase({ ko: '', en: '{format}' }, 'en', params)).toBe('a');
  });
});
