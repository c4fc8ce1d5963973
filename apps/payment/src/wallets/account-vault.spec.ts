import { TEST_SECRET } from '@oneq/testing';
import { AccountVault } from './account-vault';

const OLD = `${TEST_SECRET}-old`;

describe('the account vault', () => {
  const vault = new AccountVault(
    new Map([
      [1, OLD],
      [2, TEST_SECRET],
    ]),
    TEST_SECRET,
  );

  it('seals an account number, differently each time, and unseals it', () => {
    const index = vault.index('110123456789');
    const sealed = vault.seal('110123456789');
    expect(sealed.toString('latin1')).not.toContain('110123456789');
    expect(sealed.equals(vault.seal('110123456789'))).toBe(false);
    expect(vault.unseal(sealed, index)).toBe('110123456789');
  });

  it('unseals what an older secret sealed', () => {
    const sealed = new AccountVault(new Map([[1, OLD]]), TEST_SECRET).seal('110123456789');
    expect(vault.unseal(sealed, vault.index('110123456789'))).toBe('110123456789');
  });

  it('refuses a number that was moved to another wallet or altered', () => {
    const sealed = vault.seal('110123456789');
    expect(() => vault.unseal(sealed, vault.index('999999999999'))).toThrow();
    sealed.writeUInt8(sealed.readUInt8(sealed.length - 1) ^ 1, sealed.length - 1);
    expect(() => vault.unseal(sealed, vault.index('110123456789'))).toThrow();
  });

  it('finds the same wallet for the same number, whatever its encryption', () => {
    expect(
      vault.index('110123456789').equals(new AccountVault(new Map([[9, OLD]]), TEST_SECRET).index('110123456789')),
    ).toBe(true);
  });
});
