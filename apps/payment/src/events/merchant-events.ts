import { Injectable } from '@nestjs/common';
import {
  DEFAULT_LIMIT,
  type EventList,
  invalidParameter,
  type ListEventsQuery,
  type MerchantEvent,
  type OneQError,
  type PaymentEventType,
  type PaymentRecord,
} from '@oneq/contracts';
import { Database, GroupRead, type Statement, transposed } from '@oneq/database';
import { EventIds } from '../ids/prefixed-ids';
import { PaymentRecords, paymentOf, type RecordRow } from '../payments/payment-records';

/** How long the feed goes back (contract). */
const KEPT = `interval '90 days'`;

/**
 * What is told of an event, from the CTE or table `event`: the payment as it was right after it, so that later events leave no
 * trace. `past` are the payment's events until then, which are in the order of `sequence`, not of time. Before the approval a
 * cancellation gives nothing back.
 */
const EVENT_COLUMNS = 'payment.*, event.id AS event_id, event.type, event.at, event.sequence';
const PAYMENT_THEN = `LATERAL (
        SELECT bool_or(type = 'payment.authenticated') AS authenticated, bool_or(type = 'payment.approved') AS approved,
               coalesce(sum(amount) FILTER (WHERE type = 'payment.cancelled'), 0)::bigint AS cancelled
        FROM events WHERE payment_id = event.payment_id AND sequence <= event.sequence
      ) AS past,
      ${paymentOf('event.payment_id', {
        status: 'event.status',
        payment_method_type: 'CASE WHEN past.authenticated THEN payment_method_type ELSE permitted_method_type END',
        authenticated_at: 'CASE WHEN past.authenticated THEN authenticated_at END',
        approved_at: 'CASE WHEN past.approved THEN approved_at END',
        tran_dt: 'CASE WHEN past.approved THEN tran_dt END',
        cancelled_amount: 'CASE WHEN past.approved THEN past.cancelled ELSE 0 END',
      })} AS payment`;

const BY_IDS: Statement = {
  name: 'events-by-ids',
  text: `SELECT ${EVENT_COLUMNS} FROM unnest($1::bigint[]) AS wanted JOIN events AS event ON event.id = wanted, ${PAYMENT_THEN}`,
};

/**
 * The events of a merchant that come after the event `after`, at most `wanted`. Those of transactions that may still be open
 * are not given, nor any that come after one: an event that commits late keeps its place before them. A query whose `after`
 * is no event of the merchant gets one row, with `is_lost`; one without events gets a row without an event.
 */
const AFTER: Statement = {
  name: 'events-after',
  text: `
    SELECT n::integer, query.after IS NOT NULL AND place.id IS NULL AS is_lost, page.*
    FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS query (cid, after, wanted, n)
         LEFT JOIN events AS place ON place.id = query.after AND place.cid = query.cid
         LEFT JOIN LATERAL (
           WITH event AS MATERIALIZED (
             SELECT * FROM events
             WHERE events.cid = query.cid AND (xid, id) > (coalesce(place.xid, '0'), coalesce(place.id, 0))
               AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND at > now() - ${KEPT}
             ORDER BY xid, id LIMIT wanted
           )
           SELECT ${EVENT_COLUMNS}, event.xid::text::bigint AS event_xid FROM event, ${PAYMENT_THEN}
         ) AS page ON query.after IS NULL OR place.id IS NOT NULL
    ORDER BY n, event_xid, event_id`,
};

interface EventRow extends RecordRow {
  readonly event_id: number;
  readonly type: PaymentEventType;
  readonly at: Date;
  readonly sequence: number;
}

interface PageRow extends Omit<EventRow, 'event_id'> {
  /** null when nothing was found. */
  readonly event_id: number | null;
  readonly is_lost: boolean;
}

/** Whose events, after the event of this id, at most how many. */
type Query = readonly [cid: string, after: number | null, wanted: number];

/** The events of payments as their merchants get them: the webhooks and the feed give the same, for ever. */
@Injectable()
export class MerchantEvents {
  private readonly pages: GroupRead<Query, PageRow>;

  constructor(
    private readonly database: Database,
    private readonly records: PaymentRecords,
    private readonly ids: EventIds,
  ) {
    this.pages = new GroupRead<Query, PageRow>(database, { statement: AFTER, values: transposed });
  }

  /** The merchant's events in order. @throws {OneQError} INVALID_PARAMETER when `after` is no event of this merchant */
  async list({ cid, after, limit = DEFAULT_LIMIT }: ListEventsQuery): Promise<EventList> {
    const place = after === undefined ? null : this.ids.toId(after);
    if (after !== undefined && place === null) throw noSuchEvent();
    const rows = await this.pages.rows([cid, place, limit]);
    if (rows[0]?.is_lost) throw noSuchEvent();
    const found = rows.filter((row): row is PageRow & EventRow => row.event_id !== null);
    const data = this.eventsOf(found);
    return { data, next_after: data.at(-1)?.id ?? after ?? null };
  }

  /** Events by their internal ids. */
  async byIds(ids: readonly number[]): Promise<ReadonlyMap<number, MerchantEvent>> {
    const rows = await this.database.run<EventRow>(BY_IDS, [ids]);
    const events = this.eventsOf(rows);
    return new Map(rows.map((row, i) => [row.event_id, events[i] as MerchantEvent]));
  }

  private eventsOf(rows: readonly EventRow[]): MerchantEvent[] {
    const ids = this.ids.toTexts(rows.map(({ event_id }) => event_id));
    const records = this.records.records(rows);
    return rows.map(({ type, at, sequence }, i) => ({
      id: ids[i] as string,
      type,
      timestamp: at.toISOString(),
      data: Object.assign(records[i] as PaymentRecord, { sequence }), // which was made for this: no copy
    }));
  }
}

function noSuchEvent(): OneQError {
  const format = { ko: '이 가맹점의 이벤트 id', en: "the id of one of this merchant's events" };
  return invalidParameter({ field: 'after', code: 'INVALID_FORMAT', params: { format } });
}
