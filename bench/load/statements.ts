/** The limit: the service's own statements on the same server, with nothing around them. */
import { APPROVE } from '../../apps/payment/src/payments/approve';
import { AUTHENTICATE } from '../../apps/payment/src/payments/authenticate';
import { PREPARE } from '../../apps/payment/src/payments/prepare';
import { BALANCE, CID, ORDER, REDIRECTS, TRAN_DT } from '../orders';

/** A statement, and what stands for its `$1` …: `:name` of a variable, or an SQL literal. */
export interface BoundStatement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly string[];
  /** Whether the columns of its row are variables of the statements after it. */
  readonly keep?: boolean;
}

/** Clients that run the statements one after the other, each statement its own transaction, in a closed loop. */
export interface StatementJob {
  readonly databaseUrl: string;
  readonly statements: readonly BoundStatement[];
  readonly clients: number;
  /** Whole seconds. */
  readonly seconds: number;
  /** Variable `n`, the order's number: each client counts up from its own. */
  readonly orders: { readonly from: number; readonly perClient: number };
  /** Variable `account`: one of so many account numbers, at random. */
  readonly accounts: { readonly from: number; readonly count: number };
}

export interface StatementRun {
  /** Rounds of all statements. */
  readonly operations: number;
  readonly elapsedMs: number;
}

/** Variables that are the same in each run. */
export const TEXTS = { cid: CID, ...ORDER, ...REDIRECTS, tran_dt: TRAN_DT, balance: BALANCE, method: 'MONEY' } as const;

const TTL_SECONDS = '86400';
const FIRST_CHECKOUT_VERSION = '1';

/** As prepare.ts binds them; accounts are found by the number itself, which costs SQL the same as by its hash. */
export const PREPARE_BOUND: BoundStatement = {
  ...PREPARE,
  values: [
    ...[':cid', ':n', ':account', ':account', ':category_cd', ':balance', ':balance', 'true', ':opponent_name'],
    ...[':category_cd', ':opponent_name', ':item_name', 'NULL', ':member_id', ':quantity', ':amount', 'NULL', 'NULL'],
    ...[':approval_url', ':cancel_url', ':fail_url', FIRST_CHECKOUT_VERSION, TTL_SECONDS],
  ],
  keep: true,
};

/** Of the payment just prepared. */
export const AUTHENTICATE_BOUND: BoundStatement = {
  ...AUTHENTICATE,
  values: [':id', ':method', TTL_SECONDS, '0'],
};

export const APPROVE_BOUND: BoundStatement = {
  ...APPROVE,
  values: [
    ...[':cid', ':n', ':category_cd', ':item_name', ':member_id', ':amount', ':opponent_name', 'NULL', ':tran_dt'],
  ],
};
