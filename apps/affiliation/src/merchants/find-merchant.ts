import { Inject, Injectable } from '@nestjs/common';
import { type MerchantFacts, type MerchantRecord, type Mode, OneQError, toSeoulTime } from '@oneq/contracts';
import { Database, GroupRead, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { DataSource } from 'typeorm';
import { Merchant } from './entities';
import { MerchantChanges } from './merchant-changes';

/** Injection token of the mode the process runs in. */
export const MODE = Symbol('mode');

/** The first use of the key $1, which ends the merchant's older ones. No row comes back when it was used before. */
const FIRST_USE: Statement = {
  name: 'first-use-of-key',
  text: `
    WITH used AS (
      UPDATE secret_keys SET ends_older_when_used = false
      WHERE hash = $1 AND ends_older_when_used AND (expires_at IS NULL OR expires_at > now())
      RETURNING merchant_id, created_at
    ), merchant AS (
      UPDATE merchants SET keys_changed = keys_changed + 1 FROM used WHERE id = used.merchant_id RETURNING cid
    ), ended AS (
      UPDATE secret_keys SET expires_at = now() FROM used
      WHERE secret_keys.merchant_id = used.merchant_id AND secret_keys.created_at < used.created_at
        AND (expires_at IS NULL OR expires_at > now())
    )
    SELECT cid FROM merchant`,
};

interface KeyRow extends Merchant {
  /** Older keys of the merchant end when this one is first used. */
  readonly ends_older_when_used: boolean;
}

/** Finds merchants by cid or key. */
@Injectable()
export class FindMerchant {
  /** By cid or alias. */
  private readonly byCids: GroupRead<string, Merchant>;
  /** By the SHA-256 of their keys, hex. */
  private readonly byKeyHashes: GroupRead<string, KeyRow>;

  constructor(
    @Inject(DataSource) dataSource: DataSource,
    private readonly database: Database,
    private readonly changes: MerchantChanges,
    @Inject(MODE) private readonly mode: Mode,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const columns = dataSource.getMetadata(Merchant).columns.map(({ databaseName }) => `merchant.${databaseName}`);
    const ofCids: Statement = {
      name: 'merchants-of-cids',
      text: `
        SELECT n::integer, ${columns}
        FROM unnest($1::text[]) WITH ORDINALITY AS query (cid, n)
             JOIN merchants merchant ON merchant.id = coalesce(
               (SELECT id FROM merchants WHERE merchants.cid = query.cid),
               (SELECT merchant_id FROM cid_aliases WHERE cid_aliases.cid = query.cid))`,
    };
    const ofKeys: Statement = {
      name: 'merchants-of-keys',
      text: `
        SELECT n::integer, ends_older_when_used, ${columns}
        FROM unnest($1::text[]) WITH ORDINALITY AS query (hash, n)
             JOIN secret_keys key ON key.hash = query.hash AND (expires_at IS NULL OR expires_at > now())
             JOIN merchants merchant ON merchant.id = merchant_id`,
    };
    this.byCids = new GroupRead(database, { statement: ofCids, values: (cids) => [cids] });
    this.byKeyHashes = new GroupRead(database, { statement: ofKeys, values: (hashes) => [hashes] });
  }

  /** @throws {OneQError} MERCHANT_NOT_FOUND */
  async byCid(cid: string): Promise<MerchantFacts> {
    return facts(await this.merchant(cid));
  }

  /** @throws {OneQError} MERCHANT_NOT_FOUND */
  async record(cid: string): Promise<MerchantRecord> {
    return recordOf(await this.merchant(cid));
  }

  /**
   * The merchant of a cid or an alias.
   * @throws {OneQError} MERCHANT_NOT_FOUND
   */
  async merchant(cid: string): Promise<Merchant> {
    const merchant = await this.byCids.row(cid);
    if (!merchant || !this.exists(merchant)) throw new OneQError('MERCHANT_NOT_FOUND');
    return merchant;
  }

  /**
   * The merchant whose key has this SHA-256 (hex). To answer is to use the key: one that was issued to end the older
   * ones does so at the first answer.
   * @throws {OneQError} SECRET_KEY_INVALID
   */
  async byKey(hash: string): Promise<MerchantFacts> {
    const found = await this.byKeyHashes.row(hash);
    if (!found || !this.exists(found)) throw new OneQError('SECRET_KEY_INVALID');
    if (found.ends_older_when_used) await this.firstUse(hash);
    return facts(found);
  }

  private async firstUse(hash: string): Promise<void> {
    const [merchant] = await this.database.run<{ cid: string }>(FIRST_USE, [hash]);
    if (!merchant) return; // another request was the first
    this.log.info({ cid: merchant.cid, event: 'key.first-used' }, 'a new key was used; older ones ended');
    this.changes.tell(merchant.cid);
  }

  /** The built-in merchant, its key being public, does not exist in live mode. */
  private exists(merchant: Merchant): boolean {
    return this.mode === 'sandbox' || !merchant.built_in;
  }
}

function facts(merchant: Merchant): MerchantFacts {
  return {
    cid: merchant.cid,
    registered_name: merchant.opponent_name,
    category_cd: merchant.category_cd,
    status: merchant.status,
    approved_at: toSeoulTime(merchant.approved_at),
    payment_max: merchant.payment_max,
  };
}

/** What a merchant and an operator see of it. */
export function recordOf(merchant: Merchant): MerchantRecord {
  return {
    cid: merchant.cid,
    status: merchant.status,
    business_no: merchant.business_no,
    opponent_name: merchant.opponent_name,
    store_phone: merchant.store_phone,
    store_address1: merchant.store_address1,
    store_address2: merchant.store_address2,
    post_no: merchant.post_no,
    category_cd: merchant.category_cd,
    created_at: toSeoulTime(merchant.created_at),
    approved_at: toSeoulTime(merchant.approved_at),
  };
}
