/** Gathers what one moment, a turn of the event loop, brings, and hands it over together at its end, by its key. */
export class Gathering<Key, Item> {
  private gathered = new Map<Key, Item[]>();

  constructor(private readonly handOver: (key: Key, items: readonly Item[]) => void) {}

  add(key: Key, item: Item): void {
    if (this.gathered.size === 0) setImmediate(() => this.end());
    const others = this.gathered.get(key);
    if (others) others.push(item);
    else this.gathered.set(key, [item]);
  }

  /** Hands over what there is, now. */
  end(): void {
    const gathered = this.gathered;
    // A map that is cleared, or whose entries come and go, keeps what it held for as long as V8 keeps its former tables.
    this.gathered = new Map();
    for (const [key, items] of gathered) this.handOver(key, items);
  }
}
