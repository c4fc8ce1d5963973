import { type Cipher, createCipheriv, hkdfSync } from 'node:crypto';

/** A tid has 53 bits, so that it is an exact number in every JSON reader: a high half of 26 and a low half of 27. */
const LOW = 2 ** 27;
const HIGH_MASK = 2 ** 26 - 1;
const LOW_MASK = LOW - 1;
/** As many as NIST SP 800-38G asks of a Feistel network over so small a domain. */
const ROUNDS = 10;

/**
 * Turns internal ids (consecutive) into tids (positive, below 2^53, telling nothing about each other, about time or
 * volume) and back: a permutation keyed by a secret, an alternating Feistel network over AES. Nothing is stored, and
 * no second index is needed. It hides numbers; what protects a payment is the merchant's key and the checkout token.
 */
export class PaymentIds {
  private readonly aes: Cipher;
  private readonly block = Buffer.alloc(16);

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
    let tid = this.permute(id);
    while (tid === 0) tid = this.permute(tid); // 0 is no tid: walk on within the permutation
    return String(tid);
  }

  /** The id behind a tid; null for text that no tid looks like. */
  toId(tid: string): number | null {
    const number = Number(tid);
    if (!/^[0-9]{1,16}$/.test(tid) || number === 0 || !Number.isSafeInteger(number)) return null;
    let id = this.unpermute(number);
    while (id === 0) id = this.unpermute(id);
    return id;
  }

  private permute(value: number): number {
    let high = Math.floor(value / LOW);
    let low = value % LOW;
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round % 2 === 0) high ^= this.random(round, low) & HIGH_MASK;
      else low ^= this.random(round, high) & LOW_MASK;
    }
    return high * LOW + low;
  }

  private unpermute(value: number): number {
    let high = Math.floor(value / LOW);
    let low = value % LOW;
    for (let round = ROUNDS - 1; round >= 0; round -= 1) {
      if (round % 2 === 0) high ^= this.random(round, low) & HIGH_MASK;
      else low ^= this.random(round, high) & LOW_MASK;
    }
    return high * LOW + low;
  }

  private random(round: number, half: number): number {
    this.block.writeUInt32BE(round, 0);
    this.block.writeUInt32BE(half, 4);
    return this.aes.update(this.block).readUInt32BE(0);
  }
}
