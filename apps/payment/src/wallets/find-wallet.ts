import { Injectable } from '@nestjs/common';
import { OneQError, type Wallet } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { AccountVault } from './account-vault';

const FIND: Statement = {
  name: 'find-wallet',
  text: 'SELECT money_balance, money_held, bank_balance, bank_held FROM wallets WHERE account_index = $1',
};

/** Won in each pot of a wallet. */
export type Balances = Omit<Wallet, 'bank_acct_num'>;

/** Finds wallets by account number. */
@Injectable()
export class FindWallet {
  constructor(
    private readonly database: Database,
    private readonly vault: AccountVault,
  ) {}

  /** @throws {OneQError} WALLET_NOT_FOUND */
  async byAccount(bank_acct_num: string): Promise<Wallet> {
    const [wallet] = await this.database.run<Balances>(FIND, [this.vault.index(bank_acct_num)]);
    if (!wallet) throw new OneQError('WALLET_NOT_FOUND');
    return { bank_acct_num, ...wallet };
  }
}
