import { createHmac } from 'node:crypto';
import type { VersionedSecrets } from '@oneq/service-kit';

/** Which secret of a merchant: the merchant's own count of it, and the version of the key that it is derived from. */
export interface SecretVersion {
  readonly secret: number;
  readonly key: number;
}

/**
 * The secrets that webhooks are signed with (Standard Webhooks 1.0). They are derived, 256 bits for each merchant and
 * version, and never stored: a copy of the database signs nothing.
 */
export class WebhookSecrets {
  /** Version of the key that new secrets are derived from. */
  readonly currentKey: number;

  constructor(private readonly keys: VersionedSecrets) {
    this.currentKey = Math.max(...keys.keys());
  }

  /** As the merchant gets it: `whsec_` and 32 bytes in base64. */
  textOf(cid: string, version: SecretVersion): string {
    return `whsec_${this.bytesOf(cid, version).toString('base64')}`;
  }

  /**
   * The headers of one attempt.
   * @param id the same for every attempt at one event
   * @param versions the secrets that sign; several while one replaces another
   */
  headers(cid: string, versions: readonly SecretVersion[], id: string, at: Date, body: string): Record<string, string> {
    const timestamp = String(Math.floor(at.getTime() / 1_000));
    const signatures = versions.map((version) => {
      const mac = createHmac('sha256', this.bytesOf(cid, version)).update(`${id}.${timestamp}.${body}`);
      return `v1,${mac.digest('base64')}`;
    });
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
  }

  private bytesOf(cid: string, { secret, key }: SecretVersion): Buffer {
    const bytes = this.keys.get(key);
    if (bytes === undefined) throw new Error(`WEBHOOK_SECRETS lacks version ${key}, which webhooks are signed with`);
    return createHmac('sha256', bytes).update(`webhook:${cid}:${secret}`).digest();
  }
}
