import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers, Database } from '@oneq/service-kit';
import { Affiliate } from './affiliate';
import { FindMerchant } from './find-merchant';

/** Affiliation's table of contents: what it answers over NATS. */
@Controller()
export class MerchantsController {
  constructor(
    private readonly affiliation: Affiliate,
    private readonly merchants: FindMerchant,
    private readonly database: Database,
  ) {}

  @Answers(contract.Affiliate)
  affiliate(@Payload() command: contract.AffiliateCommand): Promise<contract.AffiliationAnswer> {
    return this.affiliation.affiliate(command);
  }

  @Answers(contract.FindMerchant)
  find(@Payload() { cid }: contract.FindMerchantQuery): Promise<contract.MerchantFacts> {
    return this.merchants.byCid(cid);
  }

  @Answers(contract.FindMerchantByKey)
  findByKey(@Payload() { secret_key_hash }: contract.FindMerchantByKeyQuery): Promise<contract.MerchantFacts> {
    return this.merchants.byKey(secret_key_hash);
  }

  @Answers(contract.AffiliationHealth)
  async health(@Payload() _query: contract.HealthQuery): Promise<contract.Health> {
    await this.database.ping();
    return { status: 'ok' };
  }
}
