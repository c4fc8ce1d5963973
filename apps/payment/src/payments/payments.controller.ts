import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Database, Once } from '@oneq/database';
import { Answers } from '@oneq/service-kit';
import { ApprovePayment } from './approve';
import { CancelPayment } from './cancel';
import { FindPayment } from './find-payment';
import { ListPayments } from './list-payments';
import { NetCancelPayment } from './net-cancel';
import { PaymentRecords } from './payment-records';
import { PreparePayment } from './prepare';

/** The payment service's table of contents: what it answers over NATS. */
@Controller()
export class PaymentsController {
  constructor(
    private readonly preparing: PreparePayment,
    private readonly approving: ApprovePayment,
    private readonly cancelling: CancelPayment,
    private readonly netCancelling: NetCancelPayment,
    private readonly payments: FindPayment,
    private readonly records: PaymentRecords,
    private readonly lists: ListPayments,
    private readonly once: Once,
    private readonly database: Database,
  ) {}

  @Answers(contract.Prepare)
  async prepare(@Payload() command: contract.PrepareCommand): Promise<contract.Executed<contract.PreparedPayment>> {
    const { answer, replayed } = await this.once.run(() => this.preparing.issue(command));
    return { answer: this.preparing.withTokens(answer), replayed };
  }

  @Answers(contract.Approve)
  approve(@Payload() request: contract.ApproveRequest): Promise<contract.Executed<contract.Approved>> {
    return this.once.run(() => this.approving.approve(request));
  }

  @Answers(contract.Cancel)
  cancel(@Payload() command: contract.CancelCommand): Promise<contract.Executed<contract.PaymentDetails>> {
    return this.once.run(() => this.cancelling.cancel(command));
  }

  @Answers(contract.NetCancel)
  netCancel(@Payload() command: contract.NetCancelCommand): Promise<contract.Executed<contract.NetCancelled>> {
    return this.once.run(() => this.netCancelling.netCancel(command));
  }

  @Answers(contract.FindPayment)
  async find(@Payload() { cid, tid }: contract.FindPaymentQuery): Promise<contract.PaymentDetails> {
    const payment = await this.payments.byTid(tid);
    if (payment.cid !== cid) throw new contract.OneQError('PAYMENT_NOT_FOUND');
    return this.records.details(payment.id);
  }

  @Answers(contract.ListPayments)
  list(@Payload() query: contract.ListPaymentsQuery): Promise<contract.PaymentList> {
    return this.lists.list(query);
  }

  @Answers(contract.PaymentHealth)
  async health(@Payload() _query: contract.HealthQuery): Promise<contract.Health> {
    await this.database.ping();
    return { status: 'ok' };
  }
}
