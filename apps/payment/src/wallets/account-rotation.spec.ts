import { accountNumber, TEST_SECRET } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { AccountVault } from './account-vault';

const NEW_SECRET = `${TEST_SECRET}-new`;

describe('account numbers at rest', () => {
  it('survive a rotation of ACCOUNT_SECRETS: old rows open, new ones are sealed with the new secret', async () => {
    let service = await PaymentService.start();
    const [old, fresh] = [accountNumber(), accountNumber()];
    await service.prepared({ bank_acct_num: old });
    service = await service.restarted({ ACCOUNT_SECRETS: `1:${TEST_SECRET},2:${NEW_SECRET}` });
    await service.prepared({ bank_acct_num: fresh });
    await service.prepared({ bank_acct_num: old, amount: 1 }); // finds its wallet

    const sealedOf = async (digits: string): Promise<{ sealed: Buffer; index: Buffer }> => {
      const index = service.module.get(AccountVault).index(digits);
      const { rows } = await service.admin.query(
        'SELECT account_sealed AS sealed FROM wallets WHERE account_index = $1',
        [index],
      );
      expect(rows).toHaveLength(1);
      return { sealed: rows[0].sealed, index };
    };
    const vault = service.module.get(AccountVault);
    const onlyNew = new AccountVault(new Map([[2, NEW_SECRET]]), TEST_SECRET);
    const [before, after] = [await sealedOf(old), await sealedOf(fresh)];
    expect([before.sealed.readUInt8(0), after.sealed.readUInt8(0)]).toEqual([1, 2]);
    expect([vault.unseal(before.sealed, before.index), vault.unseal(after.sealed, after.index)]).toEqual([old, fresh]);
    expect(onlyNew.unseal(after.sealed, after.index)).toBe(fresh);
    expect(() => onlyNew.unseal(before.sealed, before.index)).toThrow('ACCOUNT_SECRETS lacks version 1');
    await service.stop();
  });
});
