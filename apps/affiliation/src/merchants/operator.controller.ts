import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import * as contract from '@oneq/contracts';
import { Answers } from '@oneq/service-kit';
import { Invitations } from './invitations';
import { OperateMerchant } from './operate-merchant';

/** What affiliation answers the people who run it, and nobody else: deploy/nats.conf forbids the gateway to ask. */
@Controller()
export class OperatorController {
  constructor(
    private readonly invitations: Invitations,
    private readonly merchants: OperateMerchant,
  ) {}

  @Answers(contract.Invite)
  invite(@Payload() command: contract.InviteCommand): Promise<contract.Invited> {
    return this.invitations.invite(command);
  }

  @Answers(contract.OperatedMerchantOf)
  show(@Payload() { cid }: contract.FindMerchantQuery): Promise<contract.OperatedMerchant> {
    return this.merchants.show(cid);
  }

  @Answers(contract.Suspend)
  suspend(@Payload() { cid }: contract.FindMerchantQuery): Promise<contract.OperatedMerchant> {
    return this.merchants.suspend(cid);
  }

  @Answers(contract.Resume)
  resume(@Payload() { cid }: contract.FindMerchantQuery): Promise<contract.OperatedMerchant> {
    return this.merchants.resume(cid);
  }

  @Answers(contract.ReissueKey)
  reissueKey(@Payload() command: contract.ReissueKeyCommand): Promise<contract.OperatedMerchant> {
    return this.merchants.reissueKey(command);
  }

  @Answers(contract.Limit)
  limit(@Payload() command: contract.LimitCommand): Promise<contract.OperatedMerchant> {
    return this.merchants.limit(command);
  }
}
