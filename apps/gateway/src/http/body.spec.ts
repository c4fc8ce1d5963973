import { OneQError } from '@oneq/contracts';
import type { FastifyRequest } from 'fastify';
import { readForm, readJson, requireReadableType } from './body';

const form = (text: string | Buffer) => readForm(Buffer.isBuffer(text) ? text : Buffer.from(text));
const json = (text: string | Buffer) => readJson(Buffer.isBuffer(text) ? text : Buffer.from(text));

function faultsOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof OneQError) return error.extras.errors?.map(({ field, code }) => `${field}:${code}`);
    throw error;
  }
}

describe('a form body', () => {
  it('is read as UTF-8, with + as a blank and %XX as bytes', () => {
    expect(form('item_name=%EA%B3%A0+%2B&empty=&name').values).toEqual({ item_name: '고 +', empty: '', name: '' });
    expect(form(Buffer.from('item_name=고구마')).values).toEqual({ item_name: '고구마' });
  });

  it('tells names that come twice, and keeps the first value', () => {
    expect(form('a=1&b=2&a=3')).toEqual({ values: expect.objectContaining({ a: '1', b: '2' }), duplicated: ['a'] });
    expect(form('a=1&%61=2').duplicated).toEqual(['a']);
  });

  it.each([
    ['a cut-off escape', 'amount=%2', 'amount:INVALID_FORMAT'],
    ['an escape that is not hex', 'amount=%zz', 'amount:INVALID_FORMAT'],
    ['EUC-KR bytes', 'amount=%B0%ED', 'amount:INVALID_FORMAT'],
    ['an overlong sequence', 'amount=%C0%80', 'amount:INVALID_FORMAT'],
    ['an encoded surrogate', 'amount=%ED%A0%80', 'amount:INVALID_FORMAT'],
    ['a broken name', '%B0=1', ':INVALID_FORMAT'],
  ])('is refused for %s, with the field', (_what, text, fault) => {
    expect(faultsOf(() => form(text))).toEqual([fault]);
  });

  it('tells every field that cannot be decoded', () => {
    expect(faultsOf(() => form('a=%zz&b=1&c=%ff'))).toEqual(['a:INVALID_FORMAT', 'c:INVALID_FORMAT']);
  });

  it('cannot reach an object prototype', () => {
    const { values } = form('__proto__=x&constructor=y&toString=z&hasOwnProperty=w');
    expect(Object.getPrototypeOf(values)).toBeNull();
    expect(Object.keys(values)).toEqual(['__proto__', 'constructor', 'toString', 'hasOwnProperty']);
  });

  it('does not echo a strange name', () => {
    expect(form('<b>=1&<b>=2').duplicated).toEqual(['']);
  });
});

describe('a JSON body', () => {
  it('is read with its types', () => {
    expect(json('{"amount":16000,"item_name":"고","x":null}').values).toEqual({
      amount: 16000,
      item_name: '고',
      x: null,
    });
  });

  it('tells names that come twice at the top, escaped or not, and only there', () => {
    expect(json('{"a":1,"b":{"c":1,"c":2},"\\u0061":2}').duplicated).toEqual(['a']);
  });

  it.each([
    ['an array', '[]'],
    ['a string', '"a"'],
    ['null', 'null'],
    ['a number', '1'],
    ['no JSON', '{a:1}'],
    ['a comment', '{"a":1}//'],
    ['a trailing comma', '{"a":1,}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a byte order mark', '\ufeff{}'],
  ])('is refused whole when it is %s', (_what, text) => {
    expect(faultsOf(() => json(text))).toEqual([':INVALID_FORMAT']);
  });

  it('cannot reach an object prototype', () => {
    const { values } = json('{"__proto__":{"admin":true},"a":1}');
    expect(Object.getPrototypeOf(values)).toBeNull();
    expect(values.a).toBe(1);
    expect('admin' in values).toBe(false);
  });
});

describe('a media type', () => {
  const check = (type: string) =>
    requireReadableType({ headers: { 'content-type': type, 'content-length': '1' } } as unknown as FastifyRequest);

  it.each([`a${'/'.repeat(7_000)}${' '.repeat(8_000)}!`, `a/b${'; '.repeat(7_000)}`, `a/b;c="${'\\'.repeat(200)}`])(
    'that is made to be slow is refused at once (%#)',
    (type) => {
      const times = [1, 2, 3, 4, 5].map(() => {
        const started = process.cpuUsage();
        expect(() => check(type)).toThrow('UNSUPPORTED_MEDIA_TYPE');
        return process.cpuUsage(started).user;
      });
      expect(Math.min(...times)).toBeLessThan(100_000); // what is slow by its text is slow each time
    },
  );

  it.each(['application/json', ' application/json ; charset=utf-8 ', 'application/json;charset="UTF-8";x="a;b\\""'])(
    'is read as the standard has it: %p',
    (type) => {
      expect(() => check(type)).not.toThrow();
    },
  );
});
