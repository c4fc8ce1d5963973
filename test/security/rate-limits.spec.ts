import { connect } from 'node:net';
import { type Answer, anAffiliation, type Fields, Shop, until } from '../e2e/shop';

const LIMIT = 5;
const KEY = { authorization: 'Bearer sk_test_oneq' };

const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);
const count = (answers: readonly Answer[], status: number) =>
  statuses(answers).filter((each) => each === status).length;
const times = (n: number, work: (index: number) => Promise<Answer>) =>
  Promise.all(Array.from({ length: n }, (_each, index) => work(index)));

describe('requests from one address', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT) } });
  }, 60_000);
  afterAll(() => shop?.close());
  /** The limit is a second's worth. */
  const rested = () => until(async () => (await shop.get('/openapi.json')).status === 200);

  it('over the limit are refused with what to do, and served again after that time', async () => {
    const answers = await times(LIMIT * 10, () => shop.get('/docs/errors'));
    expect(count(answers, 200)).toBeGreaterThanOrEqual(LIMIT);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toMatchObject({ code: 'TOO_MANY_REQUESTS', outcome: 'final', retryable: true, status: 429 });
    expect(refused?.headers.get('retry-after')).toBe('1');
    expect(refused?.headers.get('ratelimit-policy')).toBe(`"address";q=${LIMIT};w=1`);
    expect(refused?.headers.get('ratelimit')).toBe('"address";r=0;t=1');
    expect(refused?.headers.get('content-type')).toBe('application/problem+json');
    await rested();
  });

  it('are counted whatever X-Forwarded-For and the like claim', async () => {
    const names = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'client-ip', 'true-client-ip', 'cf-connecting-ip'];
    const answers = await times(LIMIT * 4, (index) =>
      shop.get('/pay', {
        ...KEY,
        ...Object.fromEntries(
          names.map((name) => [name, name === 'forwarded' ? `for=10.0.0.${index}` : `10.0.0.${index}`]),
        ),
      }),
    );
    expect(count(answers, 429)).toBeGreaterThan(LIMIT);
    await rested();
  });

  it('never keep health checks from being answered', async () => {
    const [health] = await Promise.all([
      times(LIMIT * 3, () => shop.get('/health/live')),
      times(LIMIT * 3, () => shop.get('/pay', KEY)),
    ]);
    expect(count(health, 200)).toBe(LIMIT * 3);
    await rested();
  });

  it('are counted on every path, also where nothing is, and leave the gateway before their body is read', async () => {
    const { hostname, port } = new URL(shop.url);
    const refused = (path: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: hostname, port: Number(port) });
        socket.once('data', (chunk) => {
          resolve(/^HTTP\/1\.1 429 /.test(String(chunk)));
          socket.destroy();
        });
        socket.once('close', () => resolve(false)).once('error', () => resolve(false));
        // A body is promised and never sent.
        socket.write(
          `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
        );
        setTimeout(() => socket.destroy(), 3_000).unref();
      });
    const all = await Promise.all(
      Array.from({ length: LIMIT * 6 }, (_each, i) => refused(i % 2 ? '/pay' : '/nothing')),
    );
    expect(all.filter(Boolean).length).toBeGreaterThan(LIMIT);
    await rested();
  });
});

describe('requests for one merchant', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ env: { RATE_LIMIT_PER_SECOND: String(LIMIT), TRUST_PROXY: 'loopback' } });
  }, 60_000);
  afterAll(() => shop?.close());

  let last = 0;
  /** A client address that nobody has used, as the trusted proxy tells it. */
  const elsewhere = (): Fields => {
    last += 1;
    return { 'x-forwarded-for': `198.51.${last >> 8}.${last & 255}` };
  };
  async function affiliated(): Promise<{ cid: string; key: Fields }> {
    const { body } = await shop.form('/pay/store/token', anAffiliation(), elsewhere());
    return { cid: String(body.cid), key: { authorization: `Bearer ${body.secret_key}` } };
  }

  it('are limited however many addresses its key is used from, and touch no other merchant', async () => {
    const [one, other] = [await affiliated(), await affiliated()];
    const answers = await times(LIMIT * 3, () => shop.get('/pay', { ...one.key, ...elsewhere() }));
    expect(count(answers, 429)).toBeGreaterThan(LIMIT);
    expect(answers.find(({ status }) => status === 429)?.headers.get('ratelimit-policy')).toBe(
      `"merchant";q=${LIMIT};w=1`,
    );
    expect((await shop.get('/pay', { ...other.key, ...elsewhere() })).status).toBe(200);
  });

  it('without its key use up nothing of what its key may send', async () => {
    const { cid, key } = await affiliated();
    const answers = await times(LIMIT * 3, (index) =>
      shop.form('/pay/success', { cid: index % 2 ? cid : ` ${cid} ` }, elsewhere()),
    );
    expect(count(answers, 429)).toBeGreaterThan(LIMIT);
    expect((await shop.get('/pay', { ...key, ...elsewhere() })).status).toBe(200);
  });

  it('from addresses of one IPv6 /64 count as from one address, those of another /64 do not', async () => {
    const from = (ip: string) => shop.get('/docs/errors', { 'x-forwarded-for': ip });
    const answers = await times(LIMIT * 3, (index) => from(`2001:db8:1:1::${index.toString(16)}`));
    expect(count(answers, 429)).toBeGreaterThan(LIMIT);
    expect((await from('2001:db8:1:2::1')).status).toBe(200);
  });

  it('are counted by what the trusted proxy says last, not by what the client put before it', async () => {
    const answers = await times(LIMIT * 3, (index) =>
      shop.get('/docs/errors', { 'x-forwarded-for': `10.1.1.${index}, 203.0.113.7` }),
    );
    expect(count(answers, 429)).toBeGreaterThan(LIMIT);
  });
});
