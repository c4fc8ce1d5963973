/** What the people who run the platform ask of affiliation. The gateway's NATS user may publish none of it. */
import { Integer, type Mode, Text } from '../fields';
import { BUSINESS_NO, CID, SHA_256 } from '../forms';
import { message } from '../message';
import { INTEGER_MAX } from '../payment/messages';
import { FindMerchantQuery, type MerchantRecord } from './messages';

/** Days for which an invitation can be good. */
export const INVITATION_DAYS_MAX = 365;

/** Invites a business to affiliate, once. The hash is what makes the same command known again. */
export class InviteCommand {
  @Text({ max: 64, form: SHA_256, description: 'SHA-256 of the invitation, hex' })
  readonly invitation_hash!: string;

  @Text({ max: 15, form: BUSINESS_NO, optional: true, description: 'the only business it is for; absent: any' })
  readonly business_no?: string;

  @Integer({ min: 1, max: INVITATION_DAYS_MAX, description: 'days for which it is good' })
  readonly days!: number;
}

export interface Invited {
  /** `YYYY.MM.DD HH:mm:ss`, Seoul. */
  readonly expires_at: string;
}

/** A merchant as an operator sees it. */
export interface OperatedMerchant extends MerchantRecord {
  readonly built_in: boolean;
  /** Largest amount of one payment, won; null: no limit. */
  readonly payment_max: number | null;
  /** Number of secret keys that are good now. */
  readonly keys: number;
  /** Mode that affiliation runs in, which a new key must be of. */
  readonly mode: Mode;
}

/** Gives a merchant a new key and ends all others at once. */
export class ReissueKeyCommand {
  @Text({ max: 10, form: CID, description: 'merchant code' })
  readonly cid!: string;

  @Text({ max: 64, form: SHA_256, description: 'SHA-256 of the new secret key, hex' })
  readonly secret_key_hash!: string;
}

export class LimitCommand {
  @Text({ max: 10, form: CID, description: 'merchant code' })
  readonly cid!: string;

  @Integer({
    min: 1,
    max: INTEGER_MAX,
    optional: true,
    description: 'largest amount of one payment, won; absent: none',
  })
  readonly payment_max?: number;
}

export const Invite = message<Invited>()('affiliation.operator.invite', InviteCommand);
/** @throws MERCHANT_NOT_FOUND */
export const OperatedMerchantOf = message<OperatedMerchant>()('affiliation.operator.merchant', FindMerchantQuery);
/** @throws MERCHANT_NOT_FOUND, BUILT_IN_MERCHANT */
export const Suspend = message<OperatedMerchant>()('affiliation.operator.suspend', FindMerchantQuery);
/** @throws as Suspend */
export const Resume = message<OperatedMerchant>()('affiliation.operator.resume', FindMerchantQuery);
/** @throws as Suspend */
export const ReissueKey = message<OperatedMerchant>()('affiliation.operator.reissue-key', ReissueKeyCommand);
/** @throws as Suspend */
export const Limit = message<OperatedMerchant>()('affiliation.operator.limit', LimitCommand);
