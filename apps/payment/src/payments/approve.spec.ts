import type { ApproveRequest } from '@oneq/contracts';
import { Database, type Statement, transposed } from '@oneq/database';
import { accountNumber, anApproval } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PaymentIds } from '../ids/payment-ids';
import { APPROVE, APPROVE_TOGETHER } from './approve';

describe('approving a payment', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('captures what was held, owes it to the merchant, and answers the fields of the specification', async () => {
    const { command, tid } = await service.authenticated({ balance: 50_000 });
    await expect(service.approving.approve(anApproval(command))).resolves.toEqual({
      tid,
      cid: 'TC0ONETIME',
      order_id: command.order_id,
      member_id: 'member_id',
      payment_method_type: 'MONEY',
      item_name: '고구마피자',
      amount: 16_000,
      tran_dt: '2016.11.15 21:18:22',
    });
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
      money_balance: 34_000,
      money_held: 0,
    });
    const { rows } = await service.admin.query(
      `SELECT t.debit_account = 'wallet/' || p.wallet_id || '/money' AS from_wallet, t.credit_account, t.amount
       FROM transfers t JOIN payments p ON p.id = t.payment_id WHERE p.order_id = $1`,
      [command.order_id],
    );
    expect(rows).toEqual([{ from_wallet: true, credit_account: 'merchant/TC0ONETIME', amount: 16_000 }]);
    const events = await service.admin.query(
      'SELECT e.sequence, type, e.status, e.amount FROM events e JOIN payments p ON p.id = payment_id WHERE order_id = $1 ORDER BY e.sequence',
      [command.order_id],
    );
    expect(events.rows).toEqual([
      { sequence: 1, type: 'payment.authenticated', status: 'AUTHENTICATED', amount: 16_000 },
      { sequence: 2, type: 'payment.approved', status: 'APPROVED', amount: 16_000 },
    ]);
  });

  it('captures from the bank account when that was chosen', async () => {
    const { command } = await service.authenticated({ payment_method_type: '계좌' });
    expect(await service.approving.approve(anApproval(command))).toMatchObject({ payment_method_type: '계좌' });
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
      bank_balance: 9_984_000,
      bank_held: 0,
    });
  });

  it('answers 50 identical approvals at once identically, with one debit', async () => {
    const { command } = await service.authenticated({ balance: 1_000_000 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.approving.approve(anApproval(command))));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_balance: 984_000 });
    expect(
      await service.count(`FROM transfers JOIN payments p ON p.id = payment_id WHERE order_id = $1`, [
        command.order_id,
      ]),
    ).toBe(1);
  });

  it("answers again with the first approval's values, tran_dt included, and changes nothing", async () => {
    const { command } = await service.authenticated();
    const first = await service.approving.approve(anApproval(command));
    const before = await service.everything();
    expect(await service.approving.approve(anApproval(command, { tran_dt: '2020.01.01 00:00:00' }))).toEqual(first);
    expect(await service.everything()).toEqual(before);
  });

  it.each([
    ['category_cd', 1],
    ['opponent_name', '다른 가게'],
    ['item_name', '감자피자'],
    ['member_id', 'other'],
    ['amount', 15_999],
  ])('answers PAYMENT_MISMATCH when %s differs, in every state, and changes nothing', async (field, value) => {
    const mismatch = { code: 'PAYMENT_MISMATCH', extras: { errors: [{ field, code: 'MISMATCH' }] } };
    const { command, tid } = await service.prepared();
    const tampered = anApproval(command, { [field]: value });
    await expect(service.approving.approve(tampered)).rejects.toMatchObject(mismatch);
    await service.authenticating.authenticate({ tid });
    const before = await service.everything();
    await expect(service.approving.approve(tampered)).rejects.toMatchObject(mismatch);
    expect(await service.everything()).toEqual(before);
    await service.approving.approve(anApproval(command));
    await expect(service.approving.approve(tampered)).rejects.toMatchObject(mismatch);
    const cancelled = await service.prepared();
    await service.end(cancelled.tid, 'cancel');
    await expect(service.approving.approve(anApproval(cancelled.command, { [field]: value }))).rejects.toMatchObject(
      mismatch,
    );
  });

  it('tells all mismatches at once', async () => {
    const { command } = await service.authenticated();
    await expect(service.approving.approve(anApproval(command, { amount: 1, member_id: 'x' }))).rejects.toMatchObject({
      extras: { errors: [{ field: 'member_id' }, { field: 'amount' }] },
    });
  });

  it('takes an opponent_name that equals the prepared one', async () => {
    const { command, tid } = await service.authenticated();
    const request = anApproval(command, { opponent_name: command.opponent_name });
    expect(await service.approving.approve(request)).toMatchObject({ tid });
  });

  it('lets a tid pin the attempt', async () => {
    const { command, tid } = await service.authenticated();
    const other = await service.authenticated();
    for (const wrong of [other.tid, '1', '0', '9999999999999999']) {
      await expect(service.approving.approve(anApproval(command, { tid: wrong }))).rejects.toThrow('PAYMENT_NOT_FOUND');
    }
    expect(await service.approving.approve(anApproval(command, { tid }))).toMatchObject({ tid });
  });

  it('approves only what the payer has authenticated', async () => {
    const { command } = await service.prepared();
    await expect(service.approving.approve(anApproval(command))).rejects.toThrow('PAYMENT_NOT_AUTHENTICATED');
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_balance: 50_000 });
  });

  it('answers PAYMENT_NOT_FOUND for an unknown order and for another merchant', async () => {
    const { command } = await service.authenticated();
    await expect(service.approving.approve(anApproval(command, { order_id: 'none' }))).rejects.toThrow(
      'PAYMENT_NOT_FOUND',
    );
    await expect(service.approving.approve(anApproval(command, { cid: 'TCOTHER000' }))).rejects.toThrow(
      'PAYMENT_NOT_FOUND',
    );
  });

  it('answers PAYMENT_EXPIRED when the merchant comes too late, and releases the hold', async () => {
    const { command } = await service.authenticated();
    await service.outOfTime(command.order_id);
    await expect(service.approving.approve(anApproval(command))).rejects.toThrow('PAYMENT_EXPIRED');
    expect(await service.statusOf(command.order_id)).toBe('EXPIRED');
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
      money_balance: 50_000,
      money_held: 0,
    });
  });

  it('ends an approval that races with cancelling in exactly one of the two', async () => {
    for (let round = 0; round < 30; round += 1) {
      const { command, tid } = await service.authenticated();
      const [approval, cancel] = await Promise.allSettled([
        service.approving.approve(anApproval(command)),
        service.end(tid, 'cancel'),
      ]);
      const approved = approval.status === 'fulfilled';
      expect(cancel.status).toBe(approved ? 'rejected' : 'fulfilled');
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
        money_balance: approved ? 34_000 : 50_000,
        money_held: 0,
      });
    }
  });

  describe('when its guard fails', () => {
    type Arranged = Awaited<ReturnType<PaymentService['prepared']>>;
    const cases: Array<[string, () => Promise<Arranged>, Parameters<typeof anApproval>[1]]> = [
      ['the payment is ready', () => service.prepared(), {}],
      ['the amount differs', () => service.authenticated(), { amount: 15_999 }],
      ['the goods differ', () => service.authenticated(), { item_name: '감자피자' }],
      ['the member differs', () => service.authenticated(), { member_id: 'x' }],
      ['the category differs', () => service.authenticated(), { category_cd: 1 }],
      ['the name differs', () => service.authenticated(), { opponent_name: 'x' }],
      ['the tid differs', () => service.authenticated(), { tid: '1' }],
      ['the order differs', () => service.authenticated(), { order_id: 'x' }],
      ['the merchant differs', () => service.authenticated(), { cid: 'TCOTHER000' }],
      [
        'the time is over',
        async () => {
          const payment = await service.authenticated();
          await service.outOfTime(payment.command.order_id);
          return payment;
        },
        {},
      ],
      [
        // The trap of a data-modifying CTE: a wallet that matches nothing must not let the payment be approved.
        'the hold is missing from the wallet',
        async () => {
          const payment = await service.authenticated();
          await service.admin.query(
            'UPDATE wallets SET money_held = 0 FROM payments p WHERE p.wallet_id = wallets.id AND order_id = $1',
            [payment.command.order_id],
          );
          return payment;
        },
        {},
      ],
    ];

    const valuesOf = ({ cid, order_id, category_cd, item_name, member_id, amount, ...rest }: ApproveRequest) => {
      const pinned = rest.tid === undefined ? null : service.module.get(PaymentIds).toId(rest.tid);
      return [
        cid,
        order_id,
        category_cd,
        item_name,
        member_id,
        amount,
        rest.opponent_name ?? null,
        pinned,
        rest.tran_dt,
      ];
    };
    const run = (statement: Statement, values: unknown[]) =>
      service.module.get(Database).run<{ n: number }>(statement, values);

    it.each(cases)('the statement alone changes nothing: %s', async (_what, arrange, changes) => {
      const { command } = await arrange();
      const before = await service.everything();
      expect(await run(APPROVE, valuesOf(anApproval(command, changes)))).toEqual([]);
      expect(await service.everything()).toEqual(before);
    });

    it.each(cases)('the statement for many changes that of the others alone: %s', async (_what, arrange, changes) => {
      const others = [await service.authenticated(), await service.authenticated({ payment_method_type: '계좌' })];
      const { command } = await arrange();
      const before = await service.everythingOf(command.order_id);
      const [first, second] = others.map(({ command }) => anApproval(command));
      const all = [first, anApproval(command, changes), second].map((one) => valuesOf(one as ApproveRequest));
      const rows = await run(APPROVE_TOGETHER, transposed(all));
      expect(rows.sort((a, b) => a.n - b.n)).toMatchObject([
        { n: 1, order_id: first?.order_id, payment_method_type: 'MONEY' },
        { n: 3, order_id: second?.order_id, payment_method_type: '계좌' },
      ]);
      expect(await service.everythingOf(command.order_id)).toEqual(before);
    });
  });

  it('passes by what somebody else has locked when it approves many, and waits for it when it approves one', async () => {
    const [locked, free] = [await service.authenticated(), await service.authenticated()];
    await service.admin.query('BEGIN');
    await service.admin.query('SELECT FROM payments WHERE order_id = $1 FOR UPDATE', [locked.command.order_id]);
    let waiting = true;
    const late = service.approving.approve(anApproval(locked.command)).finally(() => {
      waiting = false;
    });
    await service.approving.approve(anApproval(free.command));
    expect(waiting).toBe(true);
    await service.admin.query('COMMIT');
    expect(await late).toMatchObject({ tid: locked.tid });
  });

  it('approves many payments of one wallet at once, each once', async () => {
    const bank_acct_num = accountNumber();
    const payments = [];
    for (let i = 0; i < 40; i += 1) payments.push(await service.authenticated({ bank_acct_num, balance: 1_000_000 }));
    const answers = await Promise.all(payments.map(({ command }) => service.approving.approve(anApproval(command))));
    expect(answers.map(({ tid }) => tid)).toEqual(payments.map(({ tid }) => tid));
    expect(await service.wallets.byAccount(bank_acct_num)).toMatchObject({ money_balance: 360_000, money_held: 0 });
  });
});
