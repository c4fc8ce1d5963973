import { type Cipher, createCipheriv, hkdfSync } from 'node:crypto';

/** A tid has 53 bits, so that it is an exact number in every JSON reader: a high half of 26 and a low half of 27. */
const LOW = 2 ** 27;
const HIGH_MASK = 2 ** 26 - 1;
const LOW_MASK = LOW - 1;
/** As many as NIST SP 800-38G asks of a Feistel network over so small a domain. */
const FORWARD = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const BACKWARD = FORWARD.toReversed();

/**
 * Turns internal ids (consecutive) into tids (positive, below 2^53, telling nothing about each other, about time or
 * volume) and back: a permutation keyed by a secret, an alternating Feistel network over AES. Nothing is stored, and
 * no second index is needed. It hides numbers; what protects a payment is the merchant's key and the checkout token.
 */
export class PaymentIds {
  private readonly aes: Cipher;

  /**
   * @param secret must stay the same for ever: every tid given out depends on it
   * @param purpose numbers of another purpose are permuted in another way
   */
  constructor(secret: string, purpose = 'oneq tid') {
    const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
    this.aes = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  /** The tid of an id, as the decimal text the API sends. */
  toTid(id: number): string {
    return this.toTids([id])[0] as string;
  }

  /** The tids of many ids, in their order, for little more than the price of one: AES is asked for all at once. */
  toTids(ids: readonly number[]): string[] {
    return this.permute(ids, FORWARD).map(String);
  }

  /** The id behind a tid; null for text that no tid looks like. */
  toId(tid: string): number | null {
    const number = Number(tid);
    if (!/^[0-9]{1,16}$/.test(tid) || number === 0 || !Number.isSafeInteger(number)) return null;
    return this.permute([number], BACKWARD)[0] as number;
  }

  /** 0 is neither an id nor a tid: whatever becomes 0 walks on within the permutation. */
  private permute(values: readonly number[], rounds: readonly number[]): number[] {
    const highs = values.map((value) => Math.floor(value / LOW));
    const lows = values.map((value) => value % LOW);
    for (const round of rounds) {
      const [changed, mask, other] = round % 2 === 0 ? [highs, HIGH_MASK, lows] : [lows, LOW_MASK, highs];
      const random = this.random(round, other);
      for (let i = 0; i < changed.length; i += 1)
        changed[i] = (changed[i] as number) ^ (random.readUInt32BE(16 * i) & mask);
    }
    return highs.map((high, i) => {
      const value = high * LOW + (lows[i] as number);
      return value === 0 ? (this.permute([0], rounds)[0] as number) : value;
    });
  }

  /** 16 bytes for each half; the first four are used. */
  private random(round: number, halves: readonly number[]): Buffer {
    const blocks = Buffer.alloc(16 * halves.length);
    halves.forEach((half, i) => {
      blocks.writeUInt32BE(round, 16 * i);
      blocks.writeUInt32BE(half, 16 * i + 4);
    });
    return this.aes.update(blocks);
  }
}
