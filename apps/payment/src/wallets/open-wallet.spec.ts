import { randomUUID } from 'node:crypto';
import { accountNumber } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { PasswordHasher } from '../checkout/password-hasher';
import { OpenWallet } from './open-wallet';
import { SetPassword } from './set-password';

describe('a wallet that an operator opens', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start({ MODE: 'live' });
  });
  afterAll(() => service.stop());

  const anOpening = () => ({ bank_acct_num: accountNumber(), money: 50_000, bank: 0, reference: randomUUID() });
  const open = (command: ReturnType<typeof anOpening>) => service.module.get(OpenWallet).open(command);
  const balances = { money_balance: 50_000, money_held: 0, bank_balance: 0, bank_held: 0 };

  it('holds what it was opened with, with a transfer that explains each pot, and can be paid from in live mode', async () => {
    const command = anOpening();
    const { bank_acct_num } = command;
    expect(await open(command)).toEqual({ opened: true, wallet: { bank_acct_num, ...balances } });
    expect(await service.count(`FROM transfers WHERE kind = 'opening' AND amount = 50000`)).toBe(1);
    await expect(service.prepared({ bank_acct_num })).resolves.toMatchObject({ tid: expect.any(String) });
  });

  it('is opened once by one command, however often and simultaneously it arrives', async () => {
    const command = anOpening();
    const answers = await Promise.all(Array.from({ length: 20 }, () => open(command)));
    expect(answers.every(({ opened }) => opened)).toBe(true);
    expect(await service.wallets.byAccount(command.bank_acct_num)).toMatchObject(balances);
  });

  it('is not opened again: the balances stay', async () => {
    const command = anOpening();
    await open(command);
    const before = await service.everything();
    const again = await open({ ...command, money: 1, bank: 1, reference: randomUUID() });
    expect(again).toEqual({ opened: false, wallet: { bank_acct_num: command.bank_acct_num, ...balances } });
    expect(await service.everything()).toEqual(before);
  });
});

describe('a payment password that an operator sets', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  const set = (bank_acct_num: string, password: string) =>
    service.module.get(SetPassword).set({ bank_acct_num, password });
  const stored = async () => (await service.admin.query('SELECT * FROM passwords')).rows[0];

  it('is hashed, replaces the old one and ends the lock', async () => {
    const { command } = await service.prepared();
    expect(await set(command.bank_acct_num, '158236')).toEqual({ outcome: 'set' });
    await service.admin.query(`UPDATE passwords SET tries_taken = 5, locked_until = now() + interval '1 hour'`);
    expect(await set(command.bank_acct_num, '275913')).toEqual({ outcome: 'set' });
    const hasher = service.module.get(PasswordHasher);
    expect(await stored()).toMatchObject({ tries_taken: 0, locked_until: null });
    expect(await hasher.matches('275913', await stored())).toBe(true);
    expect(await hasher.matches('158236', await stored())).toBe(false);
  });

  it('is refused when it is weak or for an account without a wallet, and changes nothing', async () => {
    const { command } = await service.prepared();
    const before = await service.everything();
    expect(await set(command.bank_acct_num, '111836')).toEqual({ outcome: 'weak' });
    expect(await set(command.bank_acct_num, '365432')).toEqual({ outcome: 'weak' });
    await expect(set('000000', '158236')).rejects.toThrow('WALLET_NOT_FOUND');
    expect(await service.everything()).toEqual(before);
  });
});
