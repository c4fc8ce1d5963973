import { TEST_SECRET } from '@oneq/testing';
import { PaymentIds } from './payment-ids';

describe('tids', () => {
  const ids = new PaymentIds(TEST_SECRET);

  it('are positive decimal integers below 2^53, all different, and lead back to their id', () => {
    const tids = new Set<string>();
    for (let id = 1; id <= 20_000; id += 1) {
      const tid = ids.toTid(id);
      expect(tid).toMatch(/^[1-9][0-9]{0,15}$/);
      expect(Number.isSafeInteger(Number(tid))).toBe(true);
      expect(ids.toId(tid)).toBe(id);
      tids.add(tid);
    }
    expect(tids.size).toBe(20_000);
  });

  it('tell nothing about each other: consecutive ones are spread over the whole range', () => {
    const steps = Array.from({ length: 2_000 }, (_, i) => Number(ids.toTid(i + 2)) - Number(ids.toTid(i + 1)));
    expect(steps.filter((step) => step > 0).length / steps.length).toBeCloseTo(0.5, 1);
    const buckets = new Array<number>(16).fill(0);
    for (let id = 1; id <= 16_000; id += 1) {
      const bucket = Math.floor(Number(ids.toTid(id)) / 2 ** 49);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    // 1,000 expected in each; five standard deviations are about 150.
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(155);
  });

  it('never change: those that were given out must lead to their payments for ever', () => {
    const given = {
      1: '2030555410264679',
      2: '178425908755599',
      3: '6687001833015959',
      1099511627783: '4990852598489128',
    };
    const all = Object.keys(given).map(Number);
    expect(ids.toTids(all)).toEqual(Object.values(given));
    expect(all.map((id) => ids.toTid(id))).toEqual(Object.values(given));
  });

  it('depend on the secret', () => {
    expect(new PaymentIds(`${TEST_SECRET}-other`).toTid(1)).not.toBe(ids.toTid(1));
  });

  it('work at both ends of the range', () => {
    for (const id of [1, 2 ** 31, Number.MAX_SAFE_INTEGER]) expect(ids.toId(ids.toTid(id))).toBe(id);
  });

  it.each(['', '0', '-1', '1.5', 'abc', '9007199254740992', '99999999999999999'])('are not %p', (tid) => {
    expect(ids.toId(tid)).toBeNull();
  });
});
