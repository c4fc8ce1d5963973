import type { AffiliateRequest } from '@oneq/contracts';

/** What the registry knows of a business. */
export interface RegisteredBusiness {
  /** 업종 분류 코드. */
  readonly category_cd: number;
}

/** The register of businesses that affiliation asks before it issues a cid. */
export abstract class BusinessRegistry {
  /**
   * @throws {OneQError} INVALID_PARAMETER (`business_no`) for a business that is not in operation; SERVICE_UNAVAILABLE,
   * final, when the registry cannot tell
   */
  abstract lookUp(business: AffiliateRequest): Promise<RegisteredBusiness>;
}
