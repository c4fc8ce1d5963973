import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { VersionedSecrets } from '@oneq/service-kit';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/**
 * Keeps account numbers out of the database's clear text: a wallet is found by a keyed hash of its number (blind
 * index) and keeps the number itself encrypted (AES-256-GCM, bound to that hash).
 */
export class AccountVault {
  private readonly keys: ReadonlyMap<number, Buffer>;
  private readonly currentVersion: number;

  constructor(
    secrets: VersionedSecrets,
    private readonly indexSecret: string,
  ) {
    const key = (secret: string) => Buffer.from(hkdfSync('sha256', secret, '', 'oneq account', 32));
    this.keys = new Map([...secrets].map(([version, secret]) => [version, key(secret)]));
    this.currentVersion = Math.max(...secrets.keys());
  }

  /** What a wallet is found by. @param digits account number without hyphens */
  index(digits: string): Buffer {
    return createHmac('sha256', this.indexSecret).update(digits).digest();
  }

  /** Version, nonce, tag and cipher text of the account number. */
  seal(digits: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key(this.currentVersion), nonce).setAAD(this.index(digits));
    const sealed = Buffer.concat([cipher.update(digits, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(this.currentVersion), nonce, cipher.getAuthTag(), sealed]);
  }

  /**
   * The account number again.
   * @param index the wallet's index: a sealed number moved to another wallet does not open
   */
  unseal(sealed: Buffer, index: Buffer): string {
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.key(sealed.readUInt8(0)), nonce)
      .setAAD(index)
      .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]).toString('utf8');
  }

  private key(version: number): Buffer {
    const key = this.keys.get(version);
    if (!key) throw new Error(`ACCOUNT_SECRETS lacks version ${version}, which stored account numbers use`);
    return key;
  }
}
