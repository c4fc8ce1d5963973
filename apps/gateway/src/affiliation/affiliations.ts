import { Inject, Injectable } from '@nestjs/common';
import { Affiliate, type AffiliateRequest, type Affiliation, OneQError } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { CONFIG, type GatewayConfig } from '../config';
import { bearerCredential, hashSecretKey, newSecretKey } from '../http/secret-key';

@Injectable()
export class Affiliations {
  constructor(
    private readonly client: MessageClient,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /**
   * Issues a cid, or answers the one the business has.
   * @throws {OneQError} MERCHANT_ALREADY_EXISTS; in live mode SECRET_KEY_REQUIRED or SECRET_KEY_INVALID without an
   * operator's invitation
   */
  async affiliate(request: AffiliateRequest, authorization: string | undefined): Promise<Affiliation> {
    if (this.config.MODE === 'live') this.requireInvitation(authorization);
    const secret_key = newSecretKey(this.config.MODE);
    const command = { ...request, secret_key_hash: hashSecretKey(secret_key) };
    const { newly_issued, ...affiliation } = await this.client.ask(Affiliate, command);
    return newly_issued ? { ...affiliation, secret_key } : affiliation;
  }

  /** No invitation can be valid before operators can issue them, so live mode takes none. */
  private requireInvitation(authorization: string | undefined): never {
    throw new OneQError(bearerCredential(authorization) === undefined ? 'SECRET_KEY_REQUIRED' : 'SECRET_KEY_INVALID');
  }
}
