import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  Approve,
  type Approved,
  type ApproveRequest,
  FindPayment,
  invalidParameter,
  ListPayments,
  type ListPaymentsRequest,
  NetCancel,
  type NetCancelled,
  type NetCancelRequest,
  type PaymentDetails,
  type PaymentList,
  Prepare,
  type Prepared,
  type PrepareRequest,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { Merchants } from '../affiliation/merchants';
import { CONFIG, type GatewayConfig } from '../config';

/** The merchant's side of a payment: its facts are added here, since the payment service never asks affiliation. */
@Injectable()
export class Payments {
  constructor(
    private readonly client: MessageClient,
    private readonly merchants: Merchants,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  async prepare(request: PrepareRequest, keyHolder: string | undefined): Promise<Prepared> {
    const merchant = await this.merchants.active(request.cid, keyHolder);
    const max = merchant.payment_max ?? Number.POSITIVE_INFINITY;
    if (request.amount > max) {
      throw invalidParameter({ field: 'amount', code: 'OUT_OF_RANGE', params: { min: 1, max } });
    }
    const { tid, pc_token, phone_token } = await this.client.ask(Prepare, {
      ...request,
      cid: merchant.cid,
      merchant_name: merchant.registered_name,
    });
    return {
      tid,
      next_redirect_url: `${this.config.PUBLIC_URL}/pay/showQRCode?token=${pc_token}`,
      android_app_scheme: `${this.config.PUBLIC_URL}/pay/oneq/transfer?token=${phone_token}`,
      approved_at: merchant.approved_at,
    };
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND, also for another merchant's; MERCHANT_SUSPENDED */
  async find(tid: string, keyHolder: string): Promise<PaymentDetails> {
    const { cid } = await this.merchants.active(keyHolder, keyHolder);
    return this.client.ask(FindPayment, { cid, tid });
  }

  async list(request: ListPaymentsRequest, keyHolder: string): Promise<PaymentList> {
    const { cid } = await this.merchants.active(request.cid ?? keyHolder, keyHolder);
    return this.client.ask(ListPayments, { ...request, cid });
  }

  async netCancel(request: NetCancelRequest, keyHolder: string): Promise<NetCancelled> {
    const { cid } = await this.merchants.active(request.cid ?? keyHolder, keyHolder);
    // Made once a request, so that a message sent twice is known again.
    return this.client.ask(NetCancel, { ...request, cid, reference: randomUUID() });
  }

  async approve(request: ApproveRequest, keyHolder: string | undefined): Promise<Approved> {
    const merchant = await this.merchants.active(request.cid, keyHolder);
    const { tid, ...approved } = await this.client.ask(Approve, { ...request, cid: merchant.cid });
    // The answer carries the cid that was sent, which may be the built-in merchant's alias.
    return { tid, ...approved, cid: request.cid };
  }
}
