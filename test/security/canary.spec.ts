import { connect, type NatsConnection } from 'nats';
import { Payer } from '../../bench/payer';
import { type Answer, anAffiliation, anApproval, type Fields, Shop } from '../e2e/shop';

/** Told apart from any other number that may turn up. */
const PASSWORD = '739205';
const WRONG_PASSWORD = '739216';
const ACCOUNT = '739205118264';

/** Secrets that no other has seen, sent through everything that can happen, and then looked for everywhere. */
describe('a payment password, an account number and a secret key', () => {
  let shop: Shop;
  let nats: NatsConnection;
  let secretKey: string;
  /** What crossed NATS, by subject. */
  const wire: Array<{ subject: string; text: string }> = [];
  const answers: Array<{ what: string; text: string }> = [];

  beforeAll(async () => {
    shop = await Shop.open({ env: { LOG_LEVEL: 'trace' } });
    const { host, username: user, password: pass } = new URL(shop.stack.natsUrl);
    nats = await connect({ servers: host, user, pass });
    nats.subscribe('>', {
      callback: (_error, { subject, data, headers }) => {
        const text = [...(headers ?? [])].map(([name, values]) => `${name}: ${values.join()}`);
        wire.push({ subject, text: [...text, Buffer.from(data).toString('utf8')].join('\n') });
      },
    });
    await nats.flush();
    await everyFlow();
    await nats.flush();
  }, 120_000);
  afterAll(async () => {
    await nats?.close();
    await shop?.close();
  });

  const kept = (what: string, { status, text, headers }: Answer): Answer['body'] => {
    answers.push({ what, text: `${status}\n${[...headers].join('\n')}\n${text}` });
    return text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {};
  };

  async function everyFlow(): Promise<void> {
    const affiliation = anAffiliation();
    const affiliated = await shop.form('/pay/store/token', affiliation, { 'idempotency-key': 'canary' });
    const { cid, secret_key } = affiliated.body as { cid: string; secret_key: string };
    secretKey = secret_key; // this one answer is not kept: it is the one that shows it
    kept('affiliate again', await shop.form('/pay/store/token', affiliation, { 'idempotency-key': 'canary' }));
    kept('affiliate otherwise', await shop.form('/pay/store/token', { ...affiliation, opponent_name: '다른이름' }));
    const key = { authorization: `Bearer ${secret_key}` };
    const prepare = async (changes: Fields = {}) => {
      const { order, answer } = await shop.prepare({ cid, bank_acct_num: ACCOUNT, ...changes });
      kept('prepare', answer);
      const { tid, android_app_scheme, next_redirect_url } = answer.body;
      return { order, tid: String(tid), phone: String(android_app_scheme), pc: String(next_redirect_url) };
    };
    const pages = async (payer: Payer, { phone, pc }: { phone: string; pc: string }) => {
      for (const query of ['', '&step=method', '&step=review&payment_method_type=MONEY', '&step=cancel', '&lang=en']) {
        answers.push({ what: `page ${query}`, text: (await payer.open(phone + query)).html });
      }
      answers.push({ what: 'pc page', text: (await payer.open(pc)).html });
    };

    // The password is set, then entered wrong and right, in the browser's stead.
    const first = await prepare();
    const payer = new Payer(shop.url);
    await payer.begin(first.phone);
    await pages(payer, first);
    answers.push({ what: 'set', text: JSON.stringify(await payer.enter(first.phone, PASSWORD)) });
    await pages(payer, first);
    kept('approve', await shop.form('/pay/success', anApproval(first.order), key));
    kept('approve otherwise', await shop.form('/pay/success', anApproval(first.order, { amount: '1' }), key));
    const second = await prepare({ amount: '1' });
    await payer.begin(second.phone);
    answers.push({ what: 'wrong', text: JSON.stringify(await payer.enter(second.phone, WRONG_PASSWORD)) });
    answers.push({ what: 'right', text: JSON.stringify(await payer.enter(second.phone, PASSWORD)) });
    kept('approve', await shop.form('/pay/success', anApproval(second.order), key));
    for (const path of ['/pay', '/pay/store', `/pay/${first.tid}`, `/pay/${second.tid}`, '/pay/1', '/openapi.json']) {
      kept(path, await shop.get(path, key));
    }
    kept('cancel', await shop.form('/pay/cancel', { tid: first.tid }, { ...key, 'idempotency-key': 'c' }));
    kept('cancel in part', await shop.form('/pay/cancel', { tid: second.tid, cancel_amount: '9' }, key));
    kept(
      'net-cancel',
      await shop.form('/pay/net-cancel', { order_id: String(second.order.order_id), amount: '1' }, key),
    );

    // Everything that is refused while it is held.
    const bad = { ...first.order, amount: 'x', order_id: 'bad' };
    kept('faulty', await shop.form('/pay', bad, key));
    kept('mismatch', await shop.form('/pay', { ...first.order, order_id: String(second.order.order_id) }, key));
    kept('key as field', await shop.form('/pay', { ...bad, secret_key }, key));
    kept('wrong scheme', await shop.get('/pay', { authorization: `Basic ${secret_key}` }));
    kept('almost the key', await shop.get('/pay', { authorization: `Bearer ${secret_key}x` }));
    kept('no merchant', await shop.form('/pay', { ...first.order, cid: 'TCNOBODY00' }, key));
    kept('too big', await shop.form('/pay', { ...first.order, x: 'x'.repeat(20_000) }, key));
    kept('broken', await shop.raw('/pay', 'application/json', `{"bank_acct_num":"${ACCOUNT}",`, key));
    kept('other type', await shop.raw('/pay', 'text/plain', ACCOUNT, key));
    kept(
      'password as keys',
      await shop.form('/pay/checkout/password', { keys: PASSWORD, attempt: PASSWORD, csrf: 'x' }),
    );
    kept('in an address', await shop.get(`/nothing?account=${ACCOUNT}&key=${secret_key}`));
    await shop.without('payment', async () => {
      kept('away', await shop.form('/pay', { ...first.order, order_id: 'away' }, key));
      kept('away', await shop.get(`/pay/${first.tid}`, key));
    });
    // Five wrong ones lock the wallet.
    const third = await prepare({ amount: '2' });
    const guesser = new Payer(shop.url);
    await guesser.begin(third.phone);
    for (let i = 0; i < 5; i += 1) {
      answers.push({ what: 'guess', text: JSON.stringify(await guesser.enter(third.phone, WRONG_PASSWORD)) });
    }
    await pages(guesser, third);
  }

  /** Every row of every table of the services as text. */
  async function dump(): Promise<string> {
    const tables = await shop.rows<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('affiliation', 'payment', 'public')`,
    );
    expect(tables.length).toBeGreaterThan(8);
    const rows: string[] = [];
    for (const { name } of tables) {
      for (const { row } of await shop.rows<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)) {
        rows.push(`${name}: ${row}`);
      }
    }
    return rows.join('\n');
  }

  /** As it is, in hex or base64; a run of digits only by itself, since a few may stand in any hash or time. */
  function has(text: string, secret: string): boolean {
    const bytes = Buffer.from(secret);
    if (text.includes(bytes.toString('hex')) || text.includes(bytes.toString('base64').replace(/=+$/, ''))) return true;
    return new RegExp(`(?<![0-9a-fA-F.])${secret.replace(/[^\w]/g, '\\$&')}(?![0-9a-fA-F])`).test(text);
  }

  const where = (texts: ReadonlyArray<{ what: string; text: string }>, secret: string) =>
    texts.filter(({ text }) => has(text, secret)).map(({ what }) => what);

  it('have been everywhere that is looked at', async () => {
    expect(wire.length).toBeGreaterThan(50);
    expect(wire.some(({ subject }) => subject === 'payment.checkout.submit-password')).toBe(true);
    const flows = answers.map(({ text }) => text).join();
    expect(flows).toContain('authenticated');
    expect(flows).toContain('PIN_INVALID');
    expect(flows).toContain('WALLET_LOCKED');
    expect(await shop.logs()).toContain('password.wrong');
    expect(await dump()).toContain('payment.password_attempts');
    // The search finds what is there.
    expect(has(`a ${PASSWORD},`, PASSWORD) && has(Buffer.from(ACCOUNT).toString('hex'), ACCOUNT)).toBe(true);
  });

  it.each([PASSWORD, WRONG_PASSWORD])('the password %s is found nowhere', async (password) => {
    expect(where(answers, password)).toEqual([]);
    expect(
      where(
        wire.map(({ subject, text }) => ({ what: subject, text })),
        password,
      ),
    ).toEqual([]);
    expect(has(await shop.logs(), password)).toBe(false);
    expect(has(await dump(), password)).toBe(false);
  });

  it('the secret key is in the one answer that shows it, and nowhere else', async () => {
    expect(secretKey).toMatch(/^sk_test_.{43}$/);
    const bare = secretKey.replace('sk_test_', '');
    for (const secret of [secretKey, bare]) {
      expect(where(answers, secret)).toEqual([]);
      expect(
        where(
          wire.map(({ subject, text }) => ({ what: subject, text })),
          secret,
        ),
      ).toEqual([]);
      expect(has(await shop.logs(), secret)).toBe(false);
      expect(has(await dump(), secret)).toBe(false);
    }
  });

  it('the account number is whole in the message that prepares a payment, and nowhere else', async () => {
    expect(where(answers, ACCOUNT)).toEqual([]);
    // The same message may be for one process in particular, whose name ends the subject.
    const subjects = where(
      wire.map(({ subject, text }) => ({ what: subject.replace(/\.[0-9A-Z]{22}$/, ''), text })),
      ACCOUNT,
    );
    expect(new Set(subjects)).toEqual(new Set(['payment.prepare']));
    expect(has(await shop.logs(), ACCOUNT)).toBe(false);
    expect(has(await dump(), ACCOUNT)).toBe(false);
  });
});
