import { Inject, Injectable } from '@nestjs/common';
import { OneQError, type PasswordSetting, type SetPasswordCommand } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { isWeak, PasswordHasher } from '../checkout/password-hasher';
import { AccountVault } from './account-vault';

/** A wallet's password, new or in place of its old one, with all tries given back. No row: there is no such wallet. */
const SET: Statement = {
  name: 'set-password-by-operator',
  text: `
    INSERT INTO passwords (wallet_id, hash, salt, pepper_version)
    SELECT id, $2, $3, $4 FROM wallets WHERE account_index = $1
    ON CONFLICT (wallet_id) DO UPDATE
      SET hash = $2, salt = $3, pepper_version = $4, tries_taken = 0, locked_until = NULL, set_at = now()
    RETURNING wallet_id`,
};

/** 결제 비밀번호, set by an operator for a payer who has none or forgot it. */
@Injectable()
export class SetPassword {
  constructor(
    private readonly database: Database,
    private readonly hasher: PasswordHasher,
    private readonly vault: AccountVault,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** @throws {OneQError} WALLET_NOT_FOUND */
  async set({ bank_acct_num, password }: SetPasswordCommand): Promise<PasswordSetting> {
    if (isWeak(password)) return { outcome: 'weak' };
    const { hash, salt, pepper_version } = await this.hasher.inTurn(() => this.hasher.hash(password));
    const [wallet] = await this.database.run<{ wallet_id: number }>(SET, [
      this.vault.index(bank_acct_num),
      hash,
      salt,
      pepper_version,
    ]);
    if (!wallet) throw new OneQError('WALLET_NOT_FOUND');
    this.log.warn({ wallet_id: wallet.wallet_id, event: 'password.set-by-operator' }, 'password set by an operator');
    return { outcome: 'set' };
  }
}
