import { OneQError, PAYMENT_STATUSES, type PaymentStatus } from '@oneq/contracts';
import { anApproval } from '@oneq/testing';
import { PaymentService } from '../../test/service';

/** What becomes of a command: it is done, it answers without doing anything, or it is refused and nothing changes. */
const DONE = 'done';
const SAME = 'same';

type Prepared = Awaited<ReturnType<PaymentService['prepared']>>;
type Cells = Readonly<Record<PaymentStatus, string>>;

const ended = { CANCELLED: 'PAYMENT_CANCELLED', FAILED: 'PAYMENT_FAILED', EXPIRED: 'PAYMENT_EXPIRED' };
const cells = (
  ...[READY = '', AUTHENTICATED = '', APPROVED = '', PARTIALLY_CANCELLED = '', ...rest]: string[]
): Cells => {
  const [CANCELLED = ended.CANCELLED, FAILED = ended.FAILED, EXPIRED = ended.EXPIRED] = rest;
  return { READY, AUTHENTICATED, APPROVED, PARTIALLY_CANCELLED, CANCELLED, FAILED, EXPIRED };
};

const COMMANDS: Readonly<
  Record<string, readonly [run: (service: PaymentService, of: Prepared) => Promise<unknown>, Cells]>
> = {
  'prepare again': [
    (service, { command }) => service.preparing.prepare(command),
    cells(SAME, SAME, SAME, SAME, DONE, DONE, DONE),
  ],
  'prepare with another amount': [
    (service, { command }) => service.preparing.prepare({ ...command, amount: 1 }),
    cells(...Array(4).fill('ORDER_ALREADY_EXISTS'), DONE, DONE, DONE),
  ],
  authenticate: [(service, { tid }) => service.authenticating.authenticate({ tid }), cells(DONE, SAME, SAME, SAME)],
  'cancel by the payer': [
    (service, { tid }) => service.end(tid, 'cancel'),
    cells(DONE, DONE, 'PAYMENT_NOT_CANCELLABLE', 'PAYMENT_NOT_CANCELLABLE'),
  ],
  'fail by the payer': [
    (service, { tid }) => service.end(tid, 'fail'),
    cells(DONE, DONE, 'PAYMENT_NOT_CANCELLABLE', 'PAYMENT_NOT_CANCELLABLE'),
  ],
  'expire now': [(service, { tid }) => service.closing.expireNow(tid), cells(DONE, DONE, SAME, SAME, SAME, SAME, SAME)],
  approve: [
    (service, { command }) => service.approving.approve(anApproval(command)),
    cells('PAYMENT_NOT_AUTHENTICATED', DONE, SAME, SAME),
  ],
  'approve another amount': [
    (service, { command }) => service.approving.approve(anApproval(command, { amount: 1 })),
    cells(...Array(7).fill('PAYMENT_MISMATCH')),
  ],
  'cancel the whole': [
    (service, { command }) => service.cancel(command),
    cells(DONE, DONE, DONE, DONE, SAME, 'PAYMENT_NOT_CANCELLABLE', 'PAYMENT_NOT_CANCELLABLE'),
  ],
  'cancel a part': [
    (service, { command }) => service.cancel(command, { cancel_amount: 1_000 }),
    cells(
      'PAYMENT_NOT_CANCELLABLE',
      'PAYMENT_NOT_CANCELLABLE',
      DONE,
      DONE,
      'CANCEL_AMOUNT_EXCEEDED',
      'PAYMENT_NOT_CANCELLABLE',
      'PAYMENT_NOT_CANCELLABLE',
    ),
  ],
  'net-cancel': [
    (service, { command }) => service.netCancel(command),
    cells(DONE, DONE, DONE, 'PAYMENT_NOT_CANCELLABLE', SAME, SAME, SAME),
  ],
  'net-cancel another amount': [
    (service, { command }) => service.netCancel({ ...command, amount: 1 }),
    cells(...Array(7).fill('PAYMENT_MISMATCH')),
  ],
};

describe('every command in every state', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  const paymentIn: Readonly<Record<PaymentStatus, () => Promise<Prepared>>> = {
    READY: () => service.prepared(),
    AUTHENTICATED: () => service.authenticated(),
    APPROVED: () => service.approved(),
    PARTIALLY_CANCELLED: async () => {
      const payment = await service.approved();
      await service.cancel(payment.command, { cancel_amount: 1_000 });
      return payment;
    },
    CANCELLED: async () => {
      const payment = await service.approved();
      await service.cancel(payment.command);
      return payment;
    },
    FAILED: async () => {
      const payment = await service.prepared();
      await service.end(payment.tid, 'fail');
      return payment;
    },
    EXPIRED: async () => {
      const payment = await service.prepared();
      await service.closing.expireNow(payment.tid);
      return payment;
    },
  };

  const matrix = Object.entries(COMMANDS).flatMap(([command, [run, expected]]) =>
    PAYMENT_STATUSES.map((status) => ({ command, status, run, outcome: expected[status] })),
  );

  it.each(matrix)('$command, when $status: $outcome', async ({ status, run, outcome }) => {
    const payment = await paymentIn[status]();
    const before = await service.everything();
    const met = await run(service, payment).then(
      () => DONE,
      (error: unknown) => (error instanceof OneQError ? error.code : String(error)),
    );
    const changed = JSON.stringify(await service.everything()) !== JSON.stringify(before);
    expect(met).toBe(outcome === SAME ? DONE : outcome);
    expect(changed).toBe(outcome === DONE);
  });
});
