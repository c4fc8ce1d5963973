import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type AffiliateCommand, type AffiliationAnswer, type Mode, OneQError, toSeoulTime } from '@oneq/contracts';
import { brokenConstraint, Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { BusinessRegistry } from '../registry/business-registry';
import type { Merchant } from './entities';
import { MODE } from './find-merchant';
import { INVITATION_INVALID } from './invitations';

/** Named one by one: `*` would break prepared statements when a migration adds a column. */
const COLUMNS = [
  'cid',
  'opponent_name',
  'store_phone',
  'store_address1',
  'store_address2',
  'post_no',
  'category_cd',
  'created_at',
  'approved_at',
] as const;
const columns = (table: string) => COLUMNS.map((column) => table + column).join(', ');
type Affiliated = Pick<Merchant, (typeof COLUMNS)[number]>;

/**
 * The database's clock, and beside it the business's merchant (all null if it has none), whose the key is, and whether
 * the invitation $3 is good: not used, or used by this very business.
 */
const LOOK_UP: Statement = {
  name: 'look-up-business',
  text: `
    SELECT now() AS now, ${columns('m.')},
           EXISTS (SELECT FROM secret_keys WHERE hash = $2 AND merchant_id = m.id) AS owns_key,
           EXISTS (SELECT FROM invitations WHERE hash = $3 AND (business_no IS NULL OR business_no = $1)
                   AND CASE WHEN used_by IS NULL THEN expires_at > now() ELSE used_by = m.id END) AS invited
    FROM (VALUES (1)) AS clock LEFT JOIN merchants m ON m.business_no = $1`,
};

/**
 * The merchant and its key appear, and its invitation $11 is used, together or not at all; a business that has a merchant
 * gets no second one. Two businesses with one invitation meet at its lock. Without $11 none is asked for.
 */
const CREATE: Statement = {
  name: 'create-merchant',
  text: `
    WITH invitation AS (
      SELECT hash FROM invitations
      WHERE hash = $11 AND used_by IS NULL AND expires_at > now() AND (business_no IS NULL OR business_no = $2)
      FOR UPDATE
    ), merchant AS (
      INSERT INTO merchants (cid, business_no, opponent_name, store_phone, store_address1, store_address2, post_no,
                             category_cd, created_at)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE $11::text IS NULL OR EXISTS (SELECT FROM invitation)
      ON CONFLICT (business_no) DO NOTHING
      RETURNING ${columns('')}, id
    ), key AS (
      INSERT INTO secret_keys (hash, merchant_id) SELECT $10, id FROM merchant
    ), used AS (
      UPDATE invitations SET used_by = merchant.id, used_at = now() FROM merchant WHERE hash = $11
    )
    SELECT ${columns('')} FROM merchant`,
};

type NoMerchant = { readonly [column in keyof Affiliated]: null };
type LookedUp = { readonly now: Date; readonly owns_key: boolean; readonly invited: boolean } & (
  | Affiliated
  | NoMerchant
);

/** Letters of a cid after its prefix: `TC` in sandbox, `CC` in live mode. */
const CID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const CID_RANDOM_LENGTH = 8;

/** Issues a merchant's cid: one business number, one cid. */
@Injectable()
export class Affiliate {
  constructor(
    private readonly database: Database,
    private readonly registry: BusinessRegistry,
    @Inject(MODE) private readonly mode: Mode,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * The same request again answers the same, without a new key. In live mode it needs an invitation.
   * @throws {OneQError} MERCHANT_ALREADY_EXISTS when the business is affiliated with other details; SECRET_KEY_REQUIRED,
   * SECRET_KEY_INVALID about the invitation; INVALID_PARAMETER when the business is not in operation;
   * SERVICE_UNAVAILABLE, final, when the registry cannot tell
   */
  async affiliate(command: AffiliateCommand): Promise<AffiliationAnswer> {
    const needsInvitation = this.mode === 'live';
    if (needsInvitation && command.invitation_hash === undefined) throw new OneQError('SECRET_KEY_REQUIRED');
    for (;;) {
      const known = await this.lookUp(command);
      if (needsInvitation && !known.invited) throw new OneQError('SECRET_KEY_INVALID', { detail: INVITATION_INVALID });
      if (known.cid !== null) return this.again(command, known, known.owns_key);
      const { category_cd } = await this.registry.lookUp(command);
      const created = await this.create(command, category_cd, known.now);
      if (created) {
        this.log.info({ cid: created.cid, event: 'merchant.affiliated' }, 'merchant affiliated');
        return answer(created, true);
      }
      // Another request was faster, or the cid or the invitation was taken: look again.
    }
  }

  private async lookUp(command: AffiliateCommand): Promise<LookedUp> {
    const { business_no, secret_key_hash, invitation_hash } = command;
    const values = [business_no, secret_key_hash, invitation_hash ?? null];
    const [found] = await this.database.run<LookedUp>(LOOK_UP, values);
    if (!found) throw new Error('look-up-business always returns one row');
    return found;
  }

  private again(command: AffiliateCommand, merchant: Affiliated, ownsKey: boolean): AffiliationAnswer {
    const same =
      merchant.opponent_name === command.opponent_name &&
      digits(merchant.store_phone) === digits(command.store_phone) &&
      merchant.store_address1 === command.store_address1 &&
      merchant.store_address2 === command.store_address2 &&
      merchant.post_no === (command.post_no ?? null);
    if (!same) throw new OneQError('MERCHANT_ALREADY_EXISTS');
    return answer(merchant, ownsKey);
  }

  /** The new merchant, or undefined when the business number, the cid or the invitation was taken meanwhile. */
  private async create(
    command: AffiliateCommand,
    category_cd: number,
    requestedAt: Date,
  ): Promise<Affiliated | undefined> {
    try {
      const [merchant] = await this.database.run<Affiliated>(CREATE, [
        newCid(this.mode),
        command.business_no,
        command.opponent_name,
        command.store_phone,
        command.store_address1,
        command.store_address2,
        command.post_no ?? null,
        category_cd,
        requestedAt,
        command.secret_key_hash,
        this.mode === 'live' ? command.invitation_hash : null,
      ]);
      return merchant;
    } catch (error) {
      if (brokenConstraint(error) === 'one_merchant_per_cid') return undefined;
      throw error;
    }
  }
}

function newCid(mode: Mode): string {
  const random = Array.from({ length: CID_RANDOM_LENGTH }, () => CID_ALPHABET[randomInt(CID_ALPHABET.length)]);
  return (mode === 'live' ? 'CC' : 'TC') + random.join('');
}

function digits(phone: string): string {
  return phone.replace(/\D/g, '');
}

function answer(merchant: Affiliated, newly_issued: boolean): AffiliationAnswer {
  return {
    cid: merchant.cid,
    created_at: toSeoulTime(merchant.created_at),
    category_cd: merchant.category_cd,
    approved_at: toSeoulTime(merchant.approved_at),
    newly_issued,
  };
}
