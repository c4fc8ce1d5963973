import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Database, Once } from '@oneq/database';
import { Answers } from '@oneq/service-kit';
import { Affiliate } from './affiliate';
import { FindMerchant } from './find-merchant';
import { Invitations } from './invitations';
import { RotateKey } from './rotate-key';

/** Affiliation's table of contents: what it answers over NATS. */
@Controller()
export class MerchantsController {
  constructor(
    private readonly affiliation: Affiliate,
    private readonly merchants: FindMerchant,
    private readonly invitations: Invitations,
    private readonly rotation: RotateKey,
    private readonly once: Once,
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

  @Answers(contract.FindStore)
  record(@Payload() { cid }: contract.FindMerchantQuery): Promise<contract.MerchantRecord> {
    return this.merchants.record(cid);
  }

  @Answers(contract.RotateKey)
  rotateKey(
    @Payload() command: contract.RotateKeyCommand,
  ): Promise<contract.Executed<Pick<contract.RotatedKey, 'old_keys_expire_at'>>> {
    return this.once.run(() => this.rotation.rotate(command));
  }

  @Answers(contract.CheckInvitation)
  checkInvitation(@Payload() { invitation_hash }: contract.CheckInvitationQuery): Promise<{ readonly known: true }> {
    return this.invitations.check(invitation_hash);
  }

  @Answers(contract.AffiliationHealth)
  async health(@Payload() _query: contract.HealthQuery): Promise<contract.Health> {
    await this.database.ping();
    return { status: 'ok' };
  }
}
