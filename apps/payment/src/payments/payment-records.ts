import { Injectable } from '@nestjs/common';
import {
  OneQError,
  type PaymentDetails,
  type PaymentEvent,
  type PaymentEventType,
  type PaymentRecord,
  toSeoulTime,
  unavailable,
} from '@oneq/contracts';
import { Database, GroupRead, type Statement } from '@oneq/database';
import { PaymentIds } from '../ids/payment-ids';
import type { Payment } from './payment.entity';

/** What a {@link RecordRow} is read from: each of its columns as SQL. */
const RECORD = {
  id: 'payments.id',
  cid: 'payments.cid',
  order_id: 'order_id',
  status: 'payments.status',
  category_cd: 'category_cd',
  opponent_name: 'opponent_name',
  item_name: 'item_name',
  item_code: 'item_code',
  member_id: 'member_id',
  quantity: 'quantity',
  amount: 'payments.amount',
  payment_method_type: 'coalesce(payment_method_type, permitted_method_type)',
  account_last4: 'account_last4',
  bank_acct_alias: 'bank_acct_alias',
  balance: 'balance',
  approval_url: 'approval_url',
  cancel_url: 'cancel_url',
  fail_url: 'fail_url',
  cancelled_amount: 'cancelled_amount',
  tran_dt: 'tran_dt',
  created_at: 'created_at',
  authenticated_at: 'authenticated_at',
  approved_at: 'approved_at',
  expires_at: 'expires_at',
} satisfies Record<keyof RecordRow, string>;

/**
 * A join with the payment of each id, with some columns read otherwise. The limit says that there is one: how many ids come
 * from a page of a size that is only known later, PostgreSQL takes for a share of the table, and would read all of it.
 */
export function paymentOf(id: string, otherwise: Partial<Record<keyof RecordRow, string>> = {}): string {
  const columns = Object.entries({ ...RECORD, ...otherwise }).map(([name, sql]) => `${sql} AS ${name}`);
  return `LATERAL (
        SELECT ${columns.join(', ')} FROM payments JOIN wallets ON wallets.id = wallet_id WHERE payments.id = ${id} LIMIT 1
      )`;
}

/** The payments with these ids, each with its history. */
const DETAILS: Statement = {
  name: 'payment-details',
  text: `
    SELECT n::integer, payment.*, history AS events
    FROM unnest($1::bigint[]) WITH ORDINALITY AS query (id, n),
         ${paymentOf('query.id')} AS payment,
         LATERAL (
           SELECT coalesce(json_agg(e ORDER BY sequence), '[]') AS history FROM (
             SELECT type, (extract(epoch FROM at) * 1000)::bigint AS at, events.amount, sequence
             FROM events WHERE payment_id = payment.id) AS e
         ) AS told`,
};

export interface RecordRow
  extends Pick<
    Payment,
    | 'id'
    | 'cid'
    | 'order_id'
    | 'status'
    | 'category_cd'
    | 'opponent_name'
    | 'item_name'
    | 'item_code'
    | 'member_id'
    | 'quantity'
    | 'amount'
    | 'payment_method_type'
    | 'approval_url'
    | 'cancel_url'
    | 'fail_url'
    | 'tran_dt'
    | 'expires_at'
  > {
  readonly account_last4: string;
  readonly bank_acct_alias: string | null;
  readonly balance: number;
  readonly cancelled_amount: number;
  readonly created_at: Date;
  readonly authenticated_at: Date | null;
  readonly approved_at: Date | null;
}

interface DetailsRow extends RecordRow {
  readonly events: ReadonlyArray<{ type: PaymentEventType; at: number; amount: number; sequence: number }>;
}

/** Reads payments as their merchants see them. */
@Injectable()
export class PaymentRecords {
  private readonly reads: GroupRead<number, DetailsRow>;

  constructor(
    database: Database,
    private readonly ids: PaymentIds,
  ) {
    this.reads = new GroupRead(database, { statement: DETAILS, values: (ids) => [ids] });
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async details(id: number): Promise<PaymentDetails> {
    const row = await this.reads.row(id);
    if (!row) throw new OneQError('PAYMENT_NOT_FOUND');
    return { ...recordOf(row, this.ids.toTid(id)), events: row.events.map(eventOf) };
  }

  /** The payment after it was changed: that it cannot be read now does not undo the change. */
  async detailsAfterChange(id: number): Promise<PaymentDetails> {
    try {
      return await this.details(id);
    } catch (error) {
      if (error instanceof OneQError && error.code === 'SERVICE_UNAVAILABLE') throw unavailable('unknown', error);
      throw error;
    }
  }

  /** Payments as lists and events tell of them. */
  records(rows: readonly RecordRow[]): PaymentRecord[] {
    const tids = this.ids.toTids(rows.map(({ id }) => id));
    return rows.map((row, i) => recordOf(row, tids[i] as string));
  }
}

function recordOf(row: RecordRow, tid: string): PaymentRecord {
  const approved_amount = row.approved_at ? row.amount : 0;
  const open = row.status === 'READY' || row.status === 'AUTHENTICATED';
  return {
    tid,
    cid: row.cid,
    status: row.status,
    category_cd: row.category_cd,
    opponent_name: row.opponent_name,
    item_name: row.item_name,
    item_code: row.item_code,
    member_id: row.member_id,
    order_id: row.order_id,
    quantity: row.quantity,
    amount: row.amount,
    payment_method_type: row.payment_method_type,
    bank_acct_num: `********${row.account_last4}`,
    bank_acct_alias: row.bank_acct_alias,
    balance: row.balance,
    approval_url: row.approval_url,
    cancel_url: row.cancel_url,
    fail_url: row.fail_url,
    approved_amount,
    cancelled_amount: row.cancelled_amount,
    cancel_available_amount: approved_amount - row.cancelled_amount,
    created_at: toSeoulTime(row.created_at),
    authenticated_at: row.authenticated_at && toSeoulTime(row.authenticated_at),
    approved_at: row.approved_at && toSeoulTime(row.approved_at),
    expires_at: open ? toSeoulTime(row.expires_at) : null,
    tran_dt: row.tran_dt,
  };
}

function eventOf({ type, at, amount, sequence }: DetailsRow['events'][number]): PaymentEvent {
  return { type, at: toSeoulTime(new Date(at)), amount, sequence };
}
