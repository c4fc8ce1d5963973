import { type DynamicModule, Inject, Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_FILTER, APP_PIPE } from '@nestjs/core';
import { LOGGER, type Logger, MessageClient } from '@oneq/service-kit';
import { AffiliationController } from './affiliation/affiliation.controller';
import { Affiliations } from './affiliation/affiliations';
import { Merchants } from './affiliation/merchants';
import { StoreController } from './affiliation/store.controller';
import { Stores } from './affiliation/stores';
import { ActionsController } from './checkout/actions.controller';
import { Assets } from './checkout/assets';
import { AssetsController } from './checkout/assets.controller';
import { Checkout } from './checkout/checkout';
import { CheckoutController } from './checkout/checkout.controller';
import { Live } from './checkout/live';
import { LiveController } from './checkout/live.controller';
import { Pages } from './checkout/pages';
import { Presence } from './checkout/presence';
import { Redirects } from './checkout/redirects';
import { Sessions } from './checkout/session';
import { CONFIG, type GatewayConfig } from './config';
import { ErrorsController } from './docs/errors.controller';
import { HealthController } from './health/health.controller';
import { Readiness } from './health/readiness';
import { Commands } from './http/commands';
import { FieldsPipe } from './http/fields.pipe';
import { ProblemFilter } from './http/problem';
import { MerchantLimit } from './http/rate-limit';
import { MerchantPaymentsController } from './payments/merchant-payments.controller';
import { Payments } from './payments/payments';
import { PaymentsController } from './payments/payments.controller';
import { Sandbox } from './sandbox/sandbox';
import { SandboxController } from './sandbox/sandbox.controller';
import { Webhooks } from './webhooks/webhooks';
import { WebhooksController } from './webhooks/webhooks.controller';

/** The only subjects on which the gateway's NATS user may receive replies. */
const INBOX_PREFIX = '_INBOX.gateway';

/** Closes the connection to NATS after the last HTTP request was answered. */
@Injectable()
class CloseClient implements OnApplicationShutdown {
  constructor(@Inject(MessageClient) private readonly client: MessageClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}

@Module({})
export class AppModule {
  static with(config: GatewayConfig, log: Logger): DynamicModule {
    const sandbox = config.MODE === 'sandbox';
    return {
      module: AppModule,
      controllers: [
        AffiliationController,
        StoreController,
        PaymentsController,
        MerchantPaymentsController,
        WebhooksController,
        CheckoutController,
        LiveController,
        ActionsController,
        AssetsController,
        ErrorsController,
        HealthController,
        ...(sandbox ? [SandboxController] : []),
      ],
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: CONFIG, useValue: config },
        {
          provide: MessageClient,
          useFactory: async () => {
            const client = new MessageClient(
              config.NATS_URL,
              'gateway',
              INBOX_PREFIX,
              log,
              config.AFFINITY_UNANSWERED_MAX,
            );
            await client.connect();
            return client;
          },
        },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useClass: FieldsPipe },
        CloseClient,
        MerchantLimit,
        Merchants,
        Affiliations,
        Commands,
        Stores,
        Payments,
        Webhooks,
        { provide: Assets, useFactory: () => new Assets() },
        Checkout,
        Pages,
        Redirects,
        Presence,
        Live,
        Sessions,
        Readiness,
        ...(sandbox ? [Sandbox] : []),
      ],
    };
  }
}
