import { KEYPAD_MODES, type KeypadPurpose } from '@oneq/contracts';
import { TEST_SECRET } from '@oneq/testing';
import { glyph } from './glyphs';
import { type Agreement, Keypads } from './keypads';

const AGREEMENT: Agreement = {
  token: 'a-token',
  session: 'a'.repeat(64),
  payment_method_type: 'MONEY',
  top_up_amount: 0,
  mode: 'type',
};
const NOW = 1_800_000_000_000;

describe('keypads', () => {
  const keypads = new Keypads(TEST_SECRET);
  const make = (changes: Partial<Agreement> = {}, purpose: KeypadPurpose = 'enter') =>
    keypads.make({ ...AGREEMENT, ...changes }, purpose, NOW);

  /** What these keys mean to the payment service. */
  function read(attempt: string, keys: string, changes: Partial<Agreement> = {}) {
    const opened = keypads.open(attempt, { ...AGREEMENT, ...changes });
    return opened && keypads.read(opened, keys);
  }

  it.each(['enter', 'set1', 'set2'] as const)('reads what was pressed, for the purpose %s', (purpose) => {
    const { attempt, keys } = make({}, purpose);
    expect(keypads.open(attempt, AGREEMENT)).toMatchObject({ purpose, issued_at: new Date(NOW) });
    expect(read(attempt, [3, 0, 3, 9, 1, 5].map((digit) => keys[digit]?.code).join(''))).toBe('303915');
  });

  it.each(KEYPAD_MODES)('has ten keys with codes of their own in the mode %s', (mode) => {
    const { keys } = make({ mode });
    expect(new Set(keys.map(({ code }) => code)).size).toBe(10);
    for (const { code, path } of keys) {
      expect(code).toMatch(/^[A-Za-z0-9_-]{8}$/);
      expect(path === null).toBe(mode === 'type');
    }
  });

  it('is good for nothing but what it was made for', () => {
    const { attempt, keys } = make();
    const pressed = keys
      .slice(0, 6)
      .map(({ code }) => code)
      .join('');
    expect(read(attempt, pressed)).toBe('012345');
    const others: Array<Partial<Agreement>> = [
      { token: 'another' },
      { session: 'b'.repeat(64) },
      { payment_method_type: '계좌' },
      { top_up_amount: 1 },
      { mode: 'pad' },
      { first: 'x' },
    ];
    for (const other of others) expect(read(attempt, pressed, other)).toBeNull();
    expect(new Keypads(`${TEST_SECRET}-other`).open(attempt, AGREEMENT)).toBeNull();
  });

  it('opens neither with altered bytes nor with nonsense', () => {
    const { attempt } = make();
    const bytes = Buffer.from(attempt, 'base64url');
    for (let i = 0; i < bytes.length; i += 1) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(i) ^ 1, i);
      expect(keypads.open(altered.toString('base64url'), AGREEMENT)).toBeNull();
    }
    for (const nonsense of ['', 'x', `${attempt}A`, attempt.slice(1), '한'.repeat(40)]) {
      expect(keypads.open(nonsense, AGREEMENT)).toBeNull();
    }
  });

  it('takes exactly six keys of this very keypad', () => {
    const { attempt, keys } = make();
    const [zero] = keys;
    const code = zero?.code ?? '';
    const foreign = make().keys[0]?.code ?? '';
    expect(read(attempt, code.repeat(6))).toBe('000000');
    for (const wrong of ['', code.repeat(5), code.repeat(7), code.repeat(5) + foreign, '0'.repeat(48), '000000']) {
      expect(read(attempt, wrong)).toBeNull();
    }
  });

  it('shares no code and no order between two attempts', () => {
    const one = make({ mode: 'pad' });
    const two = make({ mode: 'pad' });
    const codes = new Set([...one.keys, ...two.keys].map(({ code }) => code));
    expect(codes.size).toBe(20);
    expect(one.attempt).not.toBe(two.attempt);
  });

  it('puts each digit into each place of the pad about as often as any other', () => {
    const places = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
    for (let i = 0; i < 1_000; i += 1) {
      const { attempt, keys } = make({ mode: 'pad' });
      keys.forEach(({ code }, place) => {
        const digit = Number(read(attempt, code.repeat(6), { mode: 'pad' })?.[0]);
        const row = places[place];
        if (row) row[digit] = (row[digit] ?? 0) + 1;
      });
    }
    // 1,000 draws of one in ten: 100, give or take four standard deviations of 9.5.
    for (const count of places.flat()) {
      expect(count).toBeGreaterThan(60);
      expect(count).toBeLessThan(140);
    }
  });

  it('draws each digit differently each time, within its box', () => {
    for (let digit = 0; digit < 10; digit += 1) {
      const drawn = Array.from({ length: 20 }, () => glyph(digit));
      expect(new Set(drawn).size).toBe(20);
      for (const path of drawn) {
        expect(path).toMatch(/^(M-?[\d.]+ -?[\d.]+(L-?[\d.]+ -?[\d.]+)+)+$/);
        const numbers = (path.match(/[\d.]+/g) ?? []).map(Number);
        expect(Math.max(...numbers)).toBeLessThan(140);
      }
    }
  });
});
