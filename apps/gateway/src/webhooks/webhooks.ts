import { Inject, Injectable } from '@nestjs/common';
import {
  DeleteWebhook,
  type DeliveryList,
  type EventList,
  FindWebhook,
  ListDeliveries,
  type ListDeliveriesRequest,
  ListEvents,
  type ListEventsRequest,
  Redeliver,
  type Redelivered,
  RedeliverFailed,
  type RedeliverFailedRequest,
  SetWebhook,
  type SetWebhookRequest,
  TestWebhook,
  type Webhook,
  type WebhookDelivery,
  type WebhookWithSecret,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { Merchants } from '../affiliation/merchants';
import { CONFIG, type GatewayConfig } from '../config';
import { type Call, Commands, holderOf, referenceOf } from '../http/commands';

/** What a merchant asks about its webhook and its events; every `keyHolder` is the cid of the key. */
@Injectable()
export class Webhooks {
  constructor(
    private readonly client: MessageClient,
    private readonly commands: Commands,
    private readonly merchants: Merchants,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  async set(request: SetWebhookRequest, call: Call): Promise<WebhookWithSecret> {
    const cid = await this.cidOf(holderOf(call));
    const private_allowed = this.config.webhooksToPrivate;
    // The same request rotates once, however often its message, or the merchant, sends it.
    return this.client.ask(SetWebhook, { ...request, cid, private_allowed, reference: referenceOf(call) });
  }

  async find(keyHolder: string): Promise<Webhook> {
    return this.client.ask(FindWebhook, { cid: await this.cidOf(keyHolder) });
  }

  async delete(keyHolder: string): Promise<void> {
    await this.client.ask(DeleteWebhook, { cid: await this.cidOf(keyHolder) });
  }

  async test(call: Call): Promise<WebhookDelivery> {
    const command = { cid: await this.cidOf(holderOf(call)) };
    return (await this.commands.send(call, TestWebhook, {}, command)).answer;
  }

  async deliveries(request: ListDeliveriesRequest, keyHolder: string): Promise<DeliveryList> {
    return this.client.ask(ListDeliveries, { ...request, cid: await this.cidOf(keyHolder) });
  }

  async redeliver(id: string, call: Call): Promise<WebhookDelivery> {
    const command = { id, cid: await this.cidOf(holderOf(call)) };
    return (await this.commands.send(call, Redeliver, {}, command)).answer;
  }

  async redeliverFailed(request: RedeliverFailedRequest, call: Call): Promise<Redelivered> {
    const command = { ...request, cid: await this.cidOf(holderOf(call)) };
    return (await this.commands.send(call, RedeliverFailed, request, command)).answer;
  }

  async events(request: ListEventsRequest, keyHolder: string): Promise<EventList> {
    return this.client.ask(ListEvents, { ...request, cid: await this.cidOf(keyHolder) });
  }

  /** @throws {OneQError} MERCHANT_SUSPENDED */
  private async cidOf(keyHolder: string): Promise<string> {
    return (await this.merchants.active(keyHolder, keyHolder)).cid;
  }
}
