/** Arbitraries that know the fields: valid values, values that are nearly so, and what no client of good will sends. */
import { type FieldDescription, fieldsOf, type MessageClass } from '@oneq/contracts';
import fc from 'fast-check';

/** Text that has broken others: controls, bidi, surrogates, prototypes, other digits, markup, other languages' syntax. */
const HOSTILE = [
  ...[
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\u001b[31m',
    '\u007f',
    '\u0085',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\ufffd',
    '\uffff',
  ],
  ...[
    '\u202eabc',
    '\u2066a\u2069',
    '\u200f',
    '\u061c',
    '\u200b',
    '\u3164',
    '\u2800',
    '\u00ad',
    '\u{e0001}',
    '\u{1d173}',
  ],
  ...['\ud800', '\udfff', 'a\ud83d', '\ude00\ud83d', '🍕', '👩‍👩‍👧‍👦', '🇰🇷', 'é', 'ﷺ', 'ﬃ', '\u0344', '\u1e9b\u0323'],
  ...['\u0300'.repeat(50), `e${'\u0301'.repeat(300)}`, '고구마'.normalize('NFD'), '각'.repeat(60).normalize('NFD')],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
    'null',
    'undefined',
    'true',
    'NaN',
  ],
  ...[
    '0',
    '-0',
    '-1',
    '+1',
    '1e3',
    '1E400',
    '0x10',
    '1.0',
    '1.5',
    '１６０００',
    '٣',
    '१',
    '1_000',
    '1,000',
    '9'.repeat(400),
  ],
  ...['2147483647', '2147483648', '9007199254740993', '18446744073709551616', '000000000000000000001', '0'.repeat(300)],
  ...["'; DROP TABLE payments; --", '<script>alert(1)</script>', '{{7*7}}', '%00', '%', '%zz', '%ff', '%EA%B3'],
  ...[
    '../../etc/passwd',
    '\\\\host\\share',
    'http://user@host/',
    'javascript:alert(1)',
    'http://[::1]:99999/',
    'http://h/\u0000',
  ],
  ...[
    '2016.11.15 21:18:22',
    '2016.02.30 00:00:00',
    '0000.00.00 00:00:00',
    '9999.12.31 23:59:59',
    'TC00NETIME',
    'sk_test_oneq',
  ],
];

export const hostileText = fc.oneof(
  { arbitrary: fc.constantFrom(...HOSTILE), weight: 4 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 60 }), weight: 2 },
  { arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }), weight: 1 },
  {
    arbitrary: fc.array(fc.nat({ max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
    weight: 1,
  },
);

/** Values by the name of a field, for those whose form random text never meets. */
const FORMED: Readonly<Record<string, fc.Arbitrary<string>>> = {
  cid: fc.constantFrom('TC00NETIME', 'TC0ONETIME', 'TCUNKNOWN0', 'tc0onetime'),
  business_no: fc.nat({ max: 9_999 }).map((n) => `220-81-6${String(n).padStart(4, '0')}`),
  store_phone: fc.constantFrom('02-2002-1111', '+82 (2) 2002-1111', '123456', '１２３４５６７'),
  post_no: fc.constantFrom('04523', '0452', '０４５２３'),
  bank_acct_num: fc.nat({ max: 99_999 }).map((n) => `110-${String(n).padStart(7, '0')}`),
  tran_dt: fc.constantFrom('2016.11.15 21:18:22', '2016.11.15 24:00:00', '2024.02.29 00:00:00', '2023.02.29 00:00:00'),
  tid: fc.constantFrom('1', '12345', '0000000000000000', '9999999999999999', '12345678901234567'),
  cursor: fc.constantFrom('abc', 'AAAA', '-', '_', 'eyJhIjoxfQ', '=', 'A'.repeat(200)),
  from: fc.constantFrom('2016.11.15 21:18:22', '0000.01.01 00:00:00', '9999.12.31 23:59:59'),
  to: fc.constantFrom('2016.11.15 21:18:22', '0000.01.01 00:00:00', '9999.12.31 23:59:59'),
  secret_key_hash: fc.constantFrom('0'.repeat(64), 'F'.repeat(64), '0'.repeat(63)),
  session: fc.constantFrom('0'.repeat(64), 'g'.repeat(64)),
};
const URLS = fc.constantFrom(
  ...[
    'http://localhost:3000/a',
    'https://shop.example/a?b=c#d',
    `http://h/${'a'.repeat(246)}`,
    `http://h/${'a'.repeat(247)}`,
  ],
  ...[
    'http://host',
    'HTTP://HOST/',
    'http://한국.example/결제?상점=1',
    'ftp://h/',
    '//h/',
    'http:h',
    'http:\\\\h',
    'http://a@b/',
  ],
);

/** A value for a field: mostly one that it takes, at the limit of its length or range, or one beyond. */
export function valueFor(field: FieldDescription): fc.Arbitrary<string | number> {
  const formed = FORMED[field.name] ?? (field.name.endsWith('_url') ? URLS : undefined);
  const { minimum = 0, maximum = 2_147_483_647, maxLength: max = 100, values } = field;
  const integers = fc.constantFrom(minimum, minimum + 1, maximum, maximum + 1, minimum - 1, 16_000, 0, -0, 1.5, 1e21);
  const atTheLimit = fc
    .tuple(fc.constantFrom('a', '가', '🍕', 'e\u0301', '\u1100\u1161'), fc.constantFrom(1, max - 1, max, max + 1))
    .map(([character, length]) => character.repeat(Math.max(0, length)));
  const good =
    field.type === 'integer'
      ? fc.oneof(integers, integers.map(String), fc.integer({ min: minimum, max: maximum }))
      : values
        ? fc.constantFrom(...values)
        : (formed ?? atTheLimit);
  return fc.oneof(
    { arbitrary: good, weight: 12 },
    { arbitrary: atTheLimit, weight: 1 },
    { arbitrary: hostileText, weight: 2 },
  );
}

/** JSON that no field takes, and what does not even fit into JSON's numbers. */
const jsonValue = fc.oneof(
  fc.constantFrom(null, true, false, [], {}, [1], { $ne: '' }, 1.5, -1),
  fc.jsonValue({ maxDepth: 4 }),
);

export type Pair = readonly [name: string, value: unknown];

/** The fields of a class, most of them there, with a name or two that are not its own or come twice. */
export function fieldsFor(type: MessageClass<object>): fc.Arbitrary<Pair[]> {
  const fields = fieldsOf(type).map((field) =>
    fc
      .tuple(
        fc.constant(field.name),
        fc.oneof({ arbitrary: valueFor(field), weight: 30 }, { arbitrary: jsonValue, weight: 1 }),
      )
      .chain(
        (pair): fc.Arbitrary<Pair[]> =>
          fc.constantFrom([pair], [pair], [pair], [pair], [pair], [pair], field.required ? [pair] : []),
      ),
  );
  const strange = fc.tuple(
    fc.oneof(hostileText, fc.constantFrom('__proto__', 'constructor', 'amount', 'cid')),
    hostileText,
  );
  const extras = fc.oneof(
    { arbitrary: fc.constant([]), weight: 4 },
    { arbitrary: fc.array(strange, { maxLength: 3 }), weight: 1 },
  );
  return fc.tuple(fc.tuple(...fields), extras).map(([own, more]): Pair[] => [...own.flat(), ...more]);
}

/** A form with these fields; lone surrogates become what UTF-8 would have for them. */
export function formBytes(pairs: readonly Pair[]): Buffer {
  const encode = (value: unknown) =>
    [...Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))].map(percentEncoded).join('');
  return Buffer.from(pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'));
}

function percentEncoded(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_.-]/.test(character) ? character : `%${byte.toString(16).padStart(2, '0')}`;
}

/** JSON with these fields, in which a name may come twice. */
export function jsonBytes(pairs: readonly Pair[]): Buffer {
  return Buffer.from(
    `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value) ?? 'null'}`).join(',')}}`,
  );
}

/** Bytes of a body: whole, or with a byte changed, cut or repeated. */
export function damaged(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const damage = fc.tuple(bytes, fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('change', 'cut', 'insert', 'double'));
  const broken = damage.map(([body, at, byte, how]) => {
    const index = at % (body.length + 1);
    const [before, after] = [body.subarray(0, index), body.subarray(index)];
    switch (how) {
      case 'change':
        return Buffer.concat([before, Buffer.from([byte]), after.subarray(1)]);
      case 'cut':
        return before;
      case 'insert':
        return Buffer.concat([before, Buffer.from([byte]), after]);
      default:
        return Buffer.concat([body, body]);
    }
  });
  return fc.oneof({ arbitrary: bytes, weight: 4 }, { arbitrary: broken, weight: 1 });
}
