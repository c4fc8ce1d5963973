import { inTrace } from '@oneq/service-kit';
import type { Database } from './database';

/** Taken in one turn at most. */
const TAKEN_MAX = 64;

/**
 * Takes what comes in turns: what arrives at the same moment together, and what arrives while a turn is under way in the
 * next one. Nothing waits for company, and nothing goes into a turn twice. More than one turn at a time was measured to cost
 * more and do no more.
 */
export class Turns<Item> {
  private queue: Item[] = [];
  private isUnderWay = false;

  /**
   * @param take does the work of a turn and never rejects; of no item's trace, and of no item's deadline
   * @param key items of the same key are never taken in one turn
   */
  constructor(
    private readonly take: (items: readonly Item[]) => Promise<void>,
    private readonly key?: (item: Item) => string,
  ) {}

  add(item: Item): void {
    this.queue.push(item);
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    // Once all that this moment brings are here.
    setImmediate(() => inTrace(undefined, () => this.work()));
  }

  private async work(): Promise<void> {
    while (this.queue.length > 0) await this.take(this.next());
    this.isUnderWay = false;
  }

  private next(): Item[] {
    const { key } = this;
    if (!key) return this.queue.splice(0, TAKEN_MAX);
    const keys = new Set<string>();
    const later: Item[] = [];
    const taken = this.queue.filter((item) => {
      const itsKey = key(item);
      const fits = keys.size < TAKEN_MAX && !keys.has(itsKey);
      if (fits) keys.add(itsKey);
      else later.push(item);
      return fits;
    });
    this.queue = later;
    return taken;
  }
}

/** {@link Turns} for each transaction that several share, and for all that is done outside of one. */
export class SharedTurns<Item> {
  private readonly outside: Turns<Item>;
  private readonly within = new WeakMap<object, Turns<Item>>();

  constructor(
    private readonly database: Database,
    private readonly make: () => Turns<Item>,
  ) {
    this.outside = make();
  }

  /** The turns that the caller can take part in; none in a transaction of its own, within which it does and reads everything. */
  current(): Turns<Item> | undefined {
    const { transaction } = this.database;
    if (!transaction) return this.outside;
    if (transaction.kind !== 'shared') return undefined;
    const turns = this.within.get(transaction) ?? this.make();
    this.within.set(transaction, turns);
    return turns;
  }
}
