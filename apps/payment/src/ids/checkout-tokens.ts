import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CheckoutPage } from '@oneq/contracts';
import type { VersionedSecrets } from '@oneq/service-kit';

const TID_BYTES = 7;
/** 128 bits that cannot be guessed. */
const MAC_BYTES = 16;
const TOKEN_BYTES = 1 + TID_BYTES + MAC_BYTES;

/**
 * The tokens that open the payer's two pages: version, tid, and an HMAC over page and tid, base64url, 32 characters.
 * A token is derived and never stored, so that a repeated prepare answers the same URL and the database holds nothing
 * that opens a payment. Each page has its own, so that a photographed QR code cannot act as the PC's page.
 */
export class CheckoutTokens {
  /** Version of the secret that new payments' tokens are made with. */
  readonly currentVersion: number;

  constructor(private readonly secrets: VersionedSecrets) {
    this.currentVersion = Math.max(...secrets.keys());
  }

  /** @param version the version current when the payment was prepared */
  issue(tid: string, page: CheckoutPage, version: number): string {
    const secret = this.secrets.get(version);
    if (secret === undefined) throw new Error(`CHECKOUT_SECRETS lacks version ${version}, which open payments use`);
    const token = Buffer.alloc(TOKEN_BYTES);
    token.writeUInt8(version, 0);
    token.writeBigUInt64BE(BigInt(tid) << 8n, 1); // the lowest byte is overwritten by the MAC
    mac(secret, page, tid).copy(token, 1 + TID_BYTES);
    return token.toString('base64url');
  }

  /** The tid that a token opens this page of; null when it opens nothing. */
  open(token: string, page: CheckoutPage): string | null {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== TOKEN_BYTES || bytes.toString('base64url') !== token) return null;
    const secret = this.secrets.get(bytes.readUInt8(0));
    if (secret === undefined) return null;
    const tid = String(bytes.readBigUInt64BE(1) >> 8n);
    return timingSafeEqual(mac(secret, page, tid), bytes.subarray(1 + TID_BYTES)) ? tid : null;
  }
}

function mac(secret: string, page: CheckoutPage, tid: string): Buffer {
  return createHmac('sha256', secret).update(`${page}:${tid}`).digest().subarray(0, MAC_BYTES);
}
