import { type Answer, anAffiliation, anOrder, type Fields, Shop } from '../e2e/shop';
import { each } from './http';

const KEY = { authorization: 'Bearer sk_test_oneq' };
const GUESSES = 10_000;
const REAL = 200;

/** What an answer tells: all but what is of this one request. */
function told({ status, headers, body }: Answer): string {
  const { trace_id: _trace, instance: _instance, ...rest } = body;
  return JSON.stringify([status, headers.get('content-type'), rest]);
}

/** What another merchant learns of payments, orders and merchants that are not its own. */
describe('a merchant that guesses', () => {
  let shop: Shop;
  let otherKey: Fields;
  const payments: Array<{ tid: string; order: Fields }> = [];
  beforeAll(async () => {
    shop = await Shop.open({ env: { RATE_LIMIT_PER_SECOND: '1000000' } });
    const { body } = await shop.form('/pay/store/token', anAffiliation());
    otherKey = { authorization: `Bearer ${body.secret_key}` };
    for (let i = 0; i < REAL; i += 1) payments.push(await shop.prepare());
    for (const { tid, order } of payments.slice(0, 10)) {
      await shop.authenticate(tid);
      await shop.approve(order);
    }
  }, 120_000);
  afterAll(() => shop?.close());

  /** Random in the range of tids, next to real ones, and real ones. */
  function tids(count: number): string[] {
    return Array.from({ length: count }, (_each, i) => {
      const real = payments[i % REAL]?.tid ?? '';
      if (i % 3 === 0) return real;
      if (i % 3 === 1) return String(BigInt(real) + BigInt((i % 7) - 3 || 1));
      return String(Math.floor(Math.random() * 2 ** 53));
    });
  }

  const orders = (count: number) =>
    Array.from({ length: count }, (_each, i) =>
      i % 2 ? (payments[i % REAL]?.order.order_id ?? '') : `order-${Math.floor(Math.random() * 1e9)}`,
    );

  const everything = () =>
    shop.rows('SELECT id, status, amount, sequence, cancelled_amount FROM payment.payments ORDER BY id');

  it(`learns nothing from ${GUESSES} requests: what is another's and what is nobody's are answered alike`, async () => {
    const before = await everything();
    const share = GUESSES / 5;
    const asks: Readonly<Record<string, ReadonlyArray<() => Promise<Answer>>>> = {
      'GET /pay/{tid}': tids(share).map((tid) => () => shop.get(`/pay/${tid}`, otherKey)),
      'GET /pay?order_id': orders(share).map((id) => () => shop.get(`/pay?order_id=${id}`, otherKey)),
      'POST /pay/cancel by tid': tids(share / 2).map((tid) => () => shop.form('/pay/cancel', { tid }, otherKey)),
      'POST /pay/cancel by order': orders(share / 2).map(
        (order_id) => () => shop.form('/pay/cancel', { order_id }, otherKey),
      ),
      'POST /pay/net-cancel': orders(share / 2).map(
        (order_id) => () => shop.form('/pay/net-cancel', { order_id, amount: '16000' }, otherKey),
      ),
      'POST /pay/success': payments
        .slice(0, 10)
        .flatMap(({ order, tid }) =>
          ['TC0ONETIME', 'TC00NETIME', 'TCNOBODY00'].flatMap((cid) =>
            [{}, { tid }, { tid: '12345' }, { order_id: 'none' }].map(
              (changes) => () =>
                shop.form(
                  '/pay/success',
                  { ...order, tran_dt: '2016.11.15 21:18:22', cid, ...(changes as Fields) },
                  otherKey,
                ),
            ),
          ),
        ),
      'the cid of others': Array.from({ length: share / 2 }, (_each, i) => [
        'TC0ONETIME',
        'TC00NETIME',
        `TC${String(10_000_000 + i)}`,
      ])
        .flat()
        .slice(0, share / 2)
        .map((cid) => () => shop.form('/pay', anOrder({ cid }), otherKey)),
    };
    for (const [call, guesses] of Object.entries(asks)) {
      const answers = new Map<string, number>();
      await each(guesses, 24, async (guess) => {
        const what = told(await guess());
        answers.set(what, (answers.get(what) ?? 0) + 1);
      });
      expect([call, [...answers.keys()]]).toEqual([call, [expect.any(String)]]);
    }
    expect(await everything()).toEqual(before);
    expect((await shop.get(`/pay/${payments[0]?.tid}`, KEY)).body.status).toBe('APPROVED');
  }, 180_000);

  it('sees no order in tids: neither time nor volume shows', () => {
    const numbers = payments.map(({ tid }) => Number(tid));
    expect(numbers.every((tid) => Number.isSafeInteger(tid) && tid > 0)).toBe(true);
    expect(new Set(numbers).size).toBe(numbers.length);
    const ranks = [...numbers].sort((a, b) => a - b);
    const rank = new Map(ranks.map((tid, at) => [tid, at]));
    const n = numbers.length;
    const squares = numbers.reduce((sum, tid, at) => sum + ((rank.get(tid) ?? 0) - at) ** 2, 0);
    const spearman = 1 - (6 * squares) / (n * (n * n - 1));
    expect(Math.abs(spearman)).toBeLessThan(5 / Math.sqrt(n)); // five standard deviations of no order at all
    // Consecutive ones are far apart, and are so by no common step.
    const steps = numbers.slice(1).map((tid, at) => tid - (numbers[at] ?? 0));
    expect(new Set(steps).size).toBe(steps.length);
    for (const digit of [0, 1]) {
      const even = numbers.filter((tid) => Math.floor(tid / 2 ** digit) % 2 === 0).length;
      expect(Math.abs(even - n / 2)).toBeLessThan(5 * Math.sqrt(n / 4));
    }
  });
});
