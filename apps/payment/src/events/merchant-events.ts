import { Injectable } from '@nestjs/common';
import {
  DEFAULT_LIMIT,
  type EventList,
  invalidParameter,
  type ListEventsQuery,
  type MerchantEvent,
  type PaymentEventType,
  type PaymentStatus,
} from '@oneq/contracts';
import { Database, type Statement } from '@oneq/service-kit';
import { EventIds } from '../ids/prefixed-ids';
import { PaymentRecords, RECORD_COLUMNS, type RecordRow } from '../payments/payment-records';
import { fitting } from './fitting';

/** How long the feed goes back (contract). */
const KEPT = `interval '90 days'`;

/** An event with its payment and the payment's whole history, for each id in the CTE `wanted`. */
const EVENTS = `
    SELECT ${RECORD_COLUMNS}, permitted_method_type, event.id AS event_id, event.sequence,
           ARRAY(SELECT row_to_json(e) FROM (
             SELECT type, (extract(epoch FROM at) * 1000)::bigint AS at, status, events.amount, sequence
             FROM events WHERE payment_id = payments.id ORDER BY sequence) e) AS history
    FROM wanted JOIN events event ON event.id = wanted.id
         JOIN payments ON payments.id = event.payment_id JOIN wallets ON wallets.id = wallet_id`;

const BY_IDS: Statement = {
  name: 'events-by-ids',
  text: `WITH wanted AS (SELECT unnest($1::bigint[]) AS id) ${EVENTS}`,
};

/**
 * The events of a merchant that come after $3 of the transaction $2. Those of transactions that may still be open are not
 * given, nor any that come after one: an event that commits late keeps its place before them.
 */
const AFTER: Statement = {
  name: 'events-after',
  text: `
    WITH wanted AS (
      SELECT id, xid FROM events
      WHERE cid = $1 AND (xid, id) > ($2::xid8, $3::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        AND at > now() - ${KEPT}
      ORDER BY xid, id LIMIT $4
    ) ${EVENTS}
    ORDER BY wanted.xid, wanted.id`,
};

const TRANSACTION_OF: Statement = {
  name: 'transaction-of-event',
  text: 'SELECT xid::text FROM events WHERE id = $1 AND cid = $2',
};

/** One change of a payment's state. */
export interface HistoryEntry {
  readonly type: PaymentEventType;
  /** ms since 1970. */
  readonly at: number;
  readonly status: PaymentStatus;
  readonly amount: number;
  readonly sequence: number;
}

interface EventRow extends RecordRow {
  readonly permitted_method_type: RecordRow['payment_method_type'];
  readonly event_id: number;
  readonly sequence: number;
  readonly history: readonly HistoryEntry[];
}

/** The events of payments as their merchants get them: the webhooks and the feed give the same, for ever. */
@Injectable()
export class MerchantEvents {
  constructor(
    private readonly database: Database,
    private readonly records: PaymentRecords,
    private readonly ids: EventIds,
  ) {}

  /** The merchant's events in order. @throws {OneQError} INVALID_PARAMETER when `after` is no event of this merchant */
  async list({ cid, after, limit = DEFAULT_LIMIT }: ListEventsQuery): Promise<EventList> {
    const place = after === undefined ? { xid: '0', id: 0 } : await this.placeOf(after, cid);
    const rows = await this.database.run<EventRow>(AFTER, [cid, place.xid, place.id, limit]);
    const data = fitting(rows.map((row) => this.eventOf(row)));
    return { data, next_after: data.at(-1)?.id ?? after ?? null };
  }

  /** Events by their internal ids. */
  async byIds(ids: readonly number[]): Promise<ReadonlyMap<number, MerchantEvent>> {
    const rows = await this.database.run<EventRow>(BY_IDS, [ids]);
    return new Map(rows.map((row) => [row.event_id, this.eventOf(row)]));
  }

  private async placeOf(after: string, cid: string): Promise<{ xid: string; id: number }> {
    const id = this.ids.toId(after);
    const [found] = id === null ? [] : await this.database.run<{ xid: string }>(TRANSACTION_OF, [id, cid]);
    if (id !== null && found) return { xid: found.xid, id };
    const format = { ko: '이 가맹점의 이벤트 id', en: "the id of one of this merchant's events" };
    throw invalidParameter({ field: 'after', code: 'INVALID_FORMAT', params: { format } });
  }

  private eventOf(row: EventRow): MerchantEvent {
    const event = row.history.find(({ sequence }) => sequence === row.sequence);
    if (!event) throw new Error('an event is missing in the history of its payment');
    return {
      id: this.ids.toText(row.event_id),
      type: event.type,
      timestamp: new Date(event.at).toISOString(),
      data: { ...this.records.record(paymentAt(row, row.history, row.sequence)), sequence: row.sequence },
    };
  }
}

/** The payment as it was right after the event of this sequence number: later events leave no trace in it. */
export function paymentAt<Row extends RecordRow & Pick<EventRow, 'permitted_method_type'>>(
  now: Row,
  history: readonly HistoryEntry[],
  sequence: number,
): Row {
  const past = history.filter((event) => event.sequence <= sequence);
  const authenticated = past.some(({ type }) => type === 'payment.authenticated');
  const approval = past.findIndex(({ type }) => type === 'payment.approved');
  const approved = approval >= 0;
  // Before the approval a cancellation gives nothing back.
  const refunds = approved ? past.slice(approval).filter(({ type }) => type === 'payment.cancelled') : [];
  return {
    ...now,
    status: past.at(-1)?.status ?? 'READY',
    payment_method_type: authenticated ? now.payment_method_type : now.permitted_method_type,
    authenticated_at: authenticated ? now.authenticated_at : null,
    approved_at: approved ? now.approved_at : null,
    tran_dt: approved ? now.tran_dt : null,
    cancelled_amount: refunds.reduce((sum, { amount }) => sum + amount, 0),
  };
}
