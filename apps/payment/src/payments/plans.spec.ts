import { DataSource } from 'typeorm';
import { PaymentService } from '../../test/service';
import { APPROVE_TOGETHER } from './approve';
import { AUTHENTICATE_TOGETHER } from './authenticate';
import { PREPARE_TOGETHER } from './prepare';

/** What PostgreSQL asks for each foreign key. */
const FOREIGN_KEY = {
  name: 'foreign key to payments',
  text: 'SELECT 1 FROM ONLY payments x WHERE id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x',
};
/** Ways to one row, or to the attempts at one order. */
const BY_KEY = ['payments_pkey', 'one_payment_per_attempt_at_an_order'];

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** A plan lives as long as its connection, and is made when there may be next to nothing in the tables. */
describe('a plan that is made while the tables are small', () => {
  let service: PaymentService;
  const waysOf = async (statement: string): Promise<string[]> => {
    const rows = await service.module.get(DataSource).query(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${statement}`);
    const ways: string[] = [];
    const visit = (node: PlanNode) => {
      const isRead = /Scan/.test(node['Node Type']);
      if (isRead && node['Relation Name'] === 'payments') {
        ways.push((node['Index Cond'] && node['Index Name']) || node['Node Type']);
        if (node['Index Name'] === 'one_payment_per_attempt_at_an_order') {
          expect(node['Index Cond']).toMatch(/cid = .*order_id = /);
        }
      }
      node.Plans?.forEach(visit);
    };
    visit(rows[0]['QUERY PLAN'][0].Plan);
    return ways;
  };
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  describe.each([
    ['that nobody has analysed', 0],
    ['analysed with a page of payments', 8],
    ['analysed with some pages of payments', 50],
  ])('tables %s', (_which, payments) => {
    beforeAll(async () => {
      await Promise.all(Array.from({ length: payments }, () => service.authenticated()));
      if (payments > 0) await service.admin.query('VACUUM (ANALYZE)');
    });

    it.each([PREPARE_TOGETHER, AUTHENTICATE_TOGETHER, APPROVE_TOGETHER, FOREIGN_KEY])(
      '$name: finds payments by their keys, so that it serves millions',
      async ({ text }) => {
        const ways = await waysOf(text);
        expect(ways.length).toBeGreaterThan(0);
        expect(ways.filter((way) => !BY_KEY.includes(way))).toEqual([]);
      },
    );
  });
});
