import { PaymentIds } from './payment-ids';

/** Ids as the API shows them: a prefix that tells what is named, and a number that tells nothing of order or volume. */
class PrefixedIds {
  private readonly numbers: PaymentIds;

  constructor(
    private readonly prefix: string,
    secret: string,
  ) {
    this.numbers = new PaymentIds(secret, `oneq ${prefix}`);
  }

  toText(id: number): string {
    return `${this.prefix}_${this.numbers.toTid(id)}`;
  }

  /** Of many ids, in their order. */
  toTexts(ids: readonly number[]): string[] {
    return this.numbers.toTids(ids).map((number) => `${this.prefix}_${number}`);
  }

  /** The id behind the text; null for what no such id looks like. */
  toId(text: string): number | null {
    const [, prefix, number = ''] = /^([a-z]+)_([1-9][0-9]*)$/.exec(text) ?? [];
    return prefix === this.prefix ? this.numbers.toId(number) : null;
  }
}

/** Events: `evt_…`, the same in the feed, in the delivery log and as `webhook-id`. */
export class EventIds extends PrefixedIds {
  constructor(secret: string) {
    super('evt', secret);
  }
}

/** Deliveries: `whd_…`. */
export class DeliveryIds extends PrefixedIds {
  constructor(secret: string) {
    super('whd', secret);
  }
}
