import { randomUUID } from 'node:crypto';
import {
  FINISHED_ERRORS,
  FINISHED_STATUSES,
  PAYMENT_STATUSES,
  type PaymentCommand,
  type PaymentStatus,
  TRANSITIONS,
} from '@oneq/contracts';
import { Database } from '@oneq/database';
import { anApproval } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PaymentIds } from '../ids/payment-ids';
import { CLOSE } from './close';
import { ExpiryWorker } from './expiry-worker';

describe('ending a payment before its approval', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it.each([
    ['cancel', 'CANCELLED', 'cancelled', 'cancel_url'],
    ['fail', 'FAILED', 'failed', 'fail_url'],
  ] as const)('%s: releases the hold and sends the payer back', async (closing, status, result, url) => {
    for (const arrange of [() => service.prepared(), () => service.authenticated()]) {
      const { command, tid } = await arrange();
      expect(await service.end(tid, closing)).toMatchObject({ status, result, merchant_url: command[url] });
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
        money_balance: 50_000,
        money_held: 0,
      });
      await expect(service.end(tid, 'cancel')).rejects.toThrow(FINISHED_ERRORS[status]);
    }
  });

  it('answers the same request again the same, whose first answer was lost', async () => {
    const { tid } = await service.authenticated();
    const reference = randomUUID();
    const first = await service.end(tid, 'cancel', reference);
    const before = await service.everything();
    expect(await service.end(tid, 'cancel', reference)).toEqual(first);
    expect(await service.everything()).toEqual(before);
  });

  it('comes too late when the time is over: the payment has expired', async () => {
    const { command, tid } = await service.authenticated();
    await service.outOfTime(command.order_id);
    await expect(service.end(tid, 'cancel')).rejects.toThrow('PAYMENT_EXPIRED');
    expect(await service.statusOf(command.order_id)).toBe('EXPIRED');
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_held: 0 });
  });

  it('cannot undo an approval', async () => {
    const { command, tid } = await service.authenticated();
    await service.approving.approve(anApproval(command));
    const before = await service.everything();
    await expect(service.end(tid, 'cancel')).rejects.toThrow('PAYMENT_NOT_CANCELLABLE');
    expect(await service.closing.expireNow(tid)).toMatchObject({ status: 'APPROVED' });
    expect(await service.everything()).toEqual(before);
  });

  it('releases a hold once, however many ends come at the same time', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { command, tid } = await service.authenticated();
      await Promise.allSettled([service.end(tid, 'cancel'), service.end(tid, 'fail'), service.closing.expireNow(tid)]);
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({
        money_balance: 50_000,
        money_held: 0,
      });
      expect(
        await service.count(
          `FROM events JOIN payments p ON p.id = payment_id WHERE order_id = $1 AND events.status = ANY ($2)`,
          [command.order_id, FINISHED_STATUSES],
        ),
      ).toBe(1);
    }
  });

  it('ends what is being authenticated at the same time, hold or not', async () => {
    for (let round = 0; round < 100; round += 1) {
      const { command, tid } = await service.prepared();
      const [authenticated, ended] = await Promise.allSettled([
        service.authenticating.authenticate({ tid }),
        service.end(tid, 'cancel'),
      ]);
      expect(ended).toMatchObject({ status: 'fulfilled', value: { status: 'CANCELLED' } });
      if (authenticated.status === 'rejected')
        expect(authenticated.reason).toMatchObject({ code: 'PAYMENT_CANCELLED' });
      expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_held: 0 });
    }
  });

  it('expires what is out of time, and nothing before', async () => {
    const due = await service.authenticated();
    const early = await service.authenticated();
    await service.outOfTime(due.command.order_id);
    await service.module.get(ExpiryWorker).expireDue();
    expect(await service.statusOf(due.command.order_id)).toBe('EXPIRED');
    expect(await service.statusOf(early.command.order_id)).toBe('AUTHENTICATED');
    expect(await service.wallets.byAccount(due.command.bank_acct_num)).toMatchObject({ money_held: 0 });
  });

  it('moves the check of a payment that was authenticated meanwhile to its new time, and drops that of a finished one', async () => {
    const open = await service.authenticated();
    const finished = await service.authenticated();
    await service.approving.approve(anApproval(finished.command));
    await service.admin.query(
      `UPDATE expiry_checks SET check_at = now() - interval '1 second' FROM payments p
       WHERE p.id = payment_id AND p.order_id = ANY($1)`,
      [[open.command.order_id, finished.command.order_id]],
    );
    await service.module.get(ExpiryWorker).expireDue();
    const checks = (orderId: string) =>
      service.count(
        'FROM expiry_checks JOIN payments p ON p.id = payment_id WHERE order_id = $1 AND check_at = expires_at',
        [orderId],
      );
    expect(await checks(open.command.order_id)).toBe(1);
    expect(
      await service.count('FROM expiry_checks JOIN payments p ON p.id = payment_id WHERE order_id = $1', [
        finished.command.order_id,
      ]),
    ).toBe(0);
  });

  it('expires the others when one cannot be expired', async () => {
    const broken = await service.authenticated();
    const good = await service.authenticated();
    await service.admin.query(
      'UPDATE wallets SET money_held = 0 FROM payments p WHERE p.wallet_id = wallets.id AND order_id = $1',
      [broken.command.order_id],
    );
    await service.outOfTime(broken.command.order_id);
    await service.outOfTime(good.command.order_id);
    await service.module.get(ExpiryWorker).expireDue();
    expect(await service.statusOf(good.command.order_id)).toBe('EXPIRED');
    expect(await service.statusOf(broken.command.order_id)).toBe('AUTHENTICATED');
  });

  it('shares the due payments between workers, each expired once', async () => {
    const payments = await Promise.all(Array.from({ length: 40 }, () => service.authenticated()));
    for (const { command } of payments) await service.outOfTime(command.order_id);
    const worker = service.module.get(ExpiryWorker);
    await Promise.all([worker.expireDue(), worker.expireDue(), worker.expireDue()]);
    const orders = payments.map(({ command }) => command.order_id);
    expect(await service.count(`FROM payments WHERE order_id = ANY ($1) AND status = 'EXPIRED'`, [orders])).toBe(40);
    expect(
      await service.count(
        `FROM events JOIN payments p ON p.id = payment_id WHERE order_id = ANY ($1) AND type = 'payment.expired'`,
        [orders],
      ),
    ).toBe(40);
  });

  describe('the statement alone changes nothing when its guard fails:', () => {
    const run = (tid: string, clock: string, onlyReady = false, session: Buffer | null = null) => {
      const id = service.module.get(PaymentIds).toId(tid);
      const values = [id, 'EXPIRED', 'payment.expired', clock, null, onlyReady, session, null];
      return service.module.get(Database).run(CLOSE, values);
    };

    it.each([
      ['its time is not over', () => service.authenticated(), 'due'],
      ['there is no such clock', () => service.authenticated(), 'x'],
      [
        'its time is over, and it was to end in time',
        async () => {
          const payment = await service.authenticated();
          await service.outOfTime(payment.command.order_id);
          return payment;
        },
        'in time',
      ],
      [
        'it is approved',
        async () => {
          const payment = await service.authenticated();
          await service.approving.approve(anApproval(payment.command));
          return payment;
        },
        'any',
      ],
    ] as Array<[string, () => Promise<{ tid: string }>, string]>)('%s', async (_what, arrange, clock) => {
      const { tid } = await arrange();
      const before = await service.everything();
      expect(await run(tid, clock)).toEqual([]);
      expect(await service.everything()).toEqual(before);
    });

    it('it is authenticated, and only a ready one was to end', async () => {
      const { tid } = await service.authenticated();
      const before = await service.everything();
      expect(await run(tid, 'any', true)).toEqual([]);
      expect(await service.everything()).toEqual(before);
    });

    it('it is bound to another browser, or to none', async () => {
      const payment = await service.prepared();
      const session = Buffer.alloc(32);
      const unbound = await service.everything();
      expect(await run(payment.tid, 'any', true, session)).toEqual([]);
      expect(await service.everything()).toEqual(unbound);
      await service.payer(payment);
      const bound = await service.everything();
      expect(await run(payment.tid, 'any', true, session)).toEqual([]);
      expect(await service.everything()).toEqual(bound);
    });

    it('its hold is missing from the wallet: the database refuses the whole statement', async () => {
      const { command, tid } = await service.authenticated();
      await service.admin.query(
        'UPDATE wallets SET money_held = 0 FROM payments p WHERE p.wallet_id = wallets.id AND order_id = $1',
        [command.order_id],
      );
      const before = await service.everything();
      await expect(run(tid, 'any')).rejects.toMatchObject({ constraint: 'money_held_not_below_zero' });
      expect(await service.everything()).toEqual(before);
    });
  });
});

describe('every state × every command', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  /** Brings a fresh payment into a state, on the way a real one would take. */
  async function inState(status: PaymentStatus) {
    const payment = status === 'READY' ? await service.prepared() : await service.authenticated();
    if (status === 'CANCELLED') await service.end(payment.tid, 'cancel');
    if (status === 'FAILED') await service.end(payment.tid, 'fail');
    if (status === 'EXPIRED') await service.closing.expireNow(payment.tid);
    if (status === 'APPROVED' || status === 'PARTIALLY_CANCELLED')
      await service.approving.approve(anApproval(payment.command));
    if (status === 'PARTIALLY_CANCELLED') await service.cancel(payment.command, { cancel_amount: 1_000 });
    return payment;
  }

  const commands: Record<PaymentCommand, (payment: Awaited<ReturnType<typeof inState>>) => Promise<unknown>> = {
    authenticate: ({ tid }) => service.authenticating.authenticate({ tid }),
    approve: ({ command }) => service.approving.approve(anApproval(command)),
    cancel: ({ tid }) => service.end(tid, 'cancel'),
    fail: ({ tid }) => service.end(tid, 'fail'),
    refund: ({ command }) => service.cancel(command),
    refundPart: ({ command }) => service.cancel(command, { cancel_amount: 5_000 }),
    expire: ({ tid }) => service.closing.expireNow(tid),
  };

  const cells = PAYMENT_STATUSES.flatMap((status) =>
    (Object.keys(TRANSITIONS) as PaymentCommand[]).map((command) => [status, command] as const),
  );

  it.each(cells)('%s × %s', async (status, command) => {
    const payment = await inState(status);
    const before = await service.everything();
    const transition = TRANSITIONS[command];
    await commands[command](payment).catch(() => {});
    // A merchant's cancellation without an amount also voids what is not approved yet, as the row of `cancel` has it.
    const voids = command === 'refund' && (TRANSITIONS.cancel.from as readonly string[]).includes(status);
    if (voids || (transition.from as readonly string[]).includes(status)) {
      expect(await service.statusOf(payment.command.order_id)).toBe(transition.to);
      expect(
        await service.count(
          `FROM events JOIN payments p ON p.id = payment_id WHERE order_id = $1 AND type = $2 AND events.sequence = p.sequence`,
          [payment.command.order_id, transition.event],
        ),
      ).toBe(1);
    } else {
      expect(await service.everything()).toEqual(before);
    }
  });
});
