import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers } from '@oneq/service-kit';
import { FindWallet } from './find-wallet';
import { OpenWallet } from './open-wallet';
import { SetPassword } from './set-password';

/** What the payment service answers about wallets. */
@Controller()
export class WalletsController {
  constructor(
    private readonly wallets: FindWallet,
    private readonly opening: OpenWallet,
    private readonly passwords: SetPassword,
  ) {}

  @Answers(contract.FindWallet)
  find(@Payload() { bank_acct_num }: contract.FindWalletQuery): Promise<contract.Wallet> {
    return this.wallets.byAccount(bank_acct_num);
  }

  // For operators alone: deploy/nats.conf forbids the gateway to ask.

  @Answers(contract.OpenWallet)
  open(@Payload() command: contract.OpenWalletCommand): Promise<contract.WalletOpening> {
    return this.opening.open(command);
  }

  @Answers(contract.SetPassword)
  setPassword(@Payload() command: contract.SetPasswordCommand): Promise<contract.PasswordSetting> {
    return this.passwords.set(command);
  }
}
