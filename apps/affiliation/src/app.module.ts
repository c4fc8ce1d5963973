import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DatabaseModule, LOGGER, type Logger } from '@oneq/service-kit';
import type { AffiliationConfig } from './config';
import { Affiliate } from './merchants/affiliate';
import { BuiltInMerchant } from './merchants/built-in-merchant';
import { CidAlias, Merchant, SecretKey } from './merchants/entities';
import { FindMerchant, MODE } from './merchants/find-merchant';
import { MerchantsController } from './merchants/merchants.controller';
import { CreateMerchants } from './migrations/1767000000000-create-merchants';
import { BusinessRegistry } from './registry/business-registry';
import { SandboxRegistry } from './registry/sandbox-registry';

export const SCHEMA = {
  schema: 'affiliation',
  entities: [Merchant, SecretKey, CidAlias],
  migrations: [CreateMerchants],
};

@Module({})
export class AppModule {
  static with(config: Pick<AffiliationConfig, 'MODE' | 'DATABASE_URL'>, log: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DatabaseModule.forSchema({ ...SCHEMA, url: config.DATABASE_URL }),
        TypeOrmModule.forFeature(SCHEMA.entities),
      ],
      controllers: [MerchantsController],
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: MODE, useValue: config.MODE },
        { provide: BusinessRegistry, useClass: SandboxRegistry },
        Affiliate,
        FindMerchant,
        ...(config.MODE === 'sandbox' ? [BuiltInMerchant] : []),
      ],
    };
  }
}
