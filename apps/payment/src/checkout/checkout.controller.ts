import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers } from '@oneq/service-kit';
import { BindPhone } from './bind-phone';
import { CheckoutHints } from './checkout-hints';
import { EnterPassword } from './enter-password';
import { ViewCheckout } from './view-checkout';

/** What the payment service answers to the payer's pages. */
@Controller()
export class CheckoutController {
  constructor(
    private readonly checkout: ViewCheckout,
    private readonly binding: BindPhone,
    private readonly passwords: EnterPassword,
    private readonly hints: CheckoutHints,
  ) {}

  @Answers(contract.ViewCheckout)
  view(@Payload() query: contract.CheckoutQuery): Promise<contract.CheckoutView> {
    return this.checkout.view(query);
  }

  @Answers(contract.WatchCheckout)
  async watch(@Payload() query: contract.CheckoutQuery): Promise<contract.CheckoutView> {
    const view = await this.checkout.view(query);
    this.hints.open(view.tid, query.page);
    return view;
  }

  @Answers(contract.BeginCheckout)
  begin(@Payload() command: contract.BeginCheckoutCommand): Promise<contract.CheckoutView> {
    return this.binding.begin(command);
  }

  @Answers(contract.ReleaseCheckout)
  release(@Payload() query: contract.CheckoutQuery): Promise<contract.CheckoutView> {
    return this.binding.release(query);
  }

  @Answers(contract.CancelCheckout)
  cancel(@Payload() command: contract.CancelCheckoutCommand): Promise<contract.CheckoutView> {
    return this.binding.cancel(command);
  }

  @Answers(contract.OpenKeypad)
  openKeypad(@Payload() query: contract.OpenKeypadQuery): Promise<contract.OpenedKeypad> {
    return this.passwords.open(query);
  }

  @Answers(contract.SubmitPassword)
  submitPassword(@Payload() command: contract.SubmitPasswordCommand): Promise<contract.PasswordSubmitted> {
    return this.passwords.submit(command);
  }
}
