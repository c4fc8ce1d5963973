import { Injectable } from '@nestjs/common';
import type { AffiliateRequest } from '@oneq/contracts';
import { BusinessRegistry, RegisteredBusiness } from './business-registry';
import { categoryOf } from './categories';

/** A registry for practice: it knows every business, and the trade name alone decides the category. */
@Injectable()
export class SandboxRegistry extends BusinessRegistry {
  async lookUp({ opponent_name }: AffiliateRequest): Promise<RegisteredBusiness> {
    return { category_cd: categoryOf(opponent_name) };
  }
}
