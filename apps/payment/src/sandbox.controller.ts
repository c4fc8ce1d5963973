import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers } from '@oneq/service-kit';
import { AuthenticatePayment } from './payments/authenticate';
import { ClosePayment } from './payments/close';
import { ChargeWallet } from './wallets/charge-wallet';

/** What acts as the payer, the bank or the clock. In live mode nobody answers these messages, whoever sends them. */
@Controller()
export class SandboxController {
  constructor(
    private readonly authenticating: AuthenticatePayment,
    private readonly closing: ClosePayment,
    private readonly charging: ChargeWallet,
  ) {}

  @Answers(contract.Authenticate)
  authenticate(@Payload() command: contract.AuthenticateCommand): Promise<contract.PayerPartDone> {
    return this.authenticating.authenticate(command);
  }

  @Answers(contract.CancelByPayer)
  cancelByPayer(@Payload() command: contract.EndByPayerCommand): Promise<contract.PayerPartDone> {
    return this.closing.byPayer(command, 'cancel');
  }

  @Answers(contract.FailByPayer)
  failByPayer(@Payload() command: contract.EndByPayerCommand): Promise<contract.PayerPartDone> {
    return this.closing.byPayer(command, 'fail');
  }

  @Answers(contract.ExpireNow)
  expireNow(@Payload() { tid }: contract.PaymentQuery): Promise<contract.PayerPartDone> {
    return this.closing.expireNow(tid);
  }

  @Answers(contract.ChargeWallet)
  charge(@Payload() command: contract.ChargeWalletCommand): Promise<contract.Wallet> {
    return this.charging.charge(command);
  }
}
