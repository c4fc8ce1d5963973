import { randomUUID } from 'node:crypto';
import { Database, type Statement, transposed } from '@oneq/database';
import { accountNumber, anApproval } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PaymentIds } from '../ids/payment-ids';
import { REFUND, REFUND_TOGETHER } from './refund';

describe("a merchant's cancellation", () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  const wallet = (payment: { command: { bank_acct_num: string } }) =>
    service.wallets.byAccount(payment.command.bank_acct_num);

  it.each([
    ['prepared', () => service.prepared()],
    ['authenticated', () => service.authenticated()],
  ])('voids what is only %s, as a whole, and releases the hold', async (_what, arrange) => {
    const payment = await arrange();
    const cancelled = await service.cancel(payment.command);
    expect(cancelled).toMatchObject({
      tid: payment.tid,
      status: 'CANCELLED',
      approved_amount: 0,
      cancelled_amount: 0,
      cancel_available_amount: 0,
      expires_at: null,
    });
    expect(cancelled.events.at(-1)).toMatchObject({ type: 'payment.cancelled', amount: 16_000 });
    expect(await wallet(payment)).toMatchObject({ money_balance: 50_000, money_held: 0 });
    const before = await service.everything();
    expect(await service.cancel(payment.command)).toEqual(cancelled);
    expect(await service.everything()).toEqual(before);
  });

  it('does not void a part', async () => {
    for (const payment of [await service.prepared(), await service.authenticated()]) {
      const before = await service.everything();
      await expect(service.cancel(payment.command, { cancel_amount: 15_999 })).rejects.toThrow(
        'PAYMENT_NOT_CANCELLABLE',
      );
      expect(await service.everything()).toEqual(before);
      expect(await service.cancel(payment.command, { cancel_amount: 16_000 })).toMatchObject({ status: 'CANCELLED' });
    }
  });

  it('gives everything back after the approval, to the pot that paid', async () => {
    const money = await service.approved();
    expect(await service.cancel(money.command, { cancel_reason: '고객 변심' })).toMatchObject({
      status: 'CANCELLED',
      approved_amount: 16_000,
      cancelled_amount: 16_000,
      cancel_available_amount: 0,
    });
    expect(await wallet(money)).toMatchObject({ money_balance: 50_000, bank_balance: 10_000_000 });
    const bank = await service.approved({ payment_method_type: '계좌' });
    await service.cancel(bank.command);
    expect(await wallet(bank)).toMatchObject({ money_balance: 50_000, bank_balance: 10_000_000 });
    expect(await service.count(`FROM events WHERE reason = '고객 변심'`)).toBe(1);
    await expect(service.approving.approve(anApproval(money.command))).rejects.toThrow('PAYMENT_CANCELLED');
  });

  it('gives back in parts, never more than was paid', async () => {
    const payment = await service.approved();
    expect(await service.cancel(payment.command, { cancel_amount: 5_000 })).toMatchObject({
      status: 'PARTIALLY_CANCELLED',
      cancelled_amount: 5_000,
      cancel_available_amount: 11_000,
    });
    const before = await service.everything();
    await expect(service.cancel(payment.command, { cancel_amount: 11_001 })).rejects.toThrow('CANCEL_AMOUNT_EXCEEDED');
    expect(await service.everything()).toEqual(before);
    expect(await service.approving.approve(anApproval(payment.command))).toMatchObject({ amount: 16_000 });
    expect(await service.cancel(payment.command)).toMatchObject({ status: 'CANCELLED', cancelled_amount: 16_000 });
    expect(await wallet(payment)).toMatchObject({ money_balance: 50_000 });
    await expect(service.cancel(payment.command, { cancel_amount: 1 })).rejects.toThrow('CANCEL_AMOUNT_EXCEEDED');
    const { events } = await service.cancel(payment.command);
    expect(events.map(({ type, amount, sequence }) => [sequence, type, amount])).toEqual([
      [1, 'payment.authenticated', 16_000],
      [2, 'payment.approved', 16_000],
      [3, 'payment.cancelled', 5_000],
      [4, 'payment.cancelled', 11_000],
    ]);
  });

  it('books the same request once, however often and simultaneously it arrives', async () => {
    const payment = await service.approved();
    const request = { cancel_amount: 3_000, reference: randomUUID() };
    const answers = await Promise.all(Array.from({ length: 10 }, () => service.cancel(payment.command, request)));
    for (const answer of answers) expect(answer).toMatchObject({ cancelled_amount: 3_000 });
    expect(await service.cancel(payment.command, request)).toMatchObject({ cancelled_amount: 3_000 });
    const whole = { cancel_amount: 13_000, reference: randomUUID() };
    for (let i = 0; i < 2; i += 1) {
      expect(await service.cancel(payment.command, whole)).toMatchObject({ status: 'CANCELLED' });
    }
  });

  it('that arrives again after its order was prepared anew leaves the new payment alone', async () => {
    const voided = await service.prepared();
    const refunded = await service.approved();
    for (const { command } of [voided, refunded]) {
      const reference = randomUUID();
      const first = await service.cancel(command, { reference });
      const { tid } = await service.preparing.prepare(command);
      await service.authenticating.authenticate({ tid });
      await service.approving.approve(anApproval(command));
      expect((await service.cancel(command, { reference })).tid).toBe(first.tid);
      expect((await service.netCancel(command, { reference })).payment?.tid).toBe(first.tid);
      expect(await service.statusOf(command.order_id)).toBe('APPROVED');
    }
  });

  it('refunds 500 payments exactly once each, although each is refunded twice at once', async () => {
    const refused: unknown[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      const payments = await Promise.all(Array.from({ length: 50 }, () => service.approved({ amount: 100 })));
      const answers = await Promise.allSettled(
        payments.flatMap(({ command }) => [
          service.cancel(command, { cancel_amount: 100 }),
          service.cancel(command, { cancel_amount: 100 }),
        ]),
      );
      for (const answer of answers) if (answer.status === 'rejected') refused.push(answer.reason.code);
      for (const payment of payments) expect(await wallet(payment)).toMatchObject({ money_balance: 50_000 });
    }
    expect(refused).toEqual(Array.from({ length: 500 }, () => 'CANCEL_AMOUNT_EXCEEDED'));
  }, 60_000);

  it.each([
    ['failed', (tid: string) => service.end(tid, 'fail')],
    ['expired', (tid: string) => service.closing.expireNow(tid)],
  ])('is refused when the payment has %s', async (_what, end) => {
    const payment = await service.prepared();
    await end(payment.tid);
    await expect(service.cancel(payment.command)).rejects.toThrow('PAYMENT_NOT_CANCELLABLE');
  });

  it('comes too late when the time is over', async () => {
    const payment = await service.authenticated();
    await service.outOfTime(payment.command.order_id);
    await expect(service.cancel(payment.command)).rejects.toThrow('PAYMENT_NOT_CANCELLABLE');
    expect(await service.statusOf(payment.command.order_id)).toBe('EXPIRED');
  });

  it('finds a payment by tid, by order, or by both, and no other merchant’s', async () => {
    const payment = await service.prepared();
    const { cid, order_id } = payment.command;
    const other = await service.prepared();
    const before = await service.everything();
    for (const wrong of [
      { tid: '1' },
      { tid: other.tid },
      { order_id: 'none' },
      { cid: 'TCOTHER000' },
      { cid: 'TCOTHER000', order_id: undefined, tid: payment.tid },
    ]) {
      await expect(service.cancel(payment.command, wrong)).rejects.toThrow('PAYMENT_NOT_FOUND');
    }
    await expect(service.cancel(payment.command, { order_id: undefined })).rejects.toMatchObject({
      code: 'INVALID_PARAMETER',
      extras: { errors: [{ field: 'tid', code: 'REQUIRED' }, { field: 'order_id' }] },
    });
    expect(await service.everything()).toEqual(before);
    expect(await service.cancel({ cid, order_id }, { tid: payment.tid })).toMatchObject({ status: 'CANCELLED' });
  });

  describe('changes nothing when the guard of its statement fails:', () => {
    const run = (statement: Statement, values: unknown[]) =>
      service.module.get(Database).run<{ n: number; refunded: number }>(statement, values);
    const valuesOf = ({ tid, amount = null, reference = randomUUID(), net = false }: Asked) => [
      service.module.get(PaymentIds).toId(tid),
      amount,
      reference,
      net,
      null,
    ];
    type Asked = { tid: string; amount?: number | null; reference?: string; net?: boolean };
    const cases: Array<[string, () => Promise<Asked & { command: { order_id: string } }>]> = [
      ['the payment is only authenticated', () => service.authenticated()],
      ['more is asked than was paid', async () => ({ ...(await service.approved()), amount: 16_001 })],
      [
        'more is asked than is left',
        async () => {
          const payment = await service.approved();
          await service.cancel(payment.command, { cancel_amount: 1 });
          return { ...payment, amount: 16_000 };
        },
      ],
      [
        'it was booked already',
        async () => {
          const reference = randomUUID();
          const payment = await service.approved();
          await service.cancel(payment.command, { cancel_amount: 1, reference });
          return { ...payment, reference, amount: 1 };
        },
      ],
      [
        'it is a net-cancel, and a part was refunded',
        async () => {
          const payment = await service.approved();
          await service.cancel(payment.command, { cancel_amount: 1 });
          return { ...payment, net: true };
        },
      ],
      [
        'it is a net-cancel, an hour after the approval',
        async () => {
          const payment = await service.approved();
          await service.admin.query(
            `UPDATE payments SET approved_at = now() - interval '61 minutes' WHERE order_id = $1`,
            [payment.command.order_id],
          );
          return { ...payment, net: true };
        },
      ],
    ];

    it.each(cases)('of one: %s', async (_what, arrange) => {
      const asked = await arrange();
      const before = await service.everything();
      expect(await run(REFUND, valuesOf(asked))).toEqual([]);
      expect(await service.everything()).toEqual(before);
    });

    it.each(cases)('of many, which changes the others: %s', async (_what, arrange) => {
      const [first, second] = [await service.approved(), await service.approved({ payment_method_type: '계좌' })];
      const asked = await arrange();
      const before = await service.everythingOf(asked.command.order_id);
      const all = [first, asked, { ...second, amount: 5 }].map(valuesOf);
      const rows = await run(REFUND_TOGETHER, transposed(all));
      expect(rows.sort((a, b) => a.n - b.n)).toEqual([
        { n: 1, refunded: 16_000 },
        { n: 3, refunded: 5 },
      ]);
      expect(await service.everythingOf(asked.command.order_id)).toEqual(before);
      expect(await wallet(first)).toMatchObject({ money_balance: 50_000, bank_balance: 10_000_000 });
      expect(await wallet(second)).toMatchObject({ money_balance: 50_000, bank_balance: 9_984_005 });
    });
  });

  it('passes by what somebody else has locked when many are refunded, and waits for it', async () => {
    const [locked, free] = [await service.approved(), await service.approved()];
    await service.admin.query('BEGIN');
    await service.admin.query('SELECT FROM payments WHERE order_id = $1 FOR UPDATE', [locked.command.order_id]);
    let waiting = true;
    const late = service.cancel(locked.command).finally(() => {
      waiting = false;
    });
    await service.cancel(free.command);
    expect(waiting).toBe(true);
    await service.admin.query('COMMIT');
    expect(await late).toMatchObject({ tid: locked.tid, status: 'CANCELLED' });
  });

  it('gives many payments of one wallet back at once, each once', async () => {
    const bank_acct_num = accountNumber();
    const payments = [];
    for (let i = 0; i < 40; i += 1) payments.push(await service.approved({ bank_acct_num, balance: 1_000_000 }));
    const answers = await Promise.all(payments.map(({ command }) => service.cancel(command)));
    expect(answers.map(({ tid, status }) => [tid, status])).toEqual(payments.map(({ tid }) => [tid, 'CANCELLED']));
    expect(await service.wallets.byAccount(bank_acct_num)).toMatchObject({ money_balance: 1_000_000, money_held: 0 });
  });
});

describe('a net-cancel', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('undoes an approval, once', async () => {
    const payment = await service.approved();
    const reference = randomUUID();
    for (let i = 0; i < 2; i += 1) {
      expect(await service.netCancel(payment.command, { reference })).toMatchObject({
        result: 'CANCELLED',
        payment: { status: 'CANCELLED', cancelled_amount: 16_000 },
      });
    }
    expect(await service.netCancel(payment.command)).toMatchObject({ result: 'ALREADY_CANCELLED' });
    expect(await service.wallets.byAccount(payment.command.bank_acct_num)).toMatchObject({ money_balance: 50_000 });
  });

  it('ends what is not approved, so that a late approval is refused', async () => {
    for (const payment of [await service.prepared(), await service.authenticated()]) {
      const reference = randomUUID();
      for (let i = 0; i < 2; i += 1) {
        expect(await service.netCancel(payment.command, { reference })).toMatchObject({ result: 'NOT_APPROVED' });
      }
      await expect(service.approving.approve(anApproval(payment.command))).rejects.toThrow('PAYMENT_CANCELLED');
      expect(await service.netCancel(payment.command)).toMatchObject({ result: 'ALREADY_CANCELLED' });
    }
  });

  it('leaves what failed or expired as it is', async () => {
    const failed = await service.prepared();
    await service.end(failed.tid, 'fail');
    const expired = await service.authenticated();
    await service.outOfTime(expired.command.order_id);
    expect(await service.netCancel(failed.command)).toMatchObject({
      result: 'NOT_APPROVED',
      payment: { status: 'FAILED' },
    });
    expect(await service.netCancel(expired.command)).toMatchObject({
      result: 'NOT_APPROVED',
      payment: { status: 'EXPIRED' },
    });
  });

  it('is refused for another amount, after a partial cancellation, and after an hour', async () => {
    const payment = await service.approved();
    const before = await service.everything();
    await expect(service.netCancel(payment.command, { amount: 15_999 })).rejects.toMatchObject({
      code: 'PAYMENT_MISMATCH',
      extras: { errors: [{ field: 'amount', code: 'MISMATCH' }] },
    });
    expect(await service.everything()).toEqual(before);
    await service.admin.query(`UPDATE payments SET approved_at = now() - interval '61 minutes' WHERE order_id = $1`, [
      payment.command.order_id,
    ]);
    await expect(service.netCancel(payment.command)).rejects.toThrow('PAYMENT_NOT_CANCELLABLE');
    await service.cancel(payment.command, { cancel_amount: 1 });
    await expect(service.netCancel(payment.command)).rejects.toThrow('PAYMENT_NOT_CANCELLABLE');
  });

  it('that overtakes its order: an approval within the hour is refused, and a new prepare clears it', async () => {
    const { command } = await service.prepared();
    const order = { ...command, order_id: `never-${randomUUID()}` };
    await expect(service.approving.approve(anApproval(order))).rejects.toThrow('PAYMENT_NOT_FOUND');
    for (let i = 0; i < 2; i += 1) {
      expect(await service.netCancel(order)).toEqual({ result: 'NOT_APPROVED', payment: null });
    }
    await expect(service.approving.approve(anApproval(order))).rejects.toThrow('PAYMENT_CANCELLED');
    const { tid } = await service.preparing.prepare(order);
    await service.authenticating.authenticate({ tid });
    expect(await service.approving.approve(anApproval(order))).toMatchObject({ tid });
    expect(await service.count('FROM given_up_orders WHERE order_id = $1', [order.order_id])).toBe(0);
  });

  it('is forgotten after its hour', async () => {
    const { command } = await service.prepared();
    const order = { ...command, order_id: `never-${randomUUID()}` };
    await service.netCancel(order);
    await service.admin.query(`UPDATE given_up_orders SET until = now() - interval '1 second'`);
    await expect(service.approving.approve(anApproval(order))).rejects.toThrow('PAYMENT_NOT_FOUND');
  });

  it('and an approval at the same time: exactly one of the two prevails, and the payer keeps or pays the money once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const payment = await service.authenticated();
      const [undone, approved] = await Promise.all([
        service.netCancel(payment.command),
        service.approving.approve(anApproval(payment.command)).then(
          () => 'approved',
          (error) => error.code,
        ),
      ]);
      expect([undone.result, approved]).toEqual(
        undone.result === 'CANCELLED' ? ['CANCELLED', 'approved'] : ['NOT_APPROVED', 'PAYMENT_CANCELLED'],
      );
      expect(await service.wallets.byAccount(payment.command.bank_acct_num)).toMatchObject({
        money_balance: 50_000,
        money_held: 0,
      });
    }
  });
});
