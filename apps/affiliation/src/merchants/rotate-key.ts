import { Inject, Injectable } from '@nestjs/common';
import {
  OneQError,
  type ReissueKeyCommand,
  type RotatedKey,
  type RotateKeyCommand,
  toSeoulTime,
} from '@oneq/contracts';
import { Database, GroupRead, type Statement, transposed } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { FindMerchant } from './find-merchant';
import { MerchantChanges } from './merchant-changes';

/** How long older keys work on beside a new one. */
const OVERLAP = `interval '24 hours'`;

/** Merchants, whether each has its new key already, and whether the key that asks is good. */
const LOOK_UP: Statement = {
  name: 'look-up-keys',
  text: `
    SELECT n::integer, built_in, status, keys_changed, new.older_expire_at, new.hash IS NOT NULL AS done,
           EXISTS (SELECT FROM secret_keys presented
                   WHERE presented.hash = query.presented AND presented.merchant_id = merchant.id
                     AND (presented.expires_at IS NULL OR presented.expires_at > now())) AS permitted
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS query (cid, hash, presented, n)
         JOIN merchants merchant ON merchant.cid = query.cid
         LEFT JOIN secret_keys new ON new.merchant_id = merchant.id AND new.hash = query.hash`,
};

/**
 * Adds the key $2 and gives the older ones until a time, unless theirs comes before; or ($4) leaves them until the new one
 * is used. No row comes back when another change of the keys came after the look ($3), so that no key is overlooked.
 */
const ROTATE: Statement = {
  name: 'rotate-key',
  text: `
    WITH merchant AS (
      UPDATE merchants SET keys_changed = keys_changed + 1 WHERE cid = $1 AND keys_changed = $3 RETURNING id
    ), key AS (
      INSERT INTO secret_keys (hash, merchant_id, ends_older_when_used, older_expire_at)
      SELECT $2, id, $4, CASE WHEN NOT $4 THEN now() + ${OVERLAP} END FROM merchant
      RETURNING merchant_id, older_expire_at
    ), older AS (
      UPDATE secret_keys SET expires_at = key.older_expire_at FROM key
      WHERE secret_keys.merchant_id = key.merchant_id AND NOT $4
        AND (expires_at IS NULL OR expires_at > key.older_expire_at)
    )
    SELECT older_expire_at FROM key`,
};

/** Adds the key $2 and ends all others now, under the same guard. */
const REISSUE: Statement = {
  name: 'reissue-key',
  text: `
    WITH merchant AS (
      UPDATE merchants SET keys_changed = keys_changed + 1 WHERE cid = $1 AND keys_changed = $3 RETURNING id
    ), key AS (
      INSERT INTO secret_keys (hash, merchant_id) SELECT $2, id FROM merchant RETURNING merchant_id
    ), others AS (
      UPDATE secret_keys SET expires_at = now() FROM key
      WHERE secret_keys.merchant_id = key.merchant_id AND (expires_at IS NULL OR expires_at > now())
    )
    SELECT merchant_id FROM key`,
};

interface LookedUp {
  readonly built_in: boolean;
  readonly status: 'active' | 'suspended';
  readonly keys_changed: number;
  readonly older_expire_at: Date | null;
  readonly done: boolean;
  readonly permitted: boolean;
}

/** Simultaneous changes of one merchant's keys that are waited for. */
const RUNS_MAX = 20;

/** Replaces secret keys. A command is known again by the hash of the key that it brings. */
@Injectable()
export class RotateKey {
  private readonly keys: GroupRead<readonly unknown[], LookedUp>;

  constructor(
    private readonly database: Database,
    private readonly merchants: FindMerchant,
    private readonly changes: MerchantChanges,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.keys = new GroupRead(database, { statement: LOOK_UP, values: transposed });
  }

  /**
   * A further key. Older ones work 24 hours more, or until the new one is first used.
   * @param command its `cid` is the merchant's own
   * @throws {OneQError} MERCHANT_NOT_FOUND; BUILT_IN_MERCHANT; MERCHANT_SUSPENDED; SECRET_KEY_INVALID when the key that
   * asks has ended
   */
  async rotate(command: RotateKeyCommand): Promise<Pick<RotatedKey, 'old_keys_expire_at'>> {
    const { cid, secret_key_hash, presented_key_hash, expire_now } = command;
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const known = await this.lookUp(cid, secret_key_hash, presented_key_hash);
      if (known.done) return answer(known);
      if (known.status === 'suspended') throw new OneQError('MERCHANT_SUSPENDED');
      if (!known.permitted) throw new OneQError('SECRET_KEY_INVALID');
      const values = [cid, secret_key_hash, known.keys_changed, expire_now === true];
      const [rotated] = await this.database.run<Pick<LookedUp, 'older_expire_at'>>(ROTATE, values);
      if (rotated) {
        this.database.afterCommit(() => this.log.info({ cid, event: 'key.rotated' }, 'secret key rotated'));
        return answer(rotated);
      }
    }
    throw new Error('the keys of one merchant changed too often');
  }

  /**
   * A new key for a merchant that lost its own, or lost it to somebody: all others end at once.
   * @throws {OneQError} MERCHANT_NOT_FOUND, BUILT_IN_MERCHANT
   */
  async reissue({ cid, secret_key_hash }: ReissueKeyCommand): Promise<void> {
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const known = await this.lookUp(cid, secret_key_hash, null);
      if (known.done) return;
      const issued = await this.database.run(REISSUE, [cid, secret_key_hash, known.keys_changed]);
      if (issued.length > 0) {
        this.log.warn({ cid, event: 'key.reissued' }, 'secret key reissued by an operator');
        this.changes.tell(cid);
        return;
      }
    }
    throw new Error('the keys of one merchant changed too often');
  }

  private async lookUp(cid: string, newHash: string, presentedHash: string | null): Promise<LookedUp> {
    const found = await this.keys.row([cid, newHash, presentedHash]);
    if (found && !found.built_in) return found;
    await this.merchants.merchant(cid);
    // It is there, so it is a built-in one, or an alias, which only those have.
    throw new OneQError('BUILT_IN_MERCHANT');
  }
}

function answer({ older_expire_at }: Pick<LookedUp, 'older_expire_at'>): Pick<RotatedKey, 'old_keys_expire_at'> {
  return { old_keys_expire_at: older_expire_at && toSeoulTime(older_expire_at) };
}
