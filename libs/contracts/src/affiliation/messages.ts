import { Answered, LiveOnly, Text } from '../fields';
import { BUSINESS_NO, BUSINESS_NO_CHECK_DIGIT, CID, PHONE, POST_NO } from '../forms';
import { Health, HealthQuery } from '../health';
import { message } from '../message';

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
}

export class FindMerchantQuery {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  readonly cid!: string;
}

export class FindMerchantByKeyQuery {
  @Text({ max: 64, description: 'SHA-256 of the secret key, hex' })
  readonly secret_key_hash!: string;
}

export const Affiliate = message<AffiliationAnswer>()('affiliation.merchant.affiliate', AffiliateCommand);
/** @throws MERCHANT_NOT_FOUND */
export const FindMerchant = message<MerchantFacts>()('affiliation.merchant.find', FindMerchantQuery);
/** @throws SECRET_KEY_INVALID */
export const FindMerchantByKey = message<MerchantFacts>()('affiliation.merchant.find-by-key', FindMerchantByKeyQuery);
export const AffiliationHealth = message<Health>()('affiliation.health', HealthQuery);
