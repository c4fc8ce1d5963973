import type { AffiliateCommand, ApproveRequest, PrepareCommand } from '@oneq/contracts';

let counter = 0;

/** A number that no other builder of this process has used. */
function unique(): number {
  counter += 1;
  return counter;
}

/** A secret of the least length. */
export const TEST_SECRET = 'test-secret-of-at-least-32-characters';

/** A prepared order of the specification's sample: 고구마피자, 16,000 won. */
export function aPrepare(changes: Partial<PrepareCommand> = {}): PrepareCommand {
  return {
    cid: 'TC0ONETIME',
    merchant_name: '원큐피자 을지로점',
    category_cd: 552101,
    opponent_name: '원큐피자',
    item_name: '고구마피자',
    member_id: 'member_id',
    order_id: `order-${process.pid}-${unique()}`,
    quantity: 1,
    amount: 16_000,
    bank_acct_num: accountNumber(),
    balance: 50_000,
    approval_url: 'http://localhost:3000/approval',
    cancel_url: 'http://localhost:3000/cancel',
    fail_url: 'http://localhost:3000/fail',
    ...changes,
  };
}

/** The approval that fits a prepared payment. */
export function anApproval(of: PrepareCommand, changes: Partial<ApproveRequest> = {}): ApproveRequest {
  const { cid, order_id, category_cd, item_name, member_id, amount } = of;
  return { cid, order_id, category_cd, item_name, member_id, amount, tran_dt: '2016.11.15 21:18:22', ...changes };
}

/** An account number that no other test uses: twelve digits. */
export function accountNumber(): string {
  return `${process.pid % 100_000}`.padStart(5, '1') + `${unique()}`.padStart(7, '0');
}

export function anAffiliation(changes: Partial<AffiliateCommand> = {}): AffiliateCommand {
  return {
    business_no: String(2_000_000_000 + unique()),
    opponent_name: '원큐피자',
    store_phone: '02-2002-1111',
    store_address1: '서울특별시 중구',
    store_address2: '을지로 35',
    post_no: '04523',
    secret_key_hash: unique().toString(16).padStart(64, '0'),
    ...changes,
  };
}
