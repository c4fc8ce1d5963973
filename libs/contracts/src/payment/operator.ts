/** What the people who run the platform ask of the payment service. The gateway's NATS user may publish none of it. */
import { Integer, Text, type TextForm } from '../fields';
import { message } from '../message';
import { FindWalletQuery, type Wallet } from './messages';

/** Won in one pot of a wallet that an operator opens; far below 2^53, so that sums stay exact. */
export const OPENING_MAX = 1_000_000_000_000;

const SIX_DIGITS: TextForm = {
  expected: { ko: '숫자 6자리', en: 'six digits' },
  test: (text) => /^[0-9]{6}$/.test(text),
};

/** Opens a wallet; the reference is what makes the same command known again. */
export class OpenWalletCommand extends FindWalletQuery {
  @Integer({ min: 0, max: OPENING_MAX, description: 'won of pay money' })
  readonly money!: number;

  @Integer({ min: 0, max: OPENING_MAX, description: 'won in the linked account' })
  readonly bank!: number;

  @Text({ max: 36, description: 'UUID of this command' })
  readonly reference!: string;
}

export interface WalletOpening {
  /** false: the account had a wallet, which is unchanged. */
  readonly opened: boolean;
  readonly wallet: Wallet;
}

/** Sets a wallet's payment password, or replaces it, and ends its lock. The one message that carries the digits. */
export class SetPasswordCommand extends FindWalletQuery {
  @Text({ max: 6, form: SIX_DIGITS, description: 'payment password, six digits' })
  readonly password!: string;
}

export interface PasswordSetting {
  /** `weak`: three equal or consecutive digits in a row; nothing was set. */
  readonly outcome: 'set' | 'weak';
}

export const OpenWallet = message<WalletOpening>()('payment.operator.wallet.open', OpenWalletCommand);
/** @throws WALLET_NOT_FOUND */
export const SetPassword = message<PasswordSetting>()('payment.operator.wallet.password', SetPasswordCommand, {
  isHeavy: true,
});
