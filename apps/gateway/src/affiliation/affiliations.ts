import { Inject, Injectable } from '@nestjs/common';
import { Affiliate, type AffiliateRequest, type Affiliation } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { CONFIG, type GatewayConfig } from '../config';
import { hashSecretKey, newSecretKey } from '../http/secret-key';

/** Affiliates businesses: makes the merchant's secret key, of which only the hash goes on. */
@Injectable()
export class Affiliations {
  constructor(
    private readonly client: MessageClient,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /**
   * Issues a cid, or answers the one the business has.
   * @throws {OneQError} MERCHANT_ALREADY_EXISTS
   */
  async affiliate(request: AffiliateRequest): Promise<Affiliation> {
    const secret_key = newSecretKey(this.config.MODE);
    const command = { ...request, secret_key_hash: hashSecretKey(secret_key) };
    const { newly_issued, ...affiliation } = await this.client.ask(Affiliate, command);
    return newly_issued ? { ...affiliation, secret_key } : affiliation;
  }
}
