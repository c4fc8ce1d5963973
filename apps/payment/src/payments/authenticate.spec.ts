import { OneQError } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { accountNumber, anApproval } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PaymentIds } from '../ids/payment-ids';
import { AUTHENTICATE, AUTHENTICATE_TOGETHER } from './authenticate';

/** A payment whose wallet is locked for ten seconds. */
async function locked(service: PaymentService) {
  const payment = await service.prepared();
  await service.admin.query(
    `INSERT INTO passwords (wallet_id, hash, salt, pepper_version, tries_taken, locked_until)
     SELECT wallet_id, '', '', 1, 5, now() + interval '10 seconds' FROM payments WHERE order_id = $1`,
    [payment.command.order_id],
  );
  return payment;
}

describe('authenticating a payment', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('holds the amount in the pay money and starts a second time window', async () => {
    const { command, tid } = await service.prepared({ balance: 50_000 });
    await service.admin.query(`UPDATE payments SET expires_at = now() + interval '5 seconds' WHERE order_id = $1`, [
      command.order_id,
    ]);
    await expect(service.authenticating.authenticate({ tid })).resolves.toEqual({
      tid,
      cid: 'TC0ONETIME',
      order_id: command.order_id,
      amount: 16_000,
      status: 'AUTHENTICATED',
      result: 'authenticated',
      merchant_url: command.approval_url,
    });
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
      money_balance: 50_000,
      money_held: 16_000,
      bank_held: 0,
    });
    expect(
      await service.count(`FROM payments WHERE order_id = $1 AND expires_at > now() + interval '800 seconds'`, [
        command.order_id,
      ]),
    ).toBe(1);
  });

  it('holds it in the bank account when that is permitted or chosen', async () => {
    const permitted = await service.authenticated({ payment_method_type: '계좌', balance: 0 });
    expect(await service.wallets.byAccount(permitted.command.bank_acct_num)).toMatchObject({
      money_held: 0,
      bank_held: 16_000,
    });
    const chosen = await service.prepared({ balance: 0 });
    await service.authenticating.authenticate({ tid: chosen.tid, payment_method_type: '계좌' });
    expect(await service.wallets.byAccount(chosen.command.bank_acct_num)).toMatchObject({ bank_held: 16_000 });
  });

  it('answers the same again on an authenticated payment, and holds once', async () => {
    const { command, tid } = await service.prepared();
    const first = await service.authenticating.authenticate({ tid });
    const before = await service.everything();
    expect(await service.authenticating.authenticate({ tid })).toEqual(first);
    expect(await service.everything()).toEqual(before);
    await service.approving.approve(anApproval(command));
    expect(await service.authenticating.authenticate({ tid })).toEqual({ ...first, status: 'APPROVED' });
  });

  it('refuses a method that the merchant did not permit', async () => {
    const { tid } = await service.prepared({ payment_method_type: 'MONEY' });
    const before = await service.everything();
    await expect(service.authenticating.authenticate({ tid, payment_method_type: '계좌' })).rejects.toMatchObject({
      code: 'INVALID_PARAMETER',
      extras: { errors: [{ field: 'payment_method_type', code: 'INVALID_FORMAT' }] },
    });
    expect(await service.everything()).toEqual(before);
  });

  it('leaves the payment ready when the pot is short, so that the payer may choose the other', async () => {
    const { command, tid } = await service.prepared({ balance: 15_999 });
    const before = await service.everything();
    await expect(service.authenticating.authenticate({ tid })).rejects.toThrow('INSUFFICIENT_FUNDS');
    expect(await service.everything()).toEqual(before);
    await service.authenticating.authenticate({ tid, payment_method_type: '계좌' });
    expect(await service.statusOf(command.order_id)).toBe('AUTHENTICATED');
  });

  it('refuses a locked wallet, and tells when to try again', async () => {
    const { tid } = await locked(service);
    const before = await service.everything();
    await expect(service.authenticating.authenticate({ tid })).rejects.toMatchObject({
      code: 'WALLET_LOCKED',
      extras: { retryAfterSeconds: 10 },
    });
    expect(await service.everything()).toEqual(before);
  });

  describe('with a top-up from the linked account', () => {
    const topUp = 4_000;
    const wallet = (money_held: number, bank_held: number, money_balance = 12_000, bank_balance = 10_000_000) => ({
      money_balance,
      money_held,
      bank_balance,
      bank_held,
    });

    it('holds each part in its pot, and moves both only when the merchant approves', async () => {
      const { command, tid } = await service.prepared({ balance: 12_000 });
      await service.authenticating.authenticate({ tid, payment_method_type: 'MONEY', top_up_amount: topUp });
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject(wallet(12_000, topUp));
      await service.approving.approve(anApproval(command));
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject(wallet(0, 0, 0, 9_996_000));
      const { rows } = await service.admin.query(
        `SELECT kind, regexp_replace(debit_account, '/[0-9]+/', '/N/') AS debit, regexp_replace(credit_account, '/[0-9]+/', '/N/') AS credit,
                transfers.amount
         FROM transfers JOIN payments ON payments.id = payment_id WHERE order_id = $1 ORDER BY kind DESC`,
        [command.order_id],
      );
      expect(rows).toEqual([
        { kind: 'top_up', debit: 'wallet/N/bank', credit: 'wallet/N/money', amount: 4_000 },
        { kind: 'capture', debit: 'wallet/N/money', credit: 'merchant/TC0ONETIME', amount: 16_000 },
      ]);
    });

    it('leaves both pots as they were when the payment does not come about', async () => {
      for (const end of [
        ({ tid }: { tid: string }) => service.end(tid, 'cancel'),
        ({ tid }: { tid: string }) => service.closing.expireNow(tid),
      ]) {
        const { command, tid } = await service.prepared({ balance: 12_000 });
        await service.authenticating.authenticate({ tid, top_up_amount: topUp });
        await end({ tid });
        expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject(wallet(0, 0));
      }
    });

    it('can be the whole amount', async () => {
      const { command, tid } = await service.prepared({ balance: 0 });
      await service.authenticating.authenticate({ tid, top_up_amount: 16_000 });
      await service.approving.approve(anApproval(command));
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject(wallet(0, 0, 0, 9_984_000));
    });
  });

  it('lets exactly one of two payments of 8,000 pass on a wallet of 10,000, fifty times over', async () => {
    for (let round = 0; round < 50; round += 1) {
      const bank_acct_num = accountNumber();
      const payments = [
        await service.prepared({ bank_acct_num, balance: 10_000, amount: 8_000 }),
        await service.prepared({ bank_acct_num, balance: 10_000, amount: 8_000 }),
      ];
      const answers = await Promise.allSettled(payments.map(({ tid }) => service.authenticating.authenticate({ tid })));
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(answers.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: new OneQError('INSUFFICIENT_FUNDS'),
      });
      expect(await service.wallets.byAccount(bank_acct_num)).toMatchObject({ money_held: 8_000 });
    }
  });

  it('holds once for 20 simultaneous attempts', async () => {
    const { command, tid } = await service.prepared({ balance: 1_000_000 });
    await Promise.all(Array.from({ length: 20 }, () => service.authenticating.authenticate({ tid })));
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_held: 16_000 });
    expect(
      await service.count(`FROM events JOIN payments p ON p.id = payment_id WHERE order_id = $1`, [command.order_id]),
    ).toBe(1);
  });

  it('answers PAYMENT_EXPIRED when the time is over, and expires the payment', async () => {
    const { command, tid } = await service.prepared();
    await service.outOfTime(command.order_id);
    await expect(service.authenticating.authenticate({ tid })).rejects.toThrow('PAYMENT_EXPIRED');
    expect(await service.statusOf(command.order_id)).toBe('EXPIRED');
  });

  it.each(['1', '9007199254740991', '0', 'x'])('answers PAYMENT_NOT_FOUND for the tid %s', async (tid) => {
    await expect(service.authenticating.authenticate({ tid })).rejects.toThrow('PAYMENT_NOT_FOUND');
  });

  describe('when its guard fails', () => {
    const idOf = (tid: string) => service.module.get(PaymentIds).toId(tid);
    const run = (statement: Statement, values: unknown[]) =>
      service.module.get(Database).run<{ n: number }>(statement, values);
    const byNumber = (a: { n: number }, b: { n: number }) => a.n - b.n;
    const cases: Array<[string, () => ReturnType<PaymentService['prepared']>, string, number?]> = [
      ['the payment is not ready', () => service.authenticated(), 'MONEY'],
      ['the method is not permitted', () => service.prepared({ payment_method_type: '계좌' }), 'MONEY'],
      ['there is no such method', () => service.prepared(), 'CARD'],
      ['the pay money is short', () => service.prepared({ balance: 15_999 }), 'MONEY'],
      ['the pay money is short even with the top-up', () => service.prepared({ balance: 12_000 }), 'MONEY', 3_999],
      [
        'the bank account is short of the top-up',
        () => service.prepared({ amount: 10_050_001, balance: 50_000 }),
        'MONEY',
        10_000_001,
      ],
      ['the top-up is more than the amount', () => service.prepared(), 'MONEY', 16_001],
      ['the top-up is below zero', () => service.prepared(), 'MONEY', -1],
      ['a bank account needs no top-up', () => service.prepared(), '계좌', 1],
      ['the wallet is locked', () => locked(service), 'MONEY'],
      ['the bank account is short', () => service.prepared({ amount: 10_000_001 }), '계좌'],
      [
        'the time is over',
        async () => {
          const payment = await service.prepared();
          await service.outOfTime(payment.command.order_id);
          return payment;
        },
        'MONEY',
      ],
    ];

    it.each(cases)('the statement alone changes nothing: %s', async (_what, arrange, method, topUp = 0) => {
      const { tid } = await arrange();
      const before = await service.everything();
      expect(await run(AUTHENTICATE, [idOf(tid), method, 900, topUp])).toEqual([]);
      expect(await service.everything()).toEqual(before);
    });

    it.each(cases)(
      'the statement for many changes that of the others alone: %s',
      async (_what, arrange, method, topUp = 0) => {
        const [first, second] = [await service.prepared(), await service.prepared({ payment_method_type: '계좌' })];
        const { tid, command } = await arrange();
        const before = await service.everythingOf(command.order_id);
        const ids = [first.tid, tid, second.tid].map(idOf);
        const rows = await run(AUTHENTICATE_TOGETHER, [ids, [null, method, null], 900, [0, topUp, 0]]);
        expect(rows.sort(byNumber)).toMatchObject([
          { n: 1, order_id: first.command.order_id, payment_method_type: 'MONEY' },
          { n: 3, order_id: second.command.order_id, payment_method_type: '계좌' },
        ]);
        expect(await service.everythingOf(command.order_id)).toEqual(before);
      },
    );
  });

  it('a wallet that can pay three of ten at once pays three, and no other wallet notices', async () => {
    const bank_acct_num = accountNumber();
    const poor = [];
    const rich = [];
    for (let i = 0; i < 10; i += 1) {
      poor.push(await service.prepared({ bank_acct_num, balance: 50_000 }));
      rich.push(await service.prepared());
    }
    const all = [...poor, ...rich].map(({ tid }) => service.authenticating.authenticate({ tid }));
    const answers = await Promise.allSettled(all);
    const refused = answers.slice(0, 10).filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(7);
    for (const one of refused) expect(one).toMatchObject({ reason: new OneQError('INSUFFICIENT_FUNDS') });
    expect(answers.slice(10).filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await service.wallets.byAccount(bank_acct_num)).toMatchObject({ money_held: 48_000 });
  });
});
