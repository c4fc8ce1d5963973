import { TEST_SECRET } from '@oneq/testing';
import { CheckoutTokens } from './checkout-tokens';

const OLD = `${TEST_SECRET}-old`;
const tokens = new CheckoutTokens(
  new Map([
    [1, OLD],
    [2, TEST_SECRET],
  ]),
);

describe('checkout tokens', () => {
  it('open the page they were made for, and only that', () => {
    const pc = tokens.issue('9007199254740991', 'pc', 2);
    expect(pc).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(tokens.open(pc, 'pc')).toBe('9007199254740991');
    expect(tokens.open(pc, 'phone')).toBeNull();
  });

  it('outlive a rotation of the secret: older versions still open, new ones are made with the newest', () => {
    expect(tokens.currentVersion).toBe(2);
    const old = new CheckoutTokens(new Map([[1, OLD]])).issue('12345', 'pc', 1);
    expect(tokens.open(old, 'pc')).toBe('12345');
    expect(new CheckoutTokens(new Map([[2, TEST_SECRET]])).open(old, 'pc')).toBeNull();
  });

  it('do not open when a single character is changed', () => {
    const token = tokens.issue('12345', 'phone', 2);
    for (let i = 0; i < token.length; i += 1) {
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1);
      expect(tokens.open(changed, 'phone')).toBeNull();
    }
  });

  it.each(['', 'x', '12345', 'A'.repeat(32), 'A'.repeat(1000), '한글', '../../etc/passwd'])('are not %p', (text) => {
    expect(tokens.open(text, 'pc')).toBeNull();
  });
});
