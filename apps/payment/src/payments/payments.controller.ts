import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers, Database } from '@oneq/service-kit';
import { ApprovePayment } from './approve';
import { AuthenticatePayment } from './authenticate';
import { ClosePayment } from './close';
import { PreparePayment } from './prepare';

/** The payment service's table of contents: what it answers over NATS. */
@Controller()
export class PaymentsController {
  constructor(
    private readonly preparing: PreparePayment,
    private readonly authenticating: AuthenticatePayment,
    private readonly approving: ApprovePayment,
    private readonly closing: ClosePayment,
    private readonly database: Database,
  ) {}

  @Answers(contract.Prepare)
  prepare(@Payload() command: contract.PrepareCommand): Promise<contract.PreparedPayment> {
    return this.preparing.prepare(command);
  }

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

  @Answers(contract.Approve)
  approve(@Payload() request: contract.ApproveRequest): Promise<contract.Approved> {
    return this.approving.approve(request);
  }

  @Answers(contract.PaymentHealth)
  async health(@Payload() _query: contract.HealthQuery): Promise<contract.Health> {
    await this.database.ping();
    return { status: 'ok' };
  }
}
