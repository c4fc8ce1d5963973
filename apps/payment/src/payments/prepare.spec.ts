import { OneQError } from '@oneq/contracts';
import { accountNumber, aPrepare } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PaymentIds } from '../ids/payment-ids';
import { AccountVault } from '../wallets/account-vault';

describe('preparing a payment', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('answers a tid and two different tokens, and opens the wallet with what was declared', async () => {
    const { command, tid, pc_token, phone_token } = await service.prepared({ balance: 50_000 });
    expect(tid).toMatch(/^[1-9][0-9]{0,15}$/);
    expect(pc_token).not.toBe(phone_token);
    await expect(service.wallets.byAccount(command.bank_acct_num)).resolves.toMatchObject({
      money_balance: 50_000,
      money_held: 0,
      bank_balance: 10_000_000,
      bank_held: 0,
    });
    expect(await service.statusOf(command.order_id)).toBe('READY');
  });

  it('answers no payment whose time is over, also while somebody else is expiring it', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { command, tid } = await service.authenticated();
      await service.outOfTime(command.order_id);
      const answers = await Promise.all(Array.from({ length: 5 }, () => service.preparing.prepare(command)));
      const tids = new Set(answers.map((answer) => answer.tid));
      expect(tids.size).toBe(1);
      expect(tids).not.toContain(tid);
    }
  });

  it('books the opening balances as transfers, so that the ledger explains every won', async () => {
    const { command } = await service.prepared({ balance: 0 });
    const { bank_acct_num } = command;
    const { rows } = await service.admin.query(
      `SELECT t.kind, t.debit_account, t.amount, t.credit_account = 'wallet/' || w.id || '/bank' AS to_bank
       FROM transfers t JOIN payments p ON p.order_id = $1 JOIN wallets w ON w.id = p.wallet_id
       WHERE t.credit_account LIKE 'wallet/' || w.id || '/%'`,
      [command.order_id],
    );
    expect(rows).toEqual([{ kind: 'opening', debit_account: 'outside/sandbox', amount: 10_000_000, to_bank: true }]);
    expect(bank_acct_num).toHaveLength(12);
  });

  it('answers the same request with the same tid and tokens, whatever balance and alias are declared by then', async () => {
    const first = await service.prepared();
    const before = await service.everything();
    const again = await service.preparing.prepare({ ...first.command, balance: 1, bank_acct_alias: '다른 이름' });
    expect(again).toEqual({ tid: first.tid, pc_token: first.pc_token, phone_token: first.phone_token });
    expect(await service.everything()).toEqual(before);
  });

  it.each([
    ['category_cd', 552102],
    ['opponent_name', '다른 가게'],
    ['item_name', '감자피자'],
    ['item_code', 'OTHER'],
    ['member_id', 'other'],
    ['quantity', 2],
    ['amount', 15_999],
    ['payment_method_type', 'MONEY'],
    ['bank_acct_num', '999999999999'],
    ['approval_url', 'http://other/'],
    ['cancel_url', 'http://other/'],
    ['fail_url', 'http://other/'],
  ])('answers ORDER_ALREADY_EXISTS when %s differs, and leaves no trace', async (field, value) => {
    const { command } = await service.prepared();
    const before = await service.everything();
    await expect(service.preparing.prepare({ ...command, [field]: value })).rejects.toThrow('ORDER_ALREADY_EXISTS');
    expect(await service.everything()).toEqual(before);
  });

  it('gives one tid for the same prepare sent 50 times at once', async () => {
    const command = aPrepare();
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.preparing.prepare(command)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await service.count('FROM payments WHERE order_id = $1', [command.order_id])).toBe(1);
  });

  it('opens one wallet for 30 first prepares of one account at once', async () => {
    const bank_acct_num = accountNumber();
    const commands = Array.from({ length: 30 }, () => aPrepare({ bank_acct_num, balance: 7_777 }));
    const answers = await Promise.all(commands.map((command) => service.preparing.prepare(command)));
    expect(new Set(answers.map(({ tid }) => tid)).size).toBe(30);
    expect(await service.wallets.byAccount(bank_acct_num)).toMatchObject({ money_balance: 7_777 });
  });

  it('lets 20 different prepares of one order at once have one winner', async () => {
    const command = aPrepare();
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => service.preparing.prepare({ ...command, amount: 1_000 + i })),
    );
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(answer.reason).toEqual(new OneQError('ORDER_ALREADY_EXISTS'));
    }
  });

  it('prepares many at once, whatever each of them meets', async () => {
    const bank_acct_num = accountNumber();
    const known = await service.prepared({ bank_acct_num });
    const finished = await service.prepared();
    await service.end(finished.tid, 'cancel');
    const fresh = Array.from({ length: 20 }, () => aPrepare({ bank_acct_num }));
    const answers = await Promise.allSettled(
      [
        ...fresh,
        known.command,
        { ...known.command, amount: 1 },
        finished.command,
        aPrepare(),
        { ...aPrepare(), order_id: fresh[0]?.order_id ?? '', cid: 'TCOTHER000' },
      ].map((command) => service.preparing.prepare(command)),
    );
    const tids = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.tid : answer.reason.code));
    expect(tids[20]).toBe(known.tid);
    expect(tids[21]).toBe('ORDER_ALREADY_EXISTS');
    expect(tids[22]).not.toBe(finished.tid);
    expect(new Set(tids).size).toBe(tids.length);
    for (const [i, { order_id }] of fresh.entries()) {
      const { rows } = await service.admin.query(`SELECT id FROM payments WHERE cid = 'TC0ONETIME' AND order_id = $1`, [
        order_id,
      ]);
      expect(rows.map(({ id }) => service.module.get(PaymentIds).toTid(Number(id)))).toEqual([tids[i]]);
    }
  });

  it('moves no money when a known wallet is declared with another balance', async () => {
    const { command } = await service.prepared({ balance: 10_000 });
    await service.prepared({ bank_acct_num: command.bank_acct_num, balance: 2_000_000_000 });
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject({ money_balance: 10_000 });
  });

  it('prepares an order anew under a new tid once its payment is finished', async () => {
    const first = await service.prepared();
    await service.end(first.tid, 'cancel');
    const second = await service.preparing.prepare({ ...first.command, amount: 20_000 });
    expect(second.tid).not.toBe(first.tid);
    expect(await service.statusOf(first.command.order_id)).toBe('READY');
    await expect(service.authenticating.authenticate({ tid: first.tid })).rejects.toThrow('PAYMENT_CANCELLED');
  });

  it('prepares an order anew when its time is over, also before the worker has come by', async () => {
    const first = await service.authenticated({ balance: 16_000 });
    await service.outOfTime(first.command.order_id);
    const second = await service.preparing.prepare(first.command);
    expect(second.tid).not.toBe(first.tid);
    expect(await service.wallets.byAccount(first.command.bank_acct_num)).toMatchObject({ money_held: 0 });
    expect(
      await service.count(`FROM payments WHERE order_id = $1 AND status = 'EXPIRED'`, [first.command.order_id]),
    ).toBe(1);
  });

  it('keeps merchants apart: one order number, two payments', async () => {
    const first = await service.prepared();
    const second = await service.preparing.prepare({ ...first.command, cid: 'TCOTHER000' });
    expect(second.tid).not.toBe(first.tid);
  });

  it('never stores an account number in clear text', async () => {
    const { command } = await service.prepared();
    expect(JSON.stringify(await service.everything())).not.toContain(command.bank_acct_num);
  });
});

const SECURE = {
  approval_url: 'https://shop.example/a',
  cancel_url: 'https://shop.example/c',
  fail_url: 'https://shop.example/f',
};

describe('preparing a payment in live mode', () => {
  it('answers WALLET_NOT_FOUND for an unknown account, and opens none', async () => {
    const service = await PaymentService.start({ MODE: 'live' });
    try {
      const before = await service.everything();
      await expect(service.preparing.prepare(aPrepare({ approval_url: 'https://shop.example/' }))).rejects.toThrow(
        'WALLET_NOT_FOUND',
      );
      expect(await service.everything()).toEqual(before);

      // Also for an order that was prepared before, with an account that is known.
      await service.admin.query(
        `INSERT INTO wallets (account_index, account_sealed, account_last4) VALUES ($1, '', '')`,
        [service.module.get(AccountVault).index('123456')],
      );
      const { tid, command } = await service.prepared({ bank_acct_num: '123456', ...SECURE });
      await service.end(tid, 'cancel');
      await expect(service.preparing.prepare({ ...command, bank_acct_num: '654321' })).rejects.toThrow(
        'WALLET_NOT_FOUND',
      );
    } finally {
      await service.stop();
    }
  });
});
