import { Injectable } from '@nestjs/common';
import {
  DEFAULT_LIMIT,
  type DeliveryAttempt,
  type DeliveryList,
  type DeliveryStatus,
  type DeliveryType,
  type Executed,
  fromSeoulTime,
  invalidParameter,
  type ListDeliveriesQuery,
  noWebhook,
  OneQError,
  type RedeliverCommand,
  type Redelivered,
  type RedeliverFailedCommand,
  TEST_EVENT_TYPE,
  toSeoulTime,
  type WebhookDelivery,
  type WebhookQuery,
} from '@oneq/contracts';
import { Database, GroupCommit, GroupRead, Once, type Statement, transposed } from '@oneq/database';
import { PaymentIds } from '../ids/payment-ids';
import { DeliveryIds, EventIds } from '../ids/prefixed-ids';
import { type Attempted, CLAIMED_COLUMNS, type ClaimedDelivery, LEASE_SECONDS, WebhookAttempts } from './attempts';
import { fitting } from './fitting';
import { WebhookNudge } from './nudge';
import { SCHEDULE_SECONDS } from './schedule';

/** Deliveries looked at for one page of a status, so that a rare one costs no more than a common one. */
const LOOKED_AT_MAX = 500;
/** Attempts told of one delivery. */
const ATTEMPTS_TOLD = 20;
/** For a test, ms: its answer must be back while the gateway still waits. */
const TEST_TIMEOUT_MS = 2_000;
/** Deliveries sent again by one statement, and statements of one request. */
const REDELIVERED_MAX = 2_000;
const RUNS_MAX = 20;

const DELIVERY_COLUMNS = `
  delivery.id, event_id, payment_id, type, url, delivery.status, next_attempt_at,
  (SELECT coalesce(json_agg(a ORDER BY number), '[]') FROM (
     SELECT number, (extract(epoch FROM at) * 1000)::bigint AS at, http_status, duration_ms, response
     FROM webhook_attempts WHERE delivery_id = delivery.id ORDER BY number DESC LIMIT ${ATTEMPTS_TOLD}) a) AS attempts`;

/**
 * Deliveries of a merchant, newest first, before one: those with the status, one more than are wanted, which tells that more
 * follow. At most `look_at` are looked at; the last of them is told in any case: where the next page goes on when no more than
 * the wanted were found. Bounded and ordered by merchant and id: given one merchant and the order of ids, PostgreSQL may read
 * the primary key instead, and pass by all that other merchants have.
 */
function list(name: string, ofPayment: string): Statement {
  return {
    name,
    text: `
    SELECT n::integer, is_found, is_last, told.*
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
         WITH ORDINALITY AS query (cid, before, look_at, status, wanted, payment_id, n),
    LATERAL (
      SELECT id, is_found, nth = look_at AS is_last
      FROM (
        SELECT id, query.status IS NULL OR webhook_deliveries.status = query.status AS is_found,
               row_number() OVER (ORDER BY webhook_deliveries.cid DESC, id DESC) AS nth
        FROM webhook_deliveries
        WHERE webhook_deliveries.cid >= query.cid AND (webhook_deliveries.cid, id) < (query.cid, before) ${ofPayment}
        ORDER BY webhook_deliveries.cid DESC, id DESC LIMIT look_at
      ) AS looked_at
      WHERE is_found OR nth = look_at
      ORDER BY id DESC LIMIT wanted + 1
    ) AS listed,
    LATERAL (
      SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries delivery WHERE delivery.id = listed.id LIMIT 1
    ) AS told
    ORDER BY n, told.id DESC`,
  };
}

const LIST = list('list-deliveries', '');
const LIST_OF_PAYMENT = list('list-deliveries-of-payment', 'AND webhook_deliveries.payment_id = query.payment_id');

const FIND: Statement = {
  name: 'find-deliveries',
  text: `
    SELECT n::integer, told.* FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS query (id, cid, n), LATERAL (
      SELECT ${DELIVERY_COLUMNS} FROM webhook_deliveries delivery
      WHERE delivery.id = query.id AND delivery.cid = query.cid LIMIT 1
    ) AS told`,
};

/**
 * Starts a test of each of these merchants, each named once. A test is attempted once: it stands at the end of its schedule.
 * Taken at once, and by a worker if this process dies.
 */
const START_TESTS: Statement = {
  name: 'start-webhook-tests',
  text: `
    WITH command AS (
      SELECT * FROM unnest($1::text[]) WITH ORDINALITY AS command (cid, n)
    ), delivery AS (
      INSERT INTO webhook_deliveries (endpoint_id, cid, url, type, tries, claims, next_attempt_at)
      SELECT id, cid, url, '${TEST_EVENT_TYPE}', ${SCHEDULE_SECONDS.length}, 1, now() + interval '${LEASE_SECONDS} seconds'
      FROM command JOIN webhook_endpoints USING (cid) WHERE deleted_at IS NULL
      RETURNING *
    )
    SELECT n::integer, ${CLAIMED_COLUMNS}
    FROM delivery JOIN webhook_endpoints endpoint ON endpoint.id = endpoint_id JOIN command ON command.cid = delivery.cid`,
};

const AGAIN = `
  status = 'pending', next_attempt_at = now(), tries = CASE WHEN event_id IS NULL THEN ${SCHEDULE_SECONDS.length} ELSE 0 END`;

const REDELIVER: Statement = {
  name: 'redeliver-webhook',
  text: `
    UPDATE webhook_deliveries delivery SET ${AGAIN}, url = endpoint.url
    FROM webhook_endpoints endpoint
    WHERE delivery.id = $1 AND delivery.cid = $2 AND endpoint.id = endpoint_id AND enabled
    RETURNING delivery.id`,
};

/** {@link REDELIVER} of many at once, with arrays for its values, passing by what somebody else has locked. */
const REDELIVER_TOGETHER: Statement = {
  name: 'redeliver-webhooks',
  text: `
    WITH command AS (
      SELECT command.* FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS command (id, cid, n), LATERAL (
        SELECT FROM webhook_deliveries delivery WHERE delivery.id = command.id AND delivery.cid = command.cid
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS locked
    )
    UPDATE webhook_deliveries delivery SET ${AGAIN}, url = endpoint.url
    FROM command, webhook_endpoints endpoint
    WHERE delivery.id = command.id AND endpoint.id = endpoint_id AND enabled
    RETURNING n::integer, delivery.id`,
};

/** Sends the failed deliveries since $2 again, ${REDELIVERED_MAX} at most; in the order of an index of the merchant, as {@link list}. */
const REDELIVER_FAILED: Statement = {
  name: 'redeliver-failed-webhooks',
  text: `
    WITH endpoint AS (
      SELECT id, url FROM webhook_endpoints WHERE cid = $1 AND enabled
    ), delivery AS (
      UPDATE webhook_deliveries delivery SET ${AGAIN}, url = endpoint.url
      FROM endpoint
      WHERE status = 'failed' AND delivery.id IN (
        SELECT id FROM webhook_deliveries
        WHERE cid BETWEEN $1 AND $1 AND status = 'failed' AND event_id IS NOT NULL AND created_at >= to_timestamp($2)
        ORDER BY cid, id LIMIT ${REDELIVERED_MAX})
      RETURNING delivery.id
    )
    SELECT (SELECT count(*) FROM delivery) AS count FROM endpoint`,
};

interface DeliveryRow {
  readonly id: number;
  readonly event_id: number | null;
  readonly payment_id: number | null;
  readonly type: DeliveryType;
  readonly url: string;
  readonly status: DeliveryStatus;
  readonly next_attempt_at: Date | null;
  readonly attempts: ReadonlyArray<Omit<DeliveryAttempt, 'at'> & { at: number }>;
}

interface ListRow extends DeliveryRow {
  /** It is of the list, and not only the last one looked at. */
  readonly is_found: boolean;
  readonly is_last: boolean;
}

/** The log of deliveries, and what a merchant can ask for: a test, and to have something sent again. */
@Injectable()
export class WebhookDeliveries {
  private readonly all: GroupRead<readonly unknown[], ListRow>;
  private readonly ofPayment: GroupRead<readonly unknown[], ListRow>;
  private readonly finds: GroupRead<readonly [id: number, cid: string], DeliveryRow>;
  private readonly tests: GroupCommit<string, ClaimedDelivery>;
  private readonly redeliveries: GroupCommit<readonly [id: number, cid: string], { id: number }>;

  constructor(
    private readonly database: Database,
    private readonly once: Once,
    private readonly attempts: WebhookAttempts,
    private readonly nudge: WebhookNudge,
    private readonly ids: DeliveryIds,
    private readonly eventIds: EventIds,
    private readonly paymentIds: PaymentIds,
  ) {
    this.all = new GroupRead(database, { statement: LIST, values: transposed });
    this.ofPayment = new GroupRead(database, { statement: LIST_OF_PAYMENT, values: transposed });
    this.finds = new GroupRead<readonly [number, string], DeliveryRow>(database, {
      statement: FIND,
      values: transposed,
    });
    this.tests = new GroupCommit(database, {
      statement: START_TESTS,
      values: (cids) => [cids],
      key: (cid) => cid,
      alone: async (cid) => (await database.run<ClaimedDelivery>(START_TESTS, [[cid]]))[0],
    });
    this.redeliveries = new GroupCommit<readonly [number, string], { id: number }>(database, {
      statement: REDELIVER_TOGETHER,
      values: transposed,
      key: ([id]) => String(id),
      alone: async (place) => (await database.run<{ id: number }>(REDELIVER, place))[0],
    });
  }

  /** @throws {OneQError} INVALID_PARAMETER for a cursor that no list gave */
  async list(query: ListDeliveriesQuery): Promise<DeliveryList> {
    const { cid, status, tid, limit = DEFAULT_LIMIT } = query;
    const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : this.placeOf(query.cursor);
    const payment = tid === undefined ? undefined : this.paymentIds.toId(tid);
    if (payment === null) return { data: [], next_cursor: null };
    const lookAt = status === undefined ? limit + 1 : LOOKED_AT_MAX;
    const values = [cid, before, lookAt, status ?? null, limit, payment ?? null];
    const rows = await (payment === undefined ? this.all : this.ofPayment).rows(values);
    const found = rows.filter(({ is_found }) => is_found);
    const data = fitting(this.deliveriesOf(found.slice(0, limit)));
    const last = rows.at(-1);
    const goesOnAfter = data.length < found.length ? found[data.length - 1] : last?.is_last ? last : undefined;
    return { data, next_cursor: goesOnAfter ? this.ids.toText(goesOnAfter.id) : null };
  }

  /** Sends `webhook.test` now, also to a webhook that is off, and tells what came of it. @throws {OneQError} NOT_FOUND */
  async test({ cid }: WebhookQuery): Promise<Executed<WebhookDelivery>> {
    // Only that there is a test is one with the Idempotency-Key: no transaction stays open while somebody else is asked.
    const { answer: test, replayed } = await this.once.run(async () => {
      const started = await this.tests.run(cid);
      if (!started) throw noWebhook();
      return started;
    });
    const attempted = replayed ? undefined : await this.attempts.makeTest(test, TEST_TIMEOUT_MS);
    return { answer: attempted ? this.testOf(test, attempted) : await this.find(test.id, cid), replayed };
  }

  /** Sends one again, now and if need be on a new schedule. @throws {OneQError} NOT_FOUND */
  async redeliver({ cid, id: text }: RedeliverCommand): Promise<WebhookDelivery> {
    const id = this.ids.toId(text);
    const again = id === null ? undefined : await this.redeliveries.run([id, cid]);
    if (!again) throw new OneQError('NOT_FOUND');
    const delivery = await this.find(again.id, cid);
    this.database.afterCommit(() => this.nudge.nudge());
    return delivery;
  }

  /** Sends all that failed since again. @throws {OneQError} NOT_FOUND when no webhook is enabled */
  async redeliverFailed({ cid, since }: RedeliverFailedCommand): Promise<Redelivered> {
    const seconds = since === undefined ? 0 : (fromSeoulTime(since)?.getTime() ?? 0) / 1_000;
    let redelivered = 0;
    for (let run = 0; run < RUNS_MAX; run += 1) {
      const [again] = await this.database.run<{ count: number }>(REDELIVER_FAILED, [cid, seconds]);
      if (!again) throw noWebhook();
      redelivered += again.count;
      if (again.count < REDELIVERED_MAX) break;
    }
    this.database.afterCommit(() => this.nudge.nudge());
    return { redelivered };
  }

  /** A test after its attempt, which is the only one. */
  private testOf(
    { id, url }: ClaimedDelivery,
    { status, at, http_status, duration_ms, response }: Attempted,
  ): WebhookDelivery {
    const attempts = [{ at: at.getTime(), http_status, duration_ms, response }];
    const row: DeliveryRow = {
      id,
      event_id: null,
      payment_id: null,
      type: TEST_EVENT_TYPE,
      url,
      status,
      next_attempt_at: null,
      attempts,
    };
    return this.deliveryOf(row);
  }

  private async find(id: number, cid: string): Promise<WebhookDelivery> {
    const row = await this.finds.row([id, cid]);
    if (!row) throw new Error('a delivery that was written is not there');
    return this.deliveryOf(row);
  }

  private placeOf(cursor: string): number {
    const id = this.ids.toId(cursor);
    if (id !== null) return id;
    const format = { ko: '앞 응답의 next_cursor', en: 'next_cursor of the answer before' };
    throw invalidParameter({ field: 'cursor', code: 'INVALID_FORMAT', params: { format } });
  }

  private deliveryOf(row: DeliveryRow): WebhookDelivery {
    return this.deliveriesOf([row])[0] as WebhookDelivery;
  }

  private deliveriesOf(rows: readonly DeliveryRow[]): WebhookDelivery[] {
    const ids = this.ids.toTexts(rows.map(({ id }) => id));
    const eventIds = this.eventIds.toTexts(rows.map(({ event_id }) => event_id ?? 0));
    const tids = this.paymentIds.toTids(rows.map(({ payment_id }) => payment_id ?? 0));
    return rows.map(({ event_id, payment_id, type, url, status, attempts, next_attempt_at }, i) => {
      const id = ids[i] as string;
      return {
        id,
        event_id: event_id === null ? id : (eventIds[i] as string),
        type,
        tid: payment_id === null ? null : (tids[i] as string),
        url,
        status,
        attempts: attempts.map(({ at, http_status, duration_ms, response }) => ({
          at: toSeoulTime(new Date(at)),
          http_status,
          duration_ms,
          response,
        })),
        next_attempt_at: next_attempt_at && toSeoulTime(next_attempt_at),
      };
    });
  }
}
