import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Once } from '@oneq/database';
import { Answers } from '@oneq/service-kit';
import { MerchantEvents } from '../events/merchant-events';
import { WebhookDeliveries } from './deliveries';
import { WebhookEndpoints } from './endpoints';

/** What the payment service answers about webhooks and events. */
@Controller()
export class WebhooksController {
  constructor(
    private readonly endpoints: WebhookEndpoints,
    private readonly deliveries: WebhookDeliveries,
    private readonly events: MerchantEvents,
    private readonly once: Once,
  ) {}

  @Answers(contract.SetWebhook)
  set(@Payload() command: contract.SetWebhookCommand): Promise<contract.WebhookWithSecret> {
    return this.endpoints.set(command);
  }

  @Answers(contract.FindWebhook)
  find(@Payload() query: contract.WebhookQuery): Promise<contract.Webhook> {
    return this.endpoints.find(query);
  }

  @Answers(contract.DeleteWebhook)
  delete(@Payload() query: contract.WebhookQuery): Promise<object> {
    return this.endpoints.delete(query);
  }

  @Answers(contract.TestWebhook)
  test(@Payload() query: contract.WebhookQuery): Promise<contract.Executed<contract.WebhookDelivery>> {
    return this.deliveries.test(query);
  }

  @Answers(contract.ListDeliveries)
  list(@Payload() query: contract.ListDeliveriesQuery): Promise<contract.DeliveryList> {
    return this.deliveries.list(query);
  }

  @Answers(contract.Redeliver)
  redeliver(@Payload() command: contract.RedeliverCommand): Promise<contract.Executed<contract.WebhookDelivery>> {
    return this.once.run(() => this.deliveries.redeliver(command));
  }

  @Answers(contract.RedeliverFailed)
  redeliverFailed(
    @Payload() command: contract.RedeliverFailedCommand,
  ): Promise<contract.Executed<contract.Redelivered>> {
    return this.once.run(() => this.deliveries.redeliverFailed(command));
  }

  @Answers(contract.ListEvents)
  listEvents(@Payload() query: contract.ListEventsQuery): Promise<contract.EventList> {
    return this.events.list(query);
  }
}
