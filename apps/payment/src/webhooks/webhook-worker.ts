import { setTimeout as wait } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CLAIMED_COLUMNS, type ClaimedDelivery, LEASE_SECONDS, WebhookAttempts } from './attempts';
import { ENDED_MAX } from './endpoints';
import { WebhookNudge } from './nudge';

/** Shortest time between two looks, ms, however often it is nudged: after one that found something, and after any other. */
const GAP_MS = 25;
const QUIET_GAP_MS = 100;
/** Attempts at a time, in this process. */
const IN_FLIGHT_MAX = 256;
/** The last of them, of which nobody gets more than one, and who is failing none: room for those who come later. */
const RESERVE = IN_FLIGHT_MAX / 2;
/** Attempts at a time at one webhook. */
const IN_FLIGHT_PER_WEBHOOK = 8;
/** Longest wait for attempts that are under way when the process stops, ms. */
const STOP_MS = 6_000;

/**
 * Takes due deliveries that no other process has taken, each for some seconds, after which another may take it: of at
 * most $3 in all, for each webhook no more than $4 less what is in flight there already ($1, $2), and one at a time where
 * attempts are failing (none of those unless $5). Webhooks are gone through one by one, so that a million deliveries of
 * one hide none of another. A payment's first attempts come in the order of its events: while one has not been attempted,
 * those after it wait. (`next_attempt_at IS NOT NULL` says the same as pending, and keeps PostgreSQL from reading the whole
 * index of pending ones for it.) What is pending at a webhook that is off ends as failed.
 */
const CLAIM: Statement = {
  name: 'claim-webhook-deliveries',
  text: `
    WITH RECURSIVE waiting AS (
      (SELECT endpoint_id AS id FROM webhook_deliveries WHERE status = 'pending' ORDER BY endpoint_id LIMIT 1)
      UNION ALL
      SELECT (SELECT endpoint_id FROM webhook_deliveries WHERE status = 'pending' AND endpoint_id > waiting.id
              ORDER BY endpoint_id LIMIT 1)
      FROM waiting WHERE waiting.id IS NOT NULL
    ), place AS (
      SELECT endpoint.id, enabled, failing_since IS NOT NULL AS failing,
             CASE WHEN failing_since IS NULL THEN $4::integer ELSE 1 END - coalesce(busy.count, 0) AS room
      FROM waiting JOIN webhook_endpoints endpoint USING (id)
           LEFT JOIN unnest($1::bigint[], $2::integer[]) AS busy (id, count) USING (id)
    ), ended AS (
      UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL
      WHERE status = 'pending' AND id IN (
        SELECT left_over.id FROM place CROSS JOIN LATERAL (
          SELECT id FROM webhook_deliveries WHERE endpoint_id = place.id AND status = 'pending' AND NOT place.enabled
          LIMIT ${ENDED_MAX} FOR UPDATE SKIP LOCKED) left_over)
    ), chosen AS (
      SELECT due.id
      FROM (SELECT id, room FROM place WHERE enabled AND room > 0 AND ($5 OR NOT failing) ORDER BY failing, random()) turn
           CROSS JOIN LATERAL (
             SELECT id FROM webhook_deliveries delivery
             WHERE endpoint_id = turn.id AND status = 'pending' AND next_attempt_at <= now()
               AND (attempts_made > 0 OR NOT EXISTS (
                 SELECT FROM webhook_deliveries earlier
                 WHERE earlier.payment_id = delivery.payment_id AND earlier.sequence < delivery.sequence
                   AND earlier.next_attempt_at IS NOT NULL AND earlier.attempts_made = 0))
             ORDER BY next_attempt_at LIMIT turn.room FOR UPDATE SKIP LOCKED) due
      LIMIT $3
    )
    UPDATE webhook_deliveries delivery SET
      claims = claims + 1, url = endpoint.url, next_attempt_at = now() + interval '${LEASE_SECONDS} seconds'
    FROM chosen, webhook_endpoints endpoint
    WHERE delivery.id = chosen.id AND endpoint.id = delivery.endpoint_id
    RETURNING ${CLAIMED_COLUMNS}`,
};

/** Delivers webhooks. Every payment process runs one; none of them is special. */
@Injectable()
export class WebhookWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** Longest time between two looks, ms. */
  protected readonly pauseMs: number = 500;
  private readonly stopping = new AbortController();
  private running = Promise.resolve();
  /** Attempts under way, by webhook. */
  private readonly inFlight = new Map<number, number>();
  private readonly underWay = new Set<Promise<void>>();
  private nudged = false;
  private wake: () => void = () => {};

  constructor(
    private readonly database: Database,
    private readonly attempts: WebhookAttempts,
    private readonly nudges: WebhookNudge,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.nudges.wakes(() => this.nudge());
    this.running = this.work();
  }

  /** Before the database goes away: takes no more, and lets what is under way be written down. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    this.nudge();
    await this.running;
    await Promise.race([Promise.all(this.underWay), wait(STOP_MS, undefined, { ref: false })]);
  }

  /** Takes what is due now and begins to attempt it. @returns how many were taken */
  async deliverDue(): Promise<number> {
    const rest = IN_FLIGHT_MAX - sum(this.inFlight.values());
    if (rest <= 0) return 0;
    const plenty = rest > RESERVE;
    const [room, each] = plenty ? [rest - RESERVE, IN_FLIGHT_PER_WEBHOOK] : [rest, 1];
    const values = [[...this.inFlight.keys()], [...this.inFlight.values()], room, each, plenty];
    const claimed = await this.database.run<ClaimedDelivery>(CLAIM, values);
    for (const { endpoint_id } of claimed) this.count(endpoint_id, 1);
    const attempts = this.attempts.make(claimed, ({ endpoint_id }) => {
      this.count(endpoint_id, -1);
      this.nudge(); // the next of the payment may go, and there is room
    });
    this.underWay.add(attempts);
    void attempts.finally(() => this.underWay.delete(attempts));
    return claimed.length;
  }

  /** Resolves when no attempt is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.underWay);
  }

  private nudge(): void {
    this.nudged = true;
    this.wake();
  }

  private count(endpoint: number, change: number): void {
    const count = (this.inFlight.get(endpoint) ?? 0) + change;
    if (count === 0) this.inFlight.delete(endpoint);
    else this.inFlight.set(endpoint, count);
  }

  private async work(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.nudged = false;
      let found = 0;
      try {
        found = await this.deliverDue();
      } catch (error) {
        this.log.warn({ err: error }, 'could not look for webhooks to deliver');
      }
      await wait(found > 0 ? GAP_MS : QUIET_GAP_MS);
      await this.nudgedOr(this.pauseMs);
    }
  }

  private async nudgedOr(ms: number): Promise<void> {
    if (this.nudged) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
