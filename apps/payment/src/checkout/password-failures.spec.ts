import { setTimeout as wait } from 'node:timers/promises';
import { accountNumber } from '@oneq/testing';
import { Payer } from '../../test/payer';
import { PaymentService } from '../../test/service';
import { PasswordFailures } from './password-failures';
import { PasswordHasher } from './password-hasher';

const RIGHT = '482915';
const WRONG = '482916';
const LIMITED = expect.objectContaining({ code: 'TOO_MANY_REQUESTS' });

describe('wrong passwords', () => {
  let service: PaymentService;
  let password: Awaited<ReturnType<PasswordHasher['hash']>>;
  beforeAll(async () => {
    service = await PaymentService.start();
    password = await service.module.get(PasswordHasher).hash(RIGHT);
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    await service.admin.query('DELETE FROM password_failures');
    // Counts begin anew with the hour, which must not turn during a test.
    const left = 3_600_000 - (Date.now() % 3_600_000);
    if (left < 25_000) await wait(left + 100);
  });

  /** The phone's page of a new payment, at a client address, whose wallet has the password. */
  async function payable(client: string, changes: Parameters<PaymentService['prepared']>[0] = {}) {
    const payment = await service.prepared(changes);
    const { hash, salt, pepper_version } = password;
    await service.admin.query(
      `INSERT INTO passwords (wallet_id, hash, salt, pepper_version)
       SELECT wallet_id, $2, $3, $4 FROM payments WHERE order_id = $1 ON CONFLICT DO NOTHING`,
      [payment.command.order_id, hash, salt, pepper_version],
    );
    return { ...payment, payer: await service.payer(payment, client) };
  }

  /** As if so many had been entered in this hour. */
  const counted = (scope: 'address' | 'merchant', subject: string, wrong: number, correct = 0, part = 0) =>
    service.admin.query(`INSERT INTO password_failures VALUES (date_trunc('hour', now()), $1, $2, $5, $3, $4)`, [
      scope,
      subject,
      wrong,
      correct,
      part,
    ]);

  const address = (letter: string) => letter.repeat(64);

  it('of one address are looked at thirty times an hour, however many come at once for however many wallets', async () => {
    const payers: Payer[] = [];
    for (let i = 0; i < 20; i += 1) payers.push((await payable(address('a'))).payer);
    const guesses = payers.flatMap((payer) => Array.from({ length: 4 }, () => payer));
    const answers = await Promise.allSettled(guesses.map((payer) => payer.enter(WRONG)));
    const codes = answers.map((answer) => answer.status === 'rejected' && answer.reason.code);
    expect(codes.filter((code) => code === 'PIN_INVALID')).toHaveLength(30);
    expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS')).toHaveLength(50);
    expect(await service.count(`FROM password_attempts WHERE outcome = 'wrong'`)).toBe(30);
    expect((await service.admin.query('SELECT sum(tries_taken)::int AS tries FROM passwords')).rows).toEqual([
      { tries: 30 },
    ]);
  });

  it('over the limit leave payment and wallet as they were, and tell until when', async () => {
    const { payer, command } = await payable(address('b'));
    await counted('address', address('b'), 30);
    const before = await service.everything();
    const refused = await payer.enter(WRONG).catch((error) => error);
    expect(refused).toEqual(LIMITED);
    expect(refused.extras.retryAfterSeconds).toBeGreaterThan(0);
    expect(refused.extras.retryAfterSeconds).toBeLessThanOrEqual(3_600);
    expect(await service.everything()).toEqual(before);
    expect(await service.statusOf(command.order_id)).toBe('READY');
    expect((await payer.view()).paying?.attempts_left).toBe(5);
  });

  it('of others keep nobody else from paying: another address pays at once', async () => {
    const { payer: limited, phone_token, command } = await payable(address('c'));
    await counted('address', address('c'), 30);
    await expect(limited.enter(RIGHT)).rejects.toEqual(LIMITED);
    const elsewhere = new Payer(service, phone_token, 'phone', limited.session, address('d'));
    expect(await elsewhere.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    expect(await service.statusOf(command.order_id)).toBe('AUTHENTICATED');
  });

  it('are not what right ones count as: a shared address with one wrong one left goes on', async () => {
    await counted('address', address('e'), 29);
    for (let i = 0; i < 5; i += 1) {
      const { payer } = await payable(address('e'));
      expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    }
    const { payer } = await payable(address('e'));
    await expect(payer.enter(WRONG)).rejects.toThrow('PIN_INVALID');
    await expect(payer.enter(RIGHT)).rejects.toEqual(LIMITED);
  });

  it('count once, whatever is sent again', async () => {
    const { payer } = await payable(address('f'));
    const keypad = await payer.keypad();
    await Promise.allSettled(Array.from({ length: 5 }, () => payer.press(keypad, WRONG)));
    await payer.press(keypad, WRONG).catch(() => {});
    expect(
      (await service.admin.query('SELECT scope, wrong, correct FROM password_failures ORDER BY scope')).rows,
    ).toEqual([
      { scope: 'address', wrong: 1, correct: 0 },
      { scope: 'merchant', wrong: 1, correct: 0 },
    ]);
  });

  it('at one merchant stop after three hundred an hour, from however many addresses; other merchants go on', async () => {
    for (let part = 0; part < 13; part += 1) await counted('merchant', 'TC0ONETIME', 23, 0, part);
    const last = await payable(address('1'));
    await expect(last.payer.enter(WRONG)).rejects.toThrow('PIN_INVALID'); // the three hundredth
    const { payer, command } = await payable(address('2'));
    await expect(payer.enter(RIGHT)).rejects.toEqual(LIMITED);
    expect(await service.statusOf(command.order_id)).toBe('READY');
    const elsewhere = await payable(address('2'), { cid: 'TC00000002' });
    expect(await elsewhere.payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
  });

  it('never touch a busy merchant: each right one allows for a wrong one', async () => {
    await counted('merchant', 'TC0ONETIME', 5_000, 4_701);
    const { payer } = await payable(address('3'));
    await expect(payer.enter(WRONG)).rejects.toThrow('PIN_INVALID'); // 300 more than right ones
    await expect(payer.enter(RIGHT)).rejects.toEqual(LIMITED);
    await counted('merchant', 'TC0ONETIME', 0, 1, 15);
    expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
  });

  it('are forgotten with the hour, and swept away', async () => {
    const { payer } = await payable(address('4'));
    await counted('address', address('4'), 30);
    await service.admin.query(`UPDATE password_failures SET hour = hour - interval '1 hour'`);
    expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    await service.module.get(PasswordFailures).sweep();
    expect(await service.count(`FROM password_failures WHERE hour < date_trunc('hour', now())`)).toBe(0);
    expect(await service.count('FROM password_failures')).toBeGreaterThan(0);
  });

  it('outlive the process that counted them', async () => {
    const account = accountNumber();
    const { payer } = await payable(address('5'), { bank_acct_num: account });
    await counted('address', address('5'), 29);
    await expect(payer.enter(WRONG)).rejects.toThrow('PIN_INVALID');
    service = await service.restarted();
    const again = await payable(address('5'), { bank_acct_num: account });
    await expect(again.payer.enter(RIGHT)).rejects.toEqual(LIMITED);
  });

  it('and right ones, of one wallet from one address at once, never wait for each other in a circle', async () => {
    // Nobody looks for a circle before whoever waits in it gives up, and is refused for it.
    const { rows } = await service.admin.query('SELECT current_database() AS name');
    await service.admin.query(`ALTER DATABASE ${rows[0].name} SET deadlock_timeout = '10s'`);
    service = await service.restarted();
    const account = accountNumber();
    const payers: Payer[] = [];
    for (let i = 0; i < 12; i += 1) {
      payers.push((await payable(address('6'), { bank_acct_num: account, amount: 1 })).payer);
    }
    const answers = await Promise.allSettled(
      payers.map((payer, index) => payer.enter(index % 3 === 0 ? WRONG : RIGHT)),
    );
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(['PIN_INVALID', 'WALLET_LOCKED']).toContain(answer.reason.code);
    }
  });
});
