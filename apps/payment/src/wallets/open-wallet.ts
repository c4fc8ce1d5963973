import { Inject, Injectable } from '@nestjs/common';
import { OneQError, type OpenWalletCommand, type WalletOpening } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { AccountVault } from './account-vault';
import { type Balances, FindWallet } from './find-wallet';

/** A wallet with the transfers that explain its balances. No row comes back when the account has one. */
const OPEN: Statement = {
  name: 'open-wallet',
  text: `
    WITH opened AS (
      INSERT INTO wallets (account_index, account_sealed, account_last4, money_balance, bank_balance, opening_reference)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (account_index) DO NOTHING
      RETURNING id, money_balance, money_held, bank_balance, bank_held
    ), opening AS (
      INSERT INTO transfers (kind, debit_account, credit_account, amount)
      SELECT 'opening', 'outside/operator', 'wallet/' || id || '/' || pot, amount
      FROM opened, LATERAL (VALUES ('money', money_balance), ('bank', bank_balance)) AS pots (pot, amount)
      WHERE amount > 0
    )
    SELECT money_balance, money_held, bank_balance, bank_held FROM opened`,
};

const OPENED_BY: Statement = {
  name: 'wallet-opened-by',
  text: 'SELECT opening_reference IS NOT DISTINCT FROM $2::uuid AS opened FROM wallets WHERE account_index = $1',
};

/** Opens wallets in either mode, for an operator: in live mode a payment never does. */
@Injectable()
export class OpenWallet {
  constructor(
    private readonly database: Database,
    private readonly wallets: FindWallet,
    private readonly vault: AccountVault,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** The same command again answers that it opened the wallet; an account that has one keeps it as it is. */
  async open({ bank_acct_num, money, bank, reference }: OpenWalletCommand): Promise<WalletOpening> {
    const index = this.vault.index(bank_acct_num);
    const values = [index, this.vault.seal(bank_acct_num), bank_acct_num.slice(-4), money, bank, reference];
    const [balances] = await this.database.run<Balances>(OPEN, values);
    if (balances) {
      this.log.warn({ event: 'wallet.opened', reference }, 'wallet opened by an operator');
      return { opened: true, wallet: { bank_acct_num, ...balances } };
    }
    const [known] = await this.database.run<{ opened: boolean }>(OPENED_BY, [index, reference]);
    if (!known) throw new OneQError('WALLET_NOT_FOUND');
    return { opened: known.opened, wallet: await this.wallets.byAccount(bank_acct_num) };
  }
}
