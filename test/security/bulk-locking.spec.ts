import { setTimeout as wait } from 'node:timers/promises';
import { Payer } from '../../bench/payer';
import { Shop } from '../e2e/shop';

const RIGHT = '482915';
const WRONG = '482916';
const ADDRESS = '203.0.113.77';

/** Five wrong passwords lock a wallet; whoever knows many account numbers must not lock them all. */
describe('wrong passwords from one address for many wallets', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ env: { PIN_FAILURES_PER_ADDRESS: '30', TRUST_PROXY: 'loopback', LOG_LEVEL: 'trace' } });
    // Counts begin anew with the hour, which must not turn meanwhile.
    const left = 3_600_000 - (Date.now() % 3_600_000);
    if (left < 60_000) await wait(left + 100);
  }, 120_000);
  afterAll(() => shop?.close());

  const prepared = async () => {
    const { answer, order } = await shop.prepare();
    return { url: String(answer.body.android_app_scheme), order };
  };
  const payerAt = (address: string) => new Payer(shop.url, { 'x-forwarded-for': address });

  it('lock six of twelve at most; the rest can be paid with, at once from elsewhere', async () => {
    const wallets: Array<Awaited<ReturnType<typeof prepared>>['order']> = [];
    for (let i = 0; i < 12; i += 1) {
      const { url, order } = await prepared();
      const owner = payerAt(`198.51.100.${i}`);
      await owner.begin(url);
      expect((await owner.enter(url, RIGHT)).body).toMatchObject({ outcome: 'authenticated' });
      wallets.push(order);
    }
    const answers: Array<{ status: number; body: Record<string, unknown>; url: string; payer: Payer }> = [];
    for (const { bank_acct_num = '' } of wallets) {
      const { answer } = await shop.prepare({ bank_acct_num, amount: '1' });
      const url = String(answer.body.android_app_scheme);
      const payer = payerAt(ADDRESS);
      await payer.begin(url);
      for (let tries = 0; tries < 5; tries += 1) {
        const entered = await payer.enter(url, WRONG);
        answers.push({ ...entered, url, payer });
        if (entered.status !== 401) break;
      }
    }
    const [{ locked } = { locked: Number.NaN }] = await shop.rows<{ locked: number }>(
      'SELECT count(*)::integer AS locked FROM payment.passwords WHERE locked_until > now()',
    );
    expect(locked).toBe(6);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(6);
    for (const { body } of refused) expect(body).toMatchObject({ code: 'TOO_MANY_REQUESTS', outcome: 'final' });

    // It is told where the keypad is, which stays.
    const [{ payer, url } = { payer: payerAt(''), url: '' }] = refused;
    const { html } = await payer.open(
      `${url}&step=password&payment_method_type=MONEY&top_up_amount=0&mode=type&notice=limited`,
    );
    expect(html).toContain('비밀번호가 너무 많이 틀려');
    const { status } = await payer.enter(url, RIGHT);
    expect(status).toBe(429);

    const { bank_acct_num = '' } = wallets[11] ?? {};
    const { answer } = await shop.prepare({ bank_acct_num, amount: '1' });
    const owner = payerAt('198.51.100.11');
    const own = String(answer.body.android_app_scheme);
    await owner.begin(own);
    expect((await owner.enter(own, RIGHT)).body).toMatchObject({ outcome: 'authenticated' });
  });

  it('leave no address behind, in the database or the logs', async () => {
    const kept = JSON.stringify(await shop.rows('SELECT * FROM payment.password_failures'));
    expect(kept).toMatch(/"subject":"[0-9a-f]{64}"/);
    expect(kept).not.toContain(ADDRESS);
    expect(await shop.logs()).not.toContain(ADDRESS);
  });
});
