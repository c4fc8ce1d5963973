import { Injectable } from '@nestjs/common';
import {
  DEFAULT_LIMIT,
  fromSeoulTime,
  invalidParameter,
  type ListPaymentsQuery,
  type PaymentList,
} from '@oneq/contracts';
import { Database, GroupRead, type Statement, transposed } from '@oneq/database';
import { PaymentIds } from '../ids/payment-ids';
import { PaymentRecords, paymentOf, type RecordRow } from './payment-records';

/** Payments looked at for one page of a status, so that a rare one costs no more than a common one. */
const LOOKED_AT_MAX = 500;

/**
 * A merchant's payments, newest first, within some time and before the place of an earlier page: those with the status, one
 * more than are wanted, which tells that more follow. At most `look_at` are looked at; the last of them is told in any case:
 * the place where the next page goes on when no more than the wanted were found. Looking ends with the last one told, for
 * which PostgreSQL must not sort. Times in µs since 1970.
 */
function list(name: string, ofOrder: string): Statement {
  const instant = (value: string) => `'epoch'::timestamptz + ${value} * interval '1 microsecond'`;
  return {
    name,
    text: `
    SELECT n::integer, is_found, is_last, (extract(epoch FROM payment.created_at) * 1000000)::bigint AS created_micros, payment.*
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
                $9::text[])
         WITH ORDINALITY AS query (cid, since, before, place_at, place_id, look_at, status, wanted, order_id, n),
    LATERAL (
      SELECT id, is_found, nth = look_at AS is_last
      FROM (
        SELECT id, created_at, query.status IS NULL OR payments.status = query.status AS is_found,
               row_number() OVER (ORDER BY created_at DESC, id DESC) AS nth
        FROM payments
        WHERE payments.cid = query.cid AND created_at >= ${instant('since')} AND created_at < ${instant('before')}
          AND (created_at, id) < (${instant('place_at')}, place_id) ${ofOrder}
        ORDER BY created_at DESC, id DESC LIMIT look_at
      ) AS looked_at
      WHERE is_found OR nth = look_at
      ORDER BY created_at DESC, id DESC LIMIT wanted + 1
    ) AS told,
    ${paymentOf('told.id')} AS payment
    ORDER BY n, payment.created_at DESC, payment.id DESC`,
  };
}

const LIST = list('list-payments', '');
const LIST_OF_ORDER = list('list-payments-of-order', 'AND payments.order_id = query.order_id');

interface ListRow extends RecordRow {
  readonly created_micros: number;
  /** It is of the list, and not only the last one looked at. */
  readonly is_found: boolean;
  readonly is_last: boolean;
}

/** A place in the order of the list: after the payment of this time and id. */
interface Place {
  readonly at: number;
  readonly id: number;
}

const SECOND = 1_000_000;
/** Before it comes every payment of this century. */
const LATEST: Place = { at: 4_102_444_800 * SECOND, id: 0 };

/** Lists a merchant's payments in pages, each of the same cost however far down. */
@Injectable()
export class ListPayments {
  private readonly all: GroupRead<readonly unknown[], ListRow>;
  private readonly ofOrder: GroupRead<readonly unknown[], ListRow>;

  constructor(
    database: Database,
    private readonly records: PaymentRecords,
    private readonly ids: PaymentIds,
  ) {
    this.all = new GroupRead(database, { statement: LIST, values: transposed });
    this.ofOrder = new GroupRead(database, { statement: LIST_OF_ORDER, values: transposed });
  }

  /** @throws {OneQError} INVALID_PARAMETER for a cursor that no list gave */
  async list(query: ListPaymentsQuery): Promise<PaymentList> {
    const { cid, order_id, status, limit = DEFAULT_LIMIT } = query;
    const place = query.cursor === undefined ? LATEST : this.placeOf(query.cursor);
    const lookAt = status === undefined ? limit + 1 : LOOKED_AT_MAX;
    const from = query.from === undefined ? 0 : microsOf(query.from);
    // The index is entered at the time of the place: with a later bound it would be read down to there, row by row.
    const to = Math.min(query.to === undefined ? LATEST.at : microsOf(query.to) + SECOND, place.at + 1);
    const values = [cid, from, to, place.at, place.id, lookAt, status ?? null, limit, order_id ?? null];
    const rows = await (order_id === undefined ? this.all : this.ofOrder).rows(values);
    const found = rows.filter(({ is_found }) => is_found);
    const last = rows.at(-1);
    const page = found.slice(0, limit);
    const goesOnAfter = page.length < found.length ? page.at(-1) : last?.is_last ? last : undefined;
    return { data: this.records.records(page), next_cursor: goesOnAfter ? this.cursorOf(goesOnAfter) : null };
  }

  /** Names the payment by its tid, so that it tells nothing of how many there are. */
  private cursorOf({ created_micros, id }: ListRow): string {
    return Buffer.from(`${created_micros}.${this.ids.toTid(id)}`).toString('base64url');
  }

  private placeOf(cursor: string): Place {
    const [, at, tid] =
      /^([0-9]{1,16})\.([0-9]{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
    const id = tid === undefined ? null : this.ids.toId(tid);
    if (id !== null && Number(at) <= LATEST.at) return { at: Number(at), id };
    const format = { ko: '앞 응답의 next_cursor', en: 'next_cursor of the answer before' };
    throw invalidParameter({ field: 'cursor', code: 'INVALID_FORMAT', params: { format } });
  }
}

/** @param text a time that its form has found to exist */
function microsOf(text: string): number {
  return (fromSeoulTime(text)?.getTime() ?? 0) * 1_000;
}
