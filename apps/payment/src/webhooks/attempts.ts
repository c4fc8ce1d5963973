import { Inject, Injectable } from '@nestjs/common';
import { type DeliveryStatus, TEST_EVENT_TYPE } from '@oneq/contracts';
import { Database, GroupCommit, type Statement, transposed } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { Counter } from 'prom-client';
import { MerchantEvents } from '../events/merchant-events';
import { DeliveryIds } from '../ids/prefixed-ids';
import { type Outcome, post } from './post';
import { secondsToNext } from './schedule';
import { resolveHost } from './target';
import { type SecretVersion, WebhookSecrets } from './webhook-secrets';

const attemptsMade = new Counter({
  name: 'oneq_webhook_attempts_total',
  help: 'Attempts to deliver a webhook, by what became of the delivery',
  labelNames: ['status'] as const,
});

/** For one attempt in all, ms. */
export const ATTEMPT_TIMEOUT_MS = 5_000;
/** How long a worker keeps what it took, s; then another one may take it. */
export const LEASE_SECONDS = 15;
/** Later than this after it was taken, ms, an attempt is not begun: it might still run when another worker's begins. */
const BEGIN_WITHIN_MS = LEASE_SECONDS * 1_000 - ATTEMPT_TIMEOUT_MS - 2_000;
/** A webhook that has failed for so long, with no success in between, is turned off (contract). */
const FAILING_MAX = `interval '3 days'`;

/** Columns of a {@link ClaimedDelivery}. */
export const CLAIMED_COLUMNS = `
  delivery.id, delivery.cid, delivery.url, delivery.event_id, delivery.endpoint_id, delivery.claims,
  delivery.attempts_made, delivery.tries, delivery.created_at, endpoint.private_allowed,
  endpoint.secret_version, endpoint.key_version,
  CASE WHEN endpoint.old_secret_until > now() THEN endpoint.old_secret_version END AS old_secret_version,
  endpoint.old_key_version`;

/** A delivery that this process has taken and nobody else may attempt for a while. */
export interface ClaimedDelivery {
  readonly id: number;
  readonly cid: string;
  readonly url: string;
  /** null for a test. */
  readonly event_id: number | null;
  readonly endpoint_id: number;
  readonly claims: number;
  readonly attempts_made: number;
  readonly tries: number;
  readonly created_at: Date;
  readonly private_allowed: boolean;
  readonly secret_version: number;
  readonly key_version: number;
  readonly old_secret_version: number | null;
  readonly old_key_version: number | null;
}

/**
 * Writes down an attempt at the delivery $1: status $4 (null without an answer), after $5 ms, with the answer $6. A failed
 * one comes again after $7 seconds, or is the last when that is null. No row comes back when another worker has taken the
 * delivery ($2) or written an attempt ($3) since. One that was ended meanwhile stays so, unless it has arrived. A success
 * proves that the webhook works; 410, or three days of failures, turn it off. A test proves nothing by failing.
 */
const RECORD: Statement = {
  name: 'record-webhook-attempt',
  text: `
    WITH outcome AS (
      SELECT $4::smallint AS http_status, coalesce($4::smallint BETWEEN 200 AND 299, false) AS arrived,
             coalesce($4::smallint = 410, false) AS gone, $7::double precision AS again_after
    ), delivery AS (
      UPDATE webhook_deliveries delivery SET
        attempts_made = attempts_made + 1, tries = tries + 1,
        status = CASE WHEN arrived THEN 'delivered' WHEN gone OR again_after IS NULL THEN 'failed' ELSE status END,
        next_attempt_at = CASE WHEN NOT arrived AND NOT gone AND status = 'pending'
                               THEN now() + make_interval(secs => again_after) END
      FROM outcome
      WHERE delivery.id = $1 AND claims = $2 AND attempts_made = $3
      RETURNING delivery.id, endpoint_id, event_id, attempts_made, status
    ), attempt AS (
      INSERT INTO webhook_attempts (delivery_id, number, at, http_status, duration_ms, response)
      SELECT id, attempts_made, now() - $5::integer * interval '1 millisecond', http_status, $5, $6
      FROM delivery, outcome
      RETURNING at
    ), endpoint AS (
      UPDATE webhook_endpoints endpoint SET
        failing_since = CASE WHEN NOT arrived THEN coalesce(failing_since, now()) END,
        enabled = enabled AND NOT gone AND (arrived OR failing_since IS NULL OR failing_since > now() - ${FAILING_MAX})
      FROM delivery, outcome
      WHERE endpoint.id = endpoint_id
        AND CASE WHEN arrived THEN failing_since IS NOT NULL
                 ELSE gone OR (event_id IS NOT NULL
                               AND (failing_since IS NULL OR failing_since <= now() - ${FAILING_MAX})) END
      RETURNING endpoint.id, enabled
    )
    SELECT status, at, (SELECT enabled FROM endpoint) AS enabled FROM delivery, attempt`,
};

/**
 * {@link RECORD} for many attempts that have arrived, with arrays for its values, at webhooks that are failing none. It passes
 * by whatever somebody else has locked.
 */
const RECORD_ARRIVALS: Statement = {
  name: 'record-webhook-arrivals',
  text: `
    WITH arrival AS (
      SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::smallint[], $5::integer[], $6::text[])
      WITH ORDINALITY AS arrival (id, claims, attempts_made, http_status, duration_ms, response, n)
    ), taken AS (
      SELECT arrival.* FROM arrival, LATERAL (
        SELECT endpoint_id FROM webhook_deliveries delivery
        WHERE delivery.id = arrival.id AND delivery.claims = arrival.claims
          AND delivery.attempts_made = arrival.attempts_made
        FOR NO KEY UPDATE SKIP LOCKED
      ) AS locked JOIN webhook_endpoints endpoint ON endpoint.id = endpoint_id AND failing_since IS NULL
      WHERE http_status BETWEEN 200 AND 299
    ), delivery AS (
      UPDATE webhook_deliveries delivery SET
        attempts_made = delivery.attempts_made + 1, tries = tries + 1, status = 'delivered', next_attempt_at = NULL
      FROM taken
      WHERE delivery.id = taken.id AND delivery.claims = taken.claims AND delivery.attempts_made = taken.attempts_made
      RETURNING n, delivery.id, delivery.attempts_made AS number, now() - duration_ms * interval '1 millisecond' AS at,
                http_status, duration_ms, response
    ), attempt AS (
      INSERT INTO webhook_attempts (delivery_id, number, at, http_status, duration_ms, response)
      SELECT id, number, at, http_status, duration_ms, response FROM delivery
    )
    SELECT n::integer, 'delivered' AS status, at, NULL::boolean AS enabled FROM delivery`,
};

/** What an attempt that began at a time has made of its delivery and, if it changed, of its webhook. */
interface Recorded {
  readonly status: DeliveryStatus;
  readonly at: Date;
  readonly enabled: boolean | null;
}

/** An attempt that was made and written down. */
export interface Attempted extends Outcome, Recorded {}

/** An attempt that was made. */
interface Made {
  readonly delivery: ClaimedDelivery;
  readonly outcome: Outcome;
}

/** Makes attempts to deliver: signs, posts, writes down what came of it. */
@Injectable()
export class WebhookAttempts {
  private readonly arrivals: GroupCommit<Made, Recorded>;

  constructor(
    private readonly database: Database,
    private readonly events: MerchantEvents,
    private readonly secrets: WebhookSecrets,
    private readonly ids: DeliveryIds,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.arrivals = new GroupCommit(database, {
      statement: RECORD_ARRIVALS,
      values: (made) => transposed(made.map((one) => valuesOf(one).slice(0, -1))),
      key: ({ delivery }) => String(delivery.id),
      alone: (made) => this.recordAlone(made),
    });
  }

  /**
   * One attempt at each of these; none waits for another. Resolves when all are written down, and never rejects: what
   * could not be attempted or written down comes again.
   * @param ended called as each one is through
   */
  async make(
    deliveries: readonly ClaimedDelivery[],
    ended: (delivery: ClaimedDelivery) => void = () => {},
  ): Promise<void> {
    // Nobody would hear that their contents cannot be read, which ends the process.
    if (deliveries.length === 0) return;
    const claimedAt = performance.now();
    const bodies = this.bodiesOf(deliveries);
    await Promise.all(
      deliveries.map(async (delivery) => {
        try {
          const message = (await bodies).get(delivery.id);
          if (message && performance.now() - claimedAt < BEGIN_WITHIN_MS) await this.attempt(delivery, message);
        } catch (err) {
          this.failed(delivery, err);
        } finally {
          ended(delivery);
        }
      }),
    );
  }

  /**
   * One attempt at a test. Never rejects.
   * @param timeoutMs for the attempt
   * @returns undefined when it could not be attempted or written down
   */
  async makeTest(delivery: ClaimedDelivery, timeoutMs: number): Promise<Attempted | undefined> {
    try {
      return await this.attempt(delivery, this.testOf(delivery), timeoutMs);
    } catch (err) {
      this.failed(delivery, err);
      return undefined;
    }
  }

  private failed({ id }: ClaimedDelivery, err: unknown): void {
    this.log.error({ err, delivery: this.ids.toText(id) }, 'could not attempt a webhook');
  }

  private async attempt(
    delivery: ClaimedDelivery,
    { id, body }: Message,
    timeoutMs = ATTEMPT_TIMEOUT_MS,
  ): Promise<Attempted | undefined> {
    const { cid, url, private_allowed: privateAllowed } = delivery;
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'OneQ-Pay-Webhooks/1.0',
      ...this.secrets.headers(cid, secretsOf(delivery), id, new Date(), body),
    };
    const outcome = await post({ url, headers, body, privateAllowed, timeoutMs }, resolveHost);
    const recorded = await this.record({ delivery, outcome });
    return recorded && { ...outcome, ...recorded };
  }

  private async recordAlone(made: Made): Promise<Recorded | undefined> {
    return (await this.database.run<Recorded>(RECORD, valuesOf(made)))[0];
  }

  private async record(made: Made): Promise<Recorded | undefined> {
    const { id, cid } = made.delivery;
    const { http_status, duration_ms } = made.outcome;
    const arrived = http_status !== null && http_status >= 200 && http_status < 300;
    const recorded = await (arrived ? this.arrivals.run(made) : this.recordAlone(made));
    if (!recorded) return undefined;
    const { status, enabled } = recorded;
    attemptsMade.inc({ status });
    const line = { delivery: this.ids.toText(id), cid, http_status, duration_ms };
    if (status === 'delivered') this.log.debug(line, 'webhook delivered');
    else this.log.info({ ...line, status }, 'webhook not delivered');
    if (enabled === false) this.log.warn({ cid, event: 'webhook.disabled', http_status }, 'webhook turned off');
    return recorded;
  }

  /** What is sent, by delivery. */
  private async bodiesOf(deliveries: readonly ClaimedDelivery[]): Promise<ReadonlyMap<number, Message>> {
    const eventIds = deliveries.map(({ event_id }) => event_id).filter((id) => id !== null);
    const events = await this.events.byIds(eventIds);
    const messages = new Map<number, Message>();
    for (const delivery of deliveries) {
      if (delivery.event_id === null) messages.set(delivery.id, this.testOf(delivery));
      else {
        const event = events.get(delivery.event_id);
        if (event) messages.set(delivery.id, messageOf(event));
      }
    }
    return messages;
  }

  private testOf({ id, cid, created_at }: ClaimedDelivery): Message {
    const timestamp = created_at.toISOString();
    return messageOf({ id: this.ids.toText(id), type: TEST_EVENT_TYPE, timestamp, data: { cid } });
  }
}

function valuesOf({ delivery, outcome }: Made): unknown[] {
  const { id, claims, attempts_made, tries } = delivery;
  const { http_status, duration_ms, response } = outcome;
  return [id, claims, attempts_made, http_status, duration_ms, response, secondsToNext(tries)];
}

interface Message {
  /** `webhook-id` */
  readonly id: string;
  readonly body: string;
}

function messageOf({
  id,
  type,
  timestamp,
  data,
}: {
  id: string;
  type: string;
  timestamp: string;
  data: object;
}): Message {
  return { id, body: JSON.stringify({ type, timestamp, data }) };
}

/** The newest secret signs first. */
function secretsOf(delivery: ClaimedDelivery): SecretVersion[] {
  const { secret_version, key_version, old_secret_version, old_key_version } = delivery;
  const current = { secret: secret_version, key: key_version };
  if (old_secret_version === null || old_key_version === null) return [current];
  return [current, { secret: old_secret_version, key: old_key_version }];
}
