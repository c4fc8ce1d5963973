/** The calls that are measured, as steps of the load generator. Their orders are numbered by the operation's number. */
import type { Step } from './load/job';

export const CID = 'TC0ONETIME';
/** Key of the sandbox's built-in merchant. */
export const KEY = 'sk_test_oneq';

/** What every payment here is for; amount in won. */
export const ORDER = {
  category_cd: '552101',
  opponent_name: '원큐피자',
  item_name: '고구마피자',
  member_id: 'member_id',
  quantity: '1',
  amount: '100',
} as const;
export const REDIRECTS = {
  approval_url: 'http://localhost:3000/approval',
  cancel_url: 'http://localhost:3000/cancel',
  fail_url: 'http://localhost:3000/fail',
} as const;
/** Pay money that a prepare declares, won. */
export const BALANCE = '2000000000';
export const TRAN_DT = '2016.11.15 21:18:22';

/** Form fields, encoded but for the `{name}` that each operation fills in. */
export function form(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString().replaceAll('%7B', '{').replaceAll('%7D', '}');
}

/** `{account}` is from the list of that name. */
export const PREPARE_STEP: Step = {
  name: 'prepare',
  method: 'POST',
  path: '/pay',
  key: KEY,
  body: form({ cid: CID, ...ORDER, order_id: '{n}', bank_acct_num: '{account}', balance: BALANCE, ...REDIRECTS }),
};

/** Of the payment whose tid the step before answered. */
export const AUTHENTICATE_STEP: Step = {
  name: 'authenticate',
  method: 'POST',
  path: '/sandbox/payments/{tid}/authenticate',
  body: '',
};

export const APPROVE_STEP = approveStep(CID, KEY);

export function approveStep(cid: string, key: string): Step {
  const { quantity: _, ...compared } = ORDER;
  return {
    name: 'approve',
    method: 'POST',
    path: '/pay/success',
    key,
    body: form({ cid, ...compared, order_id: '{n}', tran_dt: TRAN_DT }),
  };
}

/** `{known}` is a list of tids. */
export const INQUIRY_STEP: Step = { name: 'inquiry', method: 'GET', path: '/pay/{known}', key: KEY };

export const FLOW_STEPS: readonly Step[] = [PREPARE_STEP, AUTHENTICATE_STEP, APPROVE_STEP];
