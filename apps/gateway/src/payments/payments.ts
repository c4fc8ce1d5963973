import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import {
  Approve,
  type Approved,
  type ApproveRequest,
  Cancel,
  type CancelRequest,
  FindPayment,
  invalidParameter,
  ListPayments,
  type ListPaymentsRequest,
  NetCancel,
  type NetCancelled,
  type NetCancelRequest,
  OneQError,
  type PaymentDetails,
  type PaymentList,
  Prepare,
  type Prepared,
  type PrepareRequest,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { Merchants } from '../affiliation/merchants';
import { CONFIG, type GatewayConfig } from '../config';
import { type Call, Commands, holderOf } from '../http/commands';

/** The merchant's side of a payment: its facts are added here, since the payment service never asks affiliation. */
@Injectable()
export class Payments {
  constructor(
    private readonly client: MessageClient,
    private readonly commands: Commands,
    private readonly merchants: Merchants,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  async prepare(request: PrepareRequest, call: Call): Promise<Prepared> {
    const merchant = await this.merchants.active(request.cid, call.keyHolder);
    const max = merchant.payment_max ?? Number.POSITIVE_INFINITY;
    if (request.amount > max) {
      throw invalidParameter({ field: 'amount', code: 'OUT_OF_RANGE', params: { min: 1, max } });
    }
    const command = { ...request, cid: merchant.cid, merchant_name: merchant.registered_name };
    const { answer } = await this.commands.send(call, Prepare, request, command);
    const { tid, pc_token, phone_token } = answer;
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

  /** @throws {OneQError} INVALID_PARAMETER without tid and order_id; IDEMPOTENCY_KEY_REQUIRED for an amount without a key */
  async cancel(request: CancelRequest, call: Call): Promise<PaymentDetails> {
    const { tid, order_id, cancel_amount } = request;
    if (tid === undefined && order_id === undefined) {
      throw invalidParameter({ field: 'tid', code: 'REQUIRED' }, { field: 'order_id', code: 'REQUIRED' });
    }
    if (cancel_amount !== undefined && call.idempotencyKey === undefined) {
      throw new OneQError('IDEMPOTENCY_KEY_REQUIRED');
    }
    const command = { ...request, cid: await this.cidOf(request, call), reference: randomUUID() };
    return (await this.commands.send(call, Cancel, request, command)).answer;
  }

  async netCancel(request: NetCancelRequest, call: Call): Promise<NetCancelled> {
    // The reference is made once a request, so that a message sent twice is known again.
    const command = { ...request, cid: await this.cidOf(request, call), reference: randomUUID() };
    return (await this.commands.send(call, NetCancel, request, command)).answer;
  }

  async approve(request: ApproveRequest, call: Call): Promise<Approved> {
    const merchant = await this.merchants.active(request.cid, call.keyHolder);
    const { answer } = await this.commands.send(call, Approve, request, { ...request, cid: merchant.cid });
    // The answer carries the cid that was sent, which may be the built-in merchant's alias.
    return { ...answer, cid: request.cid };
  }

  /** The merchant of a request that needs the key: the one it names, which must be the key's, or else the key's. */
  private async cidOf({ cid }: { readonly cid?: string }, call: Call): Promise<string> {
    const holder = holderOf(call);
    return (await this.merchants.active(cid ?? holder, holder)).cid;
  }
}
