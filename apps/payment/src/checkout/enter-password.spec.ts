import { accountNumber } from '@oneq/testing';
import { Payer } from '../../test/payer';
import { PaymentService } from '../../test/service';
import { Keypads } from './keypads';
import { PasswordHasher } from './password-hasher';

const RIGHT = '482915';
const WRONG = '482916';

describe('the payment password', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  /** A payment, begun, of a wallet that has the password. */
  async function payable(changes: Parameters<PaymentService['prepared']>[0] = {}) {
    const payment = await service.prepared(changes);
    const { hash, salt, pepper_version } = await service.module.get(PasswordHasher).hash(RIGHT);
    await service.admin.query(
      `INSERT INTO passwords (wallet_id, hash, salt, pepper_version)
       SELECT wallet_id, $2, $3, $4 FROM payments WHERE order_id = $1 ON CONFLICT DO NOTHING`,
      [payment.command.order_id, hash, salt, pepper_version],
    );
    return { ...payment, payer: await service.payer(payment) };
  }

  const passwordOf = async (orderId: string) => {
    const { rows } = await service.admin.query(
      'SELECT tries_taken, locked_until FROM passwords JOIN payments USING (wallet_id) WHERE order_id = $1',
      [orderId],
    );
    return rows[0];
  };

  it('authenticates the payment when it is right', async () => {
    const { payer, command } = await payable();
    expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    expect(await service.statusOf(command.order_id)).toBe('AUTHENTICATED');
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_held: 16_000 });
  });

  it('pays with the account when that was chosen, and with a top-up when that was agreed to', async () => {
    const bank = await payable();
    await bank.payer.enter(RIGHT, { payment_method_type: '계좌' });
    expect(await service.wallets.byAccount(bank.command.bank_acct_num)).toMatchObject({ bank_held: 16_000 });
    const short = await payable({ balance: 12_000 });
    await short.payer.enter(RIGHT, { top_up_amount: 4_000 });
    expect(await service.wallets.byAccount(short.command.bank_acct_num)).toMatchObject({
      money_held: 12_000,
      bank_held: 4_000,
    });
  });

  it('opens no keypad for a way that cannot pay', async () => {
    const { payer } = await payable({ balance: 12_000, payment_method_type: 'MONEY' });
    for (const choice of [{}, { top_up_amount: 3_999 }, { payment_method_type: '계좌' as const }]) {
      expect((await payer.open(choice)).keypad).toBeNull();
    }
    expect((await payer.open({ top_up_amount: 4_000 })).keypad).not.toBeNull();
    const enough = await payable();
    expect((await enough.payer.open({ top_up_amount: 1 })).keypad).toBeNull();
  });

  it('opens no keypad for a browser that the payment is not bound to', async () => {
    const { phone_token } = await payable();
    expect(await new Payer(service, phone_token).open()).toMatchObject({ keypad: null, view: { bound: 'other' } });
    const fresh = await service.prepared();
    expect(await new Payer(service, fresh.phone_token).open()).toMatchObject({
      keypad: null,
      view: { bound: 'nobody' },
    });
  });

  it('counts wrong ones down, and a right one gives all tries back', async () => {
    const { payer, command } = await payable();
    for (const attempts_left of [4, 3, 2, 1]) {
      await expect(payer.enter(WRONG)).rejects.toMatchObject({
        code: 'PIN_INVALID',
        extras: { params: { attempts_left } },
      });
      expect((await payer.view()).paying?.attempts_left).toBe(attempts_left);
    }
    expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    expect(await passwordOf(command.order_id)).toEqual({ tries_taken: 0, locked_until: null });
  });

  it('locks the wallet with the fifth wrong one in a row, and fails this payment', async () => {
    const bank_acct_num = accountNumber();
    const other = await payable({ bank_acct_num, amount: 1_000 });
    const authenticated = await payable({ bank_acct_num, amount: 1_000 });
    await authenticated.payer.enter(RIGHT);
    const { payer, command } = await payable({ bank_acct_num });
    for (let i = 0; i < 4; i += 1) await expect(payer.enter(WRONG)).rejects.toThrow('PIN_INVALID');
    const refused = await payer.enter(WRONG).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'WALLET_LOCKED', extras: { retryAfterSeconds: 1_800 } });
    expect(await service.statusOf(command.order_id)).toBe('FAILED');
    expect(await payer.view()).toMatchObject({ status: 'FAILED', locked_until: expect.any(Number) });

    // The others stay ready, but cannot be authenticated; what is authenticated stays so.
    expect(await other.payer.open()).toMatchObject({
      keypad: null,
      view: { status: 'READY', locked_until: expect.any(Number) },
    });
    await expect(service.authenticating.authenticate({ tid: other.tid })).rejects.toThrow('WALLET_LOCKED');
    expect(await service.statusOf(authenticated.command.order_id)).toBe('AUTHENTICATED');
  });

  it('refuses even the right one while the wallet is locked, without looking at it', async () => {
    const { payer, command } = await payable();
    const keypad = await payer.keypad();
    await service.admin.query(
      `UPDATE passwords SET tries_taken = 5, locked_until = now() + interval '10 seconds'
       FROM payments WHERE payments.wallet_id = passwords.wallet_id AND order_id = $1`,
      [command.order_id],
    );
    const before = await service.everything();
    await expect(payer.press(keypad, RIGHT)).rejects.toThrow('WALLET_LOCKED');
    expect(await service.everything()).toEqual(before);
  });

  it('starts counting anew when the lock is over', async () => {
    const { payer, command } = await payable();
    await service.admin.query(
      `UPDATE passwords SET tries_taken = 5, locked_until = now() - interval '1 second'
       FROM payments WHERE payments.wallet_id = passwords.wallet_id AND order_id = $1`,
      [command.order_id],
    );
    await expect(payer.enter(WRONG)).rejects.toMatchObject({ extras: { params: { attempts_left: 4 } } });
    expect(await passwordOf(command.order_id)).toEqual({ tries_taken: 1, locked_until: null });
    expect(await payer.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
  });

  it('evaluates at most five of 100 parallel guesses over 20 payments of a wallet', async () => {
    const bank_acct_num = accountNumber();
    const payments = [];
    for (let i = 0; i < 20; i += 1) payments.push(await payable({ bank_acct_num, balance: 1_000_000 }));
    // All keypads are open first: the payment that the fifth guess fails opens none.
    const keypads = await Promise.all(
      payments.flatMap(({ payer }) => Array.from({ length: 5 }, async () => ({ payer, keypad: await payer.keypad() }))),
    );
    const looked = jest.spyOn(service.module.get(PasswordHasher), 'matches');
    const guesses = await Promise.allSettled(keypads.map(({ payer, keypad }) => payer.press(keypad, WRONG)));
    expect(looked).toHaveBeenCalledTimes(5);
    looked.mockRestore();
    const codes = guesses.map((guess) => (guess.status === 'rejected' ? guess.reason.code : guess.value.outcome));
    expect(new Set(codes)).toEqual(new Set(['PIN_INVALID', 'WALLET_LOCKED']));
    expect(codes.filter((code) => code === 'PIN_INVALID')).toHaveLength(4);
    const statuses = [];
    for (const { command } of payments) statuses.push(await service.statusOf(command.order_id));
    expect(statuses.filter((status) => status === 'FAILED')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'READY')).toHaveLength(19);
  });

  it('answers the same attempt the same, and counts it once, also when it comes ten times at once', async () => {
    const { payer, command } = await payable();
    const keypad = await payer.keypad();
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => payer.press(keypad, WRONG)));
    answers.push(...(await Promise.allSettled([payer.press(keypad, WRONG), payer.press(keypad, RIGHT)])));
    for (const answer of answers) {
      expect(answer).toMatchObject({ reason: { code: 'PIN_INVALID', extras: { params: { attempts_left: 4 } } } });
    }
    expect(await passwordOf(command.order_id)).toMatchObject({ tries_taken: 1 });

    const right = await payer.keypad();
    for (let i = 0; i < 3; i += 1) expect(await payer.press(right, RIGHT)).toEqual({ outcome: 'authenticated' });
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_held: 16_000 });
  });

  it('answers the fifth wrong one the same when it is sent again', async () => {
    const { payer } = await payable();
    for (let i = 0; i < 4; i += 1) await expect(payer.enter(WRONG)).rejects.toThrow('PIN_INVALID');
    const keypad = await payer.keypad();
    await expect(payer.press(keypad, WRONG)).rejects.toThrow('WALLET_LOCKED');
    const before = await service.everything();
    await expect(payer.press(keypad, WRONG)).rejects.toThrow('WALLET_LOCKED');
    expect(await service.everything()).toEqual(before);
  });

  it('counts nothing for a keypad of another browser, another choice, another payment, or none at all', async () => {
    const { payer, phone_token, command } = await payable();
    const elsewhere = await payable();
    const keypad = await payer.keypad();
    const stranger = new Payer(service, phone_token);
    const before = await service.everything();
    const stale = { outcome: 'stale' };
    expect(await stranger.press(keypad, RIGHT)).toEqual(stale);
    expect(await elsewhere.payer.press(keypad, RIGHT)).toEqual(stale);
    expect(await payer.press(keypad, RIGHT, { payment_method_type: '계좌' })).toEqual(stale);
    expect(await payer.press(keypad, RIGHT, { top_up_amount: 5 })).toEqual(stale);
    expect(await payer.submit(keypad.attempt, '48291500'.repeat(6))).toEqual(stale);
    expect(await payer.submit('x', RIGHT)).toEqual(stale);
    expect(await service.everything()).toEqual(before);
    expect(await passwordOf(command.order_id)).toMatchObject({ tries_taken: 0 });
  });

  it('counts nothing after three minutes: the keypad is stale', async () => {
    const { payer } = await payable();
    const view = await payer.view();
    const choice = { payment_method_type: 'MONEY', top_up_amount: 0, mode: 'type' } as const;
    const query = { token: payer.token, session: payer.session, ...choice };
    const old = service.module.get(Keypads).make(query, 'enter', view.now - 180_001);
    const fresh = service.module.get(Keypads).make(query, 'enter', view.now - 60_000);
    const before = await service.everything();
    expect(await payer.press(old, RIGHT)).toEqual({ outcome: 'stale' });
    expect(await service.everything()).toEqual(before);
    expect(await payer.press(fresh, RIGHT)).toEqual({ outcome: 'authenticated' });
  });

  it('neither looks nor counts when the PC has taken the payment back meanwhile', async () => {
    const { payer, pc_token, command } = await payable();
    const keypad = await payer.keypad();
    await new Payer(service, pc_token, 'pc').release();
    const before = await service.everything();
    expect(await payer.press(keypad, RIGHT)).toEqual({ outcome: 'stale' });
    expect(await service.everything()).toEqual(before);
    expect(await passwordOf(command.order_id)).toMatchObject({ tries_taken: 0 });
  });

  it.each([
    ['cancelled', 'PAYMENT_CANCELLED', (tid: string) => service.end(tid, 'cancel')],
    ['expired', 'PAYMENT_EXPIRED', (tid: string) => service.closing.expireNow(tid)],
  ])('is neither looked at nor counted when the payment has been %s', async (_what, code, end) => {
    const { payer, tid, command } = await payable();
    const keypad = await payer.keypad();
    await end(tid);
    await expect(payer.press(keypad, WRONG)).rejects.toThrow(code);
    expect(await passwordOf(command.order_id)).toMatchObject({ tries_taken: 0 });
  });

  it('comes too late when the time ran out while it was entered', async () => {
    const { payer, command } = await payable();
    const keypad = await payer.keypad();
    await service.outOfTime(command.order_id);
    await expect(payer.press(keypad, RIGHT)).rejects.toThrow('PAYMENT_EXPIRED');
    expect(await passwordOf(command.order_id)).toMatchObject({ tries_taken: 0 });
  });

  it('holds nothing when the money went elsewhere meanwhile, and the payer may choose again', async () => {
    const bank_acct_num = accountNumber();
    const { payer, command } = await payable({ bank_acct_num, balance: 20_000 });
    const keypad = await payer.keypad();
    await service.authenticated({ bank_acct_num, amount: 10_000 });
    await expect(payer.press(keypad, RIGHT)).rejects.toThrow('INSUFFICIENT_FUNDS');
    expect(await service.statusOf(command.order_id)).toBe('READY');
    expect(await payer.enter(RIGHT, { payment_method_type: '계좌' })).toEqual({ outcome: 'authenticated' });
  });

  it('against a cancel from the PC: exactly one of the two wins, and both are told the truth', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { payer, pc_token, command } = await payable();
      const keypad = await payer.keypad();
      const pc = new Payer(service, pc_token, 'pc');
      const [entered, seen] = await Promise.all([
        payer.press(keypad, RIGHT).then(
          ({ outcome }) => outcome,
          (error) => error.code,
        ),
        pc.cancel(),
      ]);
      const status = await service.statusOf(command.order_id);
      expect(seen.status).toBe(status);
      expect([entered, status]).toEqual(
        status === 'CANCELLED' ? ['PAYMENT_CANCELLED', 'CANCELLED'] : ['authenticated', 'AUTHENTICATED'],
      );
    }
  });

  describe('of a sandbox wallet that has none', () => {
    it('is what the payer enters twice, and pays at once', async () => {
      const payment = await service.prepared();
      const payer = await service.payer(payment);
      expect((await payer.view()).paying?.password).toBe('missing');
      expect((await payer.keypad()).purpose).toBe('set1');
      expect(await payer.set(RIGHT)).toEqual({ outcome: 'authenticated' });
      const { bank_acct_num } = payment.command;
      const next = await service.payer(await service.prepared({ bank_acct_num }));
      expect((await next.keypad()).purpose).toBe('enter');
      expect(await next.enter(RIGHT)).toEqual({ outcome: 'authenticated' });
    });

    it('is refused when it is easy to guess, or differs the second time', async () => {
      const payment = await service.prepared();
      const payer = await service.payer(payment);
      expect(await payer.set('111482')).toEqual({ outcome: 'weak' });
      expect(await payer.set(RIGHT, WRONG)).toEqual({ outcome: 'different' });
      expect(
        await service.count('FROM passwords JOIN payments USING (wallet_id) WHERE order_id = $1', [
          payment.command.order_id,
        ]),
      ).toBe(0);
      expect(await payer.set(RIGHT)).toEqual({ outcome: 'authenticated' });
    });

    it('answers a lost reply again, for either entry', async () => {
      const payer = await service.payer(await service.prepared());
      const first = await payer.keypad();
      for (let i = 0; i < 2; i += 1) expect(await payer.press(first, RIGHT)).toEqual({ outcome: 'repeat' });
      const choice = { first: first.attempt };
      const second = await payer.keypad(choice);
      for (let i = 0; i < 2; i += 1) {
        expect(await payer.press(second, RIGHT, choice)).toEqual({ outcome: 'authenticated' });
      }
    });

    it('is nothing that a first entry alone, a foreign one or a made-up one can set', async () => {
      const payer = await service.payer(await service.prepared());
      const stranger = await service.payer(await service.prepared());
      const foreign = await stranger.keypad();
      await stranger.press(foreign, RIGHT);
      const untouched = await payer.keypad();
      for (const first of [foreign.attempt, untouched.attempt, 'x']) {
        expect(await payer.enter(RIGHT, { first })).toEqual({ outcome: 'stale' });
      }
    });

    it('is set once when two payments set it at the same time', async () => {
      const bank_acct_num = accountNumber();
      const payers = [];
      for (let i = 0; i < 2; i += 1)
        payers.push(await service.payer(await service.prepared({ bank_acct_num, amount: 100 })));
      // Both have entered theirs once, and have the keypad for the second time, before either is set.
      const entries = await Promise.all(
        payers.map(async (payer, i) => {
          const digits = i === 0 ? RIGHT : WRONG;
          const first = await payer.keypad();
          expect(await payer.press(first, digits)).toEqual({ outcome: 'repeat' });
          const choice = { first: first.attempt };
          return { payer, digits, choice, second: await payer.keypad(choice) };
        }),
      );
      const answers = await Promise.all(
        entries.map(({ payer, digits, choice, second }) => payer.press(second, digits, choice)),
      );
      expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['authenticated', 'stale']);
    });

    it('keeps no trace of the first entry once it is set', async () => {
      const payment = await service.prepared();
      await (await service.payer(payment)).set(RIGHT);
      expect(
        await service.count(
          'FROM password_attempts JOIN payments p ON p.id = payment_id WHERE order_id = $1 AND hash IS NOT NULL',
          [payment.command.order_id],
        ),
      ).toBe(0);
    });
  });

  it('is nowhere in the database as it was entered', async () => {
    const { payer } = await payable();
    await payer.enter(RIGHT);
    expect(JSON.stringify(await service.everything())).not.toContain(`"${RIGHT}"`);
  });
});

describe('the lock of a wallet', () => {
  it('outlives the process that set it', async () => {
    const service = await PaymentService.start({ PIN_LOCK_SECONDS: '7' });
    const payment = await service.prepared();
    const payer = await service.payer(payment);
    await payer.set(RIGHT);
    const { bank_acct_num } = payment.command;
    const second = await service.payer(await service.prepared({ bank_acct_num }));
    for (let i = 0; i < 5; i += 1) await second.enter(WRONG).catch(() => {});
    const reborn = await service.restarted();
    const third = await reborn.payer(await reborn.prepared({ bank_acct_num }));
    const { view, keypad } = await third.open();
    expect(keypad).toBeNull();
    expect(view.locked_until ?? 0).toBeGreaterThan(view.now);
    expect((view.locked_until ?? 0) - view.now).toBeLessThanOrEqual(7_000);
    await reborn.stop();
  });
});
