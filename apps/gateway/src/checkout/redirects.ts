import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type PayerPartDone, redirectUrl } from '@oneq/contracts';
import { CONFIG, type GatewayConfig } from '../config';

/**
 * Signs the redirects that send the payer back to the merchant. A merchant's redirect_secret is derived from its cid,
 * so that it is stored nowhere and never crosses NATS.
 */
@Injectable()
export class Redirects {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  urlFor(done: PayerPartDone): string {
    return redirectUrl(done, this.secretOf(done.cid));
  }

  /** redirect_secret of a merchant. @param cid the merchant's own, never an alias */
  secretOf(cid: string): string {
    const derived = createHmac('sha256', this.config.REDIRECT_SECRET).update(`redirect_secret:${cid}`);
    return `rs_${derived.digest('base64url')}`;
  }
}
