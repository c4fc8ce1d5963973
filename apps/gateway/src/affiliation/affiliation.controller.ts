import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { AffiliateRequest, Affiliation } from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { InvitationGuard, InvitationHash } from '../http/invitation.guard';
import { ForMerchants } from '../http/test-code';
import { Affiliations } from './affiliations';

@Controller('pay/store')
@ForMerchants(InvitationGuard)
export class AffiliationController {
  constructor(private readonly affiliations: Affiliations) {}

  @Post('token')
  @HttpCode(200)
  @ApiAnswer('제휴 · Affiliate a merchant: issues its cid', AffiliateRequest, Affiliation, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_ALREADY_EXISTS',
  ])
  affiliate(
    @Body() request: AffiliateRequest,
    @InvitationHash() invitationHash: string | undefined,
  ): Promise<Affiliation> {
    return this.affiliations.affiliate(request, invitationHash);
  }
}
