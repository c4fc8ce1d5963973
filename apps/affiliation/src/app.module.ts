import { type DynamicModule, Module } from '@nestjs/common';
import { CreateIdempotencyKeys, DatabaseModule, Once } from '@oneq/database';
import { type Announcer, LOGGER, type Logger } from '@oneq/service-kit';
import type { AffiliationConfig } from './config';
import { Affiliate } from './merchants/affiliate';
import { BuiltInMerchant } from './merchants/built-in-merchant';
import { Merchant } from './merchants/entities';
import { FindMerchant, MODE } from './merchants/find-merchant';
import { Invitations } from './merchants/invitations';
import { MerchantChanges } from './merchants/merchant-changes';
import { MerchantsController } from './merchants/merchants.controller';
import { OperateMerchant } from './merchants/operate-merchant';
import { OperatorController } from './merchants/operator.controller';
import { RotateKey } from './merchants/rotate-key';
import { CreateMerchants } from './migrations/1767000000000-create-merchants';
import { AddKeyRotation } from './migrations/1770000000000-add-key-rotation';
import { BusinessRegistry } from './registry/business-registry';
import { SandboxRegistry } from './registry/sandbox-registry';
import { TaxOfficeRegistry } from './registry/tax-office-registry';

export const SCHEMA = {
  schema: 'affiliation',
  entities: [Merchant],
  migrations: [CreateMerchants, AddKeyRotation, CreateIdempotencyKeys],
};

@Module({})
export class AppModule {
  static with(config: AffiliationConfig, log: Logger, announcer: Announcer): DynamicModule {
    return {
      module: AppModule,
      imports: [DatabaseModule.forSchema(SCHEMA, config)],
      controllers: [MerchantsController, OperatorController],
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: MODE, useValue: config.MODE },
        { provide: BusinessRegistry, useFactory: () => registryOf(config, log) },
        { provide: MerchantChanges, useFactory: () => new MerchantChanges(announcer) },
        Affiliate,
        FindMerchant,
        Invitations,
        RotateKey,
        OperateMerchant,
        Once,
        ...(config.MODE === 'sandbox' ? [BuiltInMerchant] : []),
      ],
    };
  }
}

function registryOf(config: AffiliationConfig, log: Logger): BusinessRegistry {
  if (config.BUSINESS_REGISTRY === 'sandbox') return new SandboxRegistry();
  if (config.TAX_OFFICE_SERVICE_KEY === undefined) {
    log.warn('TAX_OFFICE_SERVICE_KEY is not set: no business can affiliate');
  }
  return new TaxOfficeRegistry({ url: config.TAX_OFFICE_URL, serviceKey: config.TAX_OFFICE_SERVICE_KEY });
}
