import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { unavailable } from '@oneq/contracts';
import type { VersionedSecrets } from '@oneq/service-kit';

/**
 * scrypt's cost (RFC 7914): N = 2^14, r = 8, p = 1, about 40 ms and 16 MiB. Six digits have a million values, so no cost
 * that a payer would wait for protects a stolen table; the pepper does, and the lock does against guessing here.
 */
const COST = { N: 16_384, r: 8, p: 1 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;

/** Hashes at one time. They run on threads of Node's pool of four, of which others need some too. */
const AT_ONCE_MAX = 2;
/** Entries that wait for their turn; two seconds' worth. */
const WAITING_MAX = 100;

const derive = promisify<string | Buffer, Buffer, number, typeof COST, Buffer>(scrypt);

/** A password as it is stored. */
export interface HashedPassword {
  readonly hash: Buffer;
  readonly salt: Buffer;
  readonly pepper_version: number;
}

/**
 * Hashes payment passwords with a salt of their own and a pepper that is not in the database, off the event loop and
 * only so many at a time: guessing costs, and other requests do not wait for it.
 */
export class PasswordHasher {
  private readonly waiting: Array<() => void> = [];
  private running = 0;

  constructor(private readonly peppers: VersionedSecrets) {}

  /**
   * Runs `work`, which hashes, when it is its turn.
   * @throws {OneQError} SERVICE_UNAVAILABLE, final, when too many wait already: nothing was begun
   */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= AT_ONCE_MAX) {
      if (this.waiting.length >= WAITING_MAX) throw unavailable('final', 'too many passwords wait to be checked');
      await new Promise<void>((turn) => this.waiting.push(turn));
    } else {
      this.running += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }

  async hash(password: string): Promise<HashedPassword> {
    const salt = randomBytes(SALT_BYTES);
    const pepper_version = Math.max(...this.peppers.keys());
    return { hash: await this.derive(password, salt, pepper_version), salt, pepper_version };
  }

  async matches(password: string, { hash, salt, pepper_version }: HashedPassword): Promise<boolean> {
    return timingSafeEqual(await this.derive(password, salt, pepper_version), hash);
  }

  private derive(password: string, salt: Buffer, version: number): Promise<Buffer> {
    const pepper = this.peppers.get(version);
    if (pepper === undefined) throw new Error(`PIN_PEPPERS lacks version ${version}, which stored passwords use`);
    return derive(createHmac('sha256', pepper).update(password).digest(), salt, HASH_BYTES, COST);
  }
}

/** Three equal or three consecutive digits in a row, up or down, are refused when a password is set (contract). */
export function isWeak(password: string): boolean {
  const digits = [...password].map(Number);
  return digits.some((digit, i) => {
    const first = digits[i + 1];
    const second = digits[i + 2];
    if (first === undefined || second === undefined) return false;
    const step = first - digit;
    return second - first === step && Math.abs(step) <= 1;
  });
}
