import { CHECKOUT_HINTS, type CheckoutHint, type CheckoutPage } from '@oneq/contracts';
import type { Announcer } from '@oneq/service-kit';

/** Tells that it is time to look at a payment again: the gateways, whose open pages want to know, and this process. */
export class CheckoutHints {
  /** @param changedHere called when this process has changed a payment */
  constructor(
    private readonly announcer: Announcer,
    private readonly changedHere: () => void,
  ) {}

  /** The payment or its binding changed; called after the commit. */
  changed(tid: string): void {
    this.changedHere();
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
