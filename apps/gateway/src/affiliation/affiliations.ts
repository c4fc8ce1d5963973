import { Inject, Injectable } from '@nestjs/common';
import { Affiliate, type AffiliateRequest, type Affiliation, hashCredential, newSecretKey } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { CONFIG, type GatewayConfig } from '../config';

/** Affiliates businesses: makes the merchant's secret key, of which only the hash goes on. */
@Injectable()
export class Affiliations {
  constructor(
    private readonly client: MessageClient,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /**
   * Issues a cid, or answers the one the business has.
   * @param invitation_hash SHA-256 (hex) of the invitation that live mode needs
   * @throws {OneQError} MERCHANT_ALREADY_EXISTS, SECRET_KEY_INVALID, INVALID_PARAMETER (the registry's word)
   */
  async affiliate(request: AffiliateRequest, invitation_hash: string | undefined): Promise<Affiliation> {
    const secret_key = newSecretKey(this.config.MODE);
    const command = { ...request, secret_key_hash: hashCredential(secret_key), invitation_hash };
    const { newly_issued, ...affiliation } = await this.client.ask(Affiliate, command);
    return newly_issued ? { ...affiliation, secret_key } : affiliation;
  }
}
