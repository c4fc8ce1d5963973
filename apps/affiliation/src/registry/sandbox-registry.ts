import { Injectable } from '@nestjs/common';
import type { AffiliateRequest } from '@oneq/contracts';
import { BusinessRegistry, RegisteredBusiness } from './business-registry';

/** Category of a business whose name says nothing else: a restaurant, as in the specification's sample. */
const RESTAURANT = 552101;

/** The first key word that the trade name contains decides. */
const CATEGORIES: ReadonlyArray<readonly [category_cd: number, ...words: string[]]> = [
  [552303, '카페', '커피', 'cafe', 'coffee'],
  [552301, '베이커리', '제과', '빵', 'bakery'],
  [521992, '편의점', 'convenience'],
  [522010, '마트', '슈퍼', '식품', 'mart', 'grocery'],
  [523111, '약국', 'pharmacy'],
  [523611, '서점', '문고', '책방', 'book'],
  [930202, '미용', '헤어', '네일', 'hair', 'beauty'],
];

/** A registry for practice: it knows every business, and the trade name alone decides the category. */
@Injectable()
export class SandboxRegistry extends BusinessRegistry {
  async lookUp(business: AffiliateRequest): Promise<RegisteredBusiness> {
    const name = business.opponent_name.toLowerCase();
    const found = CATEGORIES.find(([, ...words]) => words.some((word) => name.includes(word)));
    return { category_cd: found?.[0] ?? RESTAURANT };
  }
}
