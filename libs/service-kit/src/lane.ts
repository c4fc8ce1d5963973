import { MESSAGES_MAX } from './packets';

/** Packets that are on their way to a service at a time, and how long one is taken to be, ms, until its first answer is here. */
const ON_THE_WAY_MAX = 2;
const ON_THE_WAY_MS = 10;

/**
 * Hands over what comes in packets: what comes at the same moment together, and what comes while packets are on their way in
 * the next one. So a busy caller's commands meet in one process of a service however many there are of them, and share their
 * statement there; alone they would be strewn over all processes. Nothing waits for company where nothing is on its way, and
 * nothing waits for long: a slow packet counts for some milliseconds only.
 */
export class Lane<Item> {
  private queue: Item[] = [];
  private isScheduled = false;
  private onTheWay = 0;
  /** Of the packets that count; those of before the last {@link clear} no longer do. */
  private era = {};

  /** @param handOver sends the items, and calls `arrived` with the first answer */
  constructor(private readonly handOver: (items: readonly Item[], arrived: () => void) => void) {}

  add(item: Item): void {
    this.queue.push(item);
    this.schedule();
  }

  /** Forgets what is on its way and what is not yet. @returns the latter */
  clear(): Item[] {
    this.onTheWay = 0;
    this.era = {};
    return this.queue.splice(0);
  }

  /** Once all that this moment brings are here. */
  private schedule(): void {
    if (this.isScheduled || this.queue.length === 0 || this.onTheWay >= ON_THE_WAY_MAX) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      while (this.queue.length > 0 && this.onTheWay < ON_THE_WAY_MAX) this.send(this.queue.splice(0, MESSAGES_MAX));
    });
  }

  private send(items: readonly Item[]): void {
    const { era } = this;
    let counts = true;
    const arrived = () => {
      clearTimeout(timer);
      if (!counts || era !== this.era) return;
      counts = false;
      this.onTheWay -= 1;
      this.schedule();
    };
    const timer = setTimeout(arrived, ON_THE_WAY_MS);
    this.onTheWay += 1;
    this.handOver(items, arrived);
  }
}
