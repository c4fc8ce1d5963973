import { randomUUID } from 'node:crypto';
import { PaymentService } from '../../test/service';
import { ChargeWallet } from './charge-wallet';

describe('charging a wallet', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('adds pay money, with a transfer that explains it', async () => {
    const { command } = await service.prepared({ balance: 1_000 });
    const { bank_acct_num } = command;
    const charged = await service.module
      .get(ChargeWallet)
      .charge({ bank_acct_num, amount: 500, reference: randomUUID() });
    expect(charged).toEqual({
      bank_acct_num,
      money_balance: 1_500,
      money_held: 0,
      bank_balance: 10_000_000,
      bank_held: 0,
    });
    expect(await service.count(`FROM transfers WHERE kind = 'charge' AND amount = 500`)).toBe(1);
  });

  it('counts a charge once, however often and simultaneously its message arrives', async () => {
    const { command } = await service.prepared({ balance: 0 });
    const { bank_acct_num } = command;
    const charge = { bank_acct_num, amount: 700, reference: randomUUID() };
    const charging = service.module.get(ChargeWallet);
    await Promise.all(Array.from({ length: 20 }, () => charging.charge(charge)));
    expect(await charging.charge(charge)).toMatchObject({ money_balance: 700 });
  });

  it('answers WALLET_NOT_FOUND for an unknown account, and books nothing', async () => {
    const before = await service.everything();
    const charge = { bank_acct_num: '000000', amount: 1, reference: randomUUID() };
    await expect(service.module.get(ChargeWallet).charge(charge)).rejects.toThrow('WALLET_NOT_FOUND');
    await expect(service.wallets.byAccount('000000')).rejects.toThrow('WALLET_NOT_FOUND');
    expect(await service.everything()).toEqual(before);
  });
});
