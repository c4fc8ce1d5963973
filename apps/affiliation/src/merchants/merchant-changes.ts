import { MERCHANT_CHANGES, type MerchantChange } from '@oneq/contracts';
import type { Announcer } from '@oneq/service-kit';

/** Tells the gateways, which remember merchants for a while, that what they know of one is out of date. */
export class MerchantChanges {
  constructor(private readonly announcer: Announcer) {}

  /** Called after the commit. @param cid the merchant's own, never an alias */
  tell(cid: string): void {
    this.announcer.announce(MERCHANT_CHANGES, { cid } satisfies MerchantChange);
  }
}
