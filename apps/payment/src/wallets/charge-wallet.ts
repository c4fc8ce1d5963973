import { Injectable } from '@nestjs/common';
import type { ChargeWalletCommand, Wallet } from '@oneq/contracts';
import { brokenConstraint, Database, type Statement } from '@oneq/database';
import { AccountVault } from './account-vault';
import { type Balances, FindWallet } from './find-wallet';

/** Adds pay money from outside. The reference is what makes the same charge count once. */
const CHARGE: Statement = {
  name: 'charge-wallet',
  text: `
    WITH wallet AS (
      UPDATE wallets SET money_balance = money_balance + $2
      WHERE account_index = $1 AND NOT EXISTS (SELECT FROM transfers WHERE reference = $3)
      RETURNING id, money_balance, money_held, bank_balance, bank_held
    ), transfer AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount, reference)
      SELECT 'charge', 'outside/sandbox', 'wallet/' || id || '/money', $2, $3 FROM wallet
    )
    SELECT money_balance, money_held, bank_balance, bank_held FROM wallet`,
};

/** Sandbox: gives a wallet more pay money. */
@Injectable()
export class ChargeWallet {
  constructor(
    private readonly database: Database,
    private readonly wallets: FindWallet,
    private readonly vault: AccountVault,
  ) {}

  /** @throws {OneQError} WALLET_NOT_FOUND */
  async charge({ bank_acct_num, amount, reference }: ChargeWalletCommand): Promise<Wallet> {
    try {
      const index = this.vault.index(bank_acct_num);
      const [charged] = await this.database.run<Balances>(CHARGE, [index, amount, reference]);
      if (charged) return { bank_acct_num, ...charged };
    } catch (error) {
      // The same charge arrived twice at once: it is booked, once.
      if (brokenConstraint(error) !== 'one_transfer_per_reference') throw error;
    }
    return this.wallets.byAccount(bank_acct_num);
  }
}
