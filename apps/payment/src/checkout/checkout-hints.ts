import { CHECKOUT_HINTS, type CheckoutHint, type CheckoutPage } from '@oneq/contracts';
import type { Announcer } from '@oneq/service-kit';

/** Tells the gateways, whose open pages want to know, that it is time to look at a payment again. */
export class CheckoutHints {
  constructor(private readonly announcer: Announcer) {}

  /** The payment or its binding changed; called after the commit. */
  changed(tid: string): void {
    this.tell({ tid, page: null });
  }

  /** One of the payment's pages is open. */
  open(tid: string, page: CheckoutPage): void {
    this.tell({ tid, page });
  }

  private tell(hint: CheckoutHint): void {
    this.announcer.announce(CHECKOUT_HINTS, hint);
  }
}
