import { type DynamicModule, Module } from '@nestjs/common';
import { CreateIdempotencyKeys, DatabaseModule, Once } from '@oneq/database';
import { type Announcer, LOGGER, type Logger } from '@oneq/service-kit';
import { BindPhone } from './checkout/bind-phone';
import { CheckoutController } from './checkout/checkout.controller';
import { CheckoutHints } from './checkout/checkout-hints';
import { EnterPassword } from './checkout/enter-password';
import { Keypads } from './checkout/keypads';
import { PasswordFailures } from './checkout/password-failures';
import { PasswordHasher } from './checkout/password-hasher';
import { ViewCheckout } from './checkout/view-checkout';
import { CONFIG, type PaymentConfig } from './config';
import { MerchantEvents } from './events/merchant-events';
import { CheckoutTokens } from './ids/checkout-tokens';
import { PaymentIds } from './ids/payment-ids';
import { DeliveryIds, EventIds } from './ids/prefixed-ids';
import { CreateLedger } from './migrations/1767000000000-create-ledger';
import { AddCheckout } from './migrations/1768000000000-add-checkout';
import { AddCancellation } from './migrations/1769000000000-add-cancellation';
import { AddWebhooks } from './migrations/1770000000000-add-webhooks';
import { AddOpenedWallets } from './migrations/1770100000000-add-opened-wallets';
import { AddPasswordFailures } from './migrations/1772000000000-add-password-failures';
import { LeaveRoomForUpdates } from './migrations/1773000000000-leave-room-for-updates';
import { ApprovePayment } from './payments/approve';
import { AuthenticatePayment } from './payments/authenticate';
import { CancelPayment } from './payments/cancel';
import { ClosePayment } from './payments/close';
import { ExpiryWorker } from './payments/expiry-worker';
import { FindPayment } from './payments/find-payment';
import { ListPayments } from './payments/list-payments';
import { NetCancelPayment } from './payments/net-cancel';
import { Payment } from './payments/payment.entity';
import { PaymentRecords } from './payments/payment-records';
import { PaymentsController } from './payments/payments.controller';
import { PreparePayment } from './payments/prepare';
import { RefundPayment } from './payments/refund';
import { SandboxController } from './sandbox.controller';
import { AccountVault } from './wallets/account-vault';
import { ChargeWallet } from './wallets/charge-wallet';
import { FindWallet } from './wallets/find-wallet';
import { OpenWallet } from './wallets/open-wallet';
import { SetPassword } from './wallets/set-password';
import { WalletsController } from './wallets/wallets.controller';
import { WebhookAttempts } from './webhooks/attempts';
import { WebhookDeliveries } from './webhooks/deliveries';
import { WebhookEndpoints } from './webhooks/endpoints';
import { WebhookNudge } from './webhooks/nudge';
import { WebhookSecrets } from './webhooks/webhook-secrets';
import { WebhookWorker } from './webhooks/webhook-worker';
import { WebhooksController } from './webhooks/webhooks.controller';

export const SCHEMA = {
  schema: 'payment',
  entities: [Payment],
  migrations: [
    CreateLedger,
    AddCheckout,
    AddCancellation,
    AddWebhooks,
    AddOpenedWallets,
    CreateIdempotencyKeys,
    AddPasswordFailures,
    LeaveRoomForUpdates,
  ],
};

@Module({})
export class AppModule {
  static with(config: PaymentConfig, log: Logger, announcer: Announcer): DynamicModule {
    return {
      module: AppModule,
      imports: [DatabaseModule.forSchema(SCHEMA, config)],
      controllers: [
        PaymentsController,
        CheckoutController,
        WalletsController,
        WebhooksController,
        ...(config.MODE === 'sandbox' ? [SandboxController] : []),
      ],
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: CONFIG, useValue: config },
        { provide: PaymentIds, useFactory: () => new PaymentIds(config.TID_SECRET) },
        { provide: CheckoutTokens, useFactory: () => new CheckoutTokens(config.CHECKOUT_SECRETS) },
        {
          provide: AccountVault,
          useFactory: () => new AccountVault(config.ACCOUNT_SECRETS, config.ACCOUNT_INDEX_SECRET),
        },
        { provide: Keypads, useFactory: () => new Keypads(config.KEYPAD_SECRET) },
        { provide: PasswordHasher, useFactory: () => new PasswordHasher(config.PIN_PEPPERS) },
        WebhookNudge,
        {
          provide: CheckoutHints,
          inject: [WebhookNudge],
          useFactory: (webhooks: WebhookNudge) => new CheckoutHints(announcer, () => webhooks.nudge()),
        },
        { provide: EventIds, useFactory: () => new EventIds(config.TID_SECRET) },
        { provide: DeliveryIds, useFactory: () => new DeliveryIds(config.TID_SECRET) },
        { provide: WebhookSecrets, useFactory: () => new WebhookSecrets(config.WEBHOOK_SECRETS) },
        MerchantEvents,
        WebhookEndpoints,
        WebhookDeliveries,
        WebhookAttempts,
        WebhookWorker,
        ViewCheckout,
        BindPhone,
        EnterPassword,
        PasswordFailures,
        PreparePayment,
        AuthenticatePayment,
        ApprovePayment,
        ClosePayment,
        CancelPayment,
        NetCancelPayment,
        RefundPayment,
        PaymentRecords,
        ListPayments,
        FindPayment,
        Once,
        ExpiryWorker,
        FindWallet,
        ChargeWallet,
        OpenWallet,
        SetPassword,
      ],
    };
  }
}
