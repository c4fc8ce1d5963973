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

/** 업종 분류 코드 by key words of the trade name (docs/business-registry.md): no registry that we can ask knows our codes. */
export function categoryOf(opponent_name: string): number {
  const name = opponent_name.toLowerCase();
  const found = CATEGORIES.find(([, ...words]) => words.some((word) => name.includes(word)));
  return found?.[0] ?? RESTAURANT;
}
