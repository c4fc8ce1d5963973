import { Answered, Flag, LiveOnly, Text } from '../fields';
import { BUSINESS_NO, BUSINESS_NO_CHECK_DIGIT, CID, PHONE, POST_NO, SHA_256 } from '../forms';
import { Health, HealthQuery } from '../health';
import { type Executed, message } from '../message';

/** `POST /pay/store/token` (specification, 제휴 API). */
export class AffiliateRequest {
  @Text({ max: 15, form: BUSINESS_NO, description: '사업자등록번호 · business number', example: '220-81-62517' })
  @LiveOnly(BUSINESS_NO_CHECK_DIGIT)
  readonly business_no!: string;

  @Text({ max: 100, description: '상호 · trade name', example: '원큐피자' })
  readonly opponent_name!: string;

  @Text({ max: 20, form: PHONE, description: '전화번호 · telephone number', example: '02-2002-1111' })
  readonly store_phone!: string;

  @Text({ max: 200, description: '매장 주소1, 시군구 · address, city and district', example: '서울특별시 중구' })
  readonly store_address1!: string;

  @Text({ max: 200, description: '매장 주소2, 세부 주소 · address, street', example: '을지로 35' })
  readonly store_address2!: string;

  @Text({ max: 5, form: POST_NO, optional: true, description: '우편번호 · postal code', example: '04523' })
  readonly post_no?: string;
}

/**
 * Asks affiliation to issue a merchant's `cid`. The gateway makes the secret key and sends its hash alone,
 * so that the key itself never crosses NATS nor reaches a database.
 */
export class AffiliateCommand extends AffiliateRequest {
  @Text({ max: 64, description: 'SHA-256 of the new secret key, hex' })
  readonly secret_key_hash!: string;

  @Text({ max: 64, form: SHA_256, optional: true, description: 'SHA-256 of the invitation, hex; needed in live mode' })
  readonly invitation_hash?: string;
}

/** Answer of `POST /pay/store/token`. */
export class Affiliation {
  @Answered({ type: 'string', description: '가맹점 코드 · merchant code', example: 'TC00NETIME' })
  readonly cid!: string;

  @Answered({ type: 'string', description: '제휴 요청 시각 · time of the request', example: '2016.11.15 21:18:22' })
  readonly created_at!: string;

  @Answered({ type: 'integer', description: '가맹점 업종 분류 코드 · business category', example: 552101 })
  readonly category_cd!: number;

  @Answered({ type: 'string', description: '제휴 승인 시각 · time of the approval', example: '2016.11.15 21:18:25' })
  readonly approved_at!: string;

  @Answered({
    type: 'string',
    optional: true,
    description: '시크릿 키, 새로 발급할 때 한 번만 · secret key, shown only when the cid is newly issued',
    example: 'sk_test_…',
  })
  readonly secret_key?: string;
}

/** What affiliation answers: `newly_issued` tells that the key of this very request was taken. */
export interface AffiliationAnswer extends Omit<Affiliation, 'secret_key'> {
  readonly newly_issued: boolean;
}

/** What the other parts need to know of a merchant. */
export interface MerchantFacts {
  /** The merchant's own cid; an alias of the built-in merchant is resolved to it. */
  readonly cid: string;
  readonly registered_name: string;
  readonly category_cd: number;
  readonly status: 'active' | 'suspended';
  /** `YYYY.MM.DD HH:mm:ss`, Seoul. */
  readonly approved_at: string;
  /** Largest amount of one payment, won; null where there is no limit of its own. */
  readonly payment_max: number | null;
}

export const MERCHANT_STATUSES = ['active', 'suspended'] as const;

/** A merchant's record, as affiliation keeps it. */
export class MerchantRecord {
  @Answered({ type: 'string', description: '가맹점 코드 · merchant code', example: 'TC1A2B3C4D' })
  readonly cid!: string;

  @Answered({ type: 'string', description: '상태 · status', values: MERCHANT_STATUSES, example: 'active' })
  readonly status!: (typeof MERCHANT_STATUSES)[number];

  @Answered({
    type: 'string',
    nullable: true,
    description: '사업자등록번호 · business number',
    example: '2208162517',
  })
  readonly business_no!: string | null;

  @Answered({ type: 'string', description: '상호 · trade name', example: '원큐피자' })
  readonly opponent_name!: string;

  @Answered({ type: 'string', description: '전화번호 · telephone number', example: '02-2002-1111' })
  readonly store_phone!: string;

  @Answered({ type: 'string', description: '매장 주소1 · address, city and district', example: '서울특별시 중구' })
  readonly store_address1!: string;

  @Answered({ type: 'string', description: '매장 주소2 · address, street', example: '을지로 35' })
  readonly store_address2!: string;

  @Answered({ type: 'string', nullable: true, description: '우편번호 · postal code', example: '04523' })
  readonly post_no!: string | null;

  @Answered({ type: 'integer', description: '가맹점 업종 분류 코드 · business category', example: 552101 })
  readonly category_cd!: number;

  @Answered({ type: 'string', description: '제휴 요청 시각 · time of the request', example: '2016.11.15 21:18:22' })
  readonly created_at!: string;

  @Answered({ type: 'string', description: '제휴 승인 시각 · time of the approval', example: '2016.11.15 21:18:25' })
  readonly approved_at!: string;
}

/** Answer of `GET /pay/store`. */
export class Store extends MerchantRecord {
  @Answered({
    type: 'string',
    description: 'redirect 서명을 확인하는 비밀 값 · checks the signature of redirects',
    example: 'rs_…',
  })
  readonly redirect_secret!: string;
}

/** `POST /pay/store/key`. */
export class RotateKeyRequest {
  @Flag({
    optional: true,
    description:
      'true: 새 키를 처음 사용하면 이전 키가 바로 만료됩니다. 없으면 24시간 뒤 만료됩니다 · true: older keys end when the new one is first used; else after 24 hours',
  })
  readonly expire_now?: boolean;
}

/** Answer of `POST /pay/store/key`. */
export class RotatedKey {
  @Answered({
    type: 'string',
    optional: true,
    description:
      '새 시크릿 키, 이 응답에서만 한 번 · the new secret key, shown only once: not when the answer is given again',
    example: 'sk_test_…',
  })
  readonly secret_key?: string;

  @Answered({
    type: 'string',
    nullable: true,
    description:
      '이전 키의 만료 시각. expire_now=true이면 null: 새 키를 처음 사용할 때 만료됩니다 · when older keys end at the latest; null with expire_now=true: when the new one is first used',
    example: '2016.11.16 21:18:22',
  })
  readonly old_keys_expire_at!: string | null;
}

/** Gives a merchant one more key. The gateway makes it and sends its hash, by which the same command is known again. */
export class RotateKeyCommand extends RotateKeyRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  readonly cid!: string;

  @Text({ max: 64, form: SHA_256, description: 'SHA-256 of the new secret key, hex' })
  readonly secret_key_hash!: string;

  @Text({ max: 64, form: SHA_256, description: 'SHA-256 of the key that asks for it, hex: it must still be good' })
  readonly presented_key_hash!: string;
}

export class CheckInvitationQuery {
  @Text({ max: 64, form: SHA_256, description: 'SHA-256 of the invitation, hex' })
  readonly invitation_hash!: string;
}

/**
 * NATS subject on which affiliation tells all gateways, at most once and without promise, that a merchant or its keys
 * changed. A gateway then forgets what it knew; losing it costs the few seconds for which answers are fresh.
 */
export const MERCHANT_CHANGES = 'affiliation.events.merchant';

export interface MerchantChange {
  /** The merchant's own cid, never an alias. */
  readonly cid: string;
}

export class FindMerchantQuery {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  readonly cid!: string;
}

export class FindMerchantByKeyQuery {
  @Text({ max: 64, description: 'SHA-256 of the secret key, hex' })
  readonly secret_key_hash!: string;
}

/** @throws MERCHANT_ALREADY_EXISTS, SECRET_KEY_REQUIRED, SECRET_KEY_INVALID, INVALID_PARAMETER, SERVICE_UNAVAILABLE */
export const Affiliate = message<AffiliationAnswer>()('affiliation.merchant.affiliate', AffiliateCommand);
/** @throws MERCHANT_NOT_FOUND */
export const FindMerchant = message<MerchantFacts>()('affiliation.merchant.find', FindMerchantQuery);
/** A key that ends older ones does so when this is answered for the first time. @throws SECRET_KEY_INVALID */
export const FindMerchantByKey = message<MerchantFacts>()('affiliation.merchant.find-by-key', FindMerchantByKeyQuery);
/** @throws MERCHANT_NOT_FOUND */
export const FindStore = message<MerchantRecord>()('affiliation.merchant.record', FindMerchantQuery);
/** @throws MERCHANT_NOT_FOUND, MERCHANT_SUSPENDED, BUILT_IN_MERCHANT, SECRET_KEY_INVALID */
export const RotateKey = message<Executed<Pick<RotatedKey, 'old_keys_expire_at'>>>()(
  'affiliation.merchant.rotate-key',
  RotateKeyCommand,
);
/** Whether an invitation is worth reading the request's fields for. @throws SECRET_KEY_INVALID */
export const CheckInvitation = message<{ readonly known: true }>()(
  'affiliation.invitation.check',
  CheckInvitationQuery,
);
export const AffiliationHealth = message<Health>()('affiliation.health', HealthQuery);
