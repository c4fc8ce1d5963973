import { setTimeout as wait } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { ClosePayment } from './close';

/** Time between two looks when nothing is due, ms. */
const PAUSE_MS = 1_000;
/** Payments looked at in one go. */
const BATCH = 100;

/**
 * Takes due checks that no other process has taken: those of finished payments go, those of payments with time left
 * move to that time, and the rest, whose time is over, come back to be expired. They stay taken for half a minute, so
 * that a process that dies on the way loses none.
 */
const TAKE_DUE: Statement = {
  name: 'take-due-expiry-checks',
  text: `
    WITH due AS (
      SELECT payment_id FROM expiry_checks WHERE check_at <= now() ORDER BY check_at LIMIT $1 FOR UPDATE SKIP LOCKED
    ), looked_at AS (
      SELECT id, expires_at, status IN ('READY', 'AUTHENTICATED') AS open FROM due JOIN payments ON id = payment_id
    ), done AS (
      DELETE FROM expiry_checks USING looked_at WHERE payment_id = id AND NOT open
    ), later AS (
      UPDATE expiry_checks SET check_at = CASE WHEN expires_at > now() THEN expires_at ELSE now() + interval '30 seconds' END
      FROM looked_at WHERE payment_id = id AND open
    )
    SELECT id, open AND expires_at <= now() AS over FROM looked_at`,
};

/** Expires payments whose time is over. Every payment process runs one; none of them is special. */
@Injectable()
export class ExpiryWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  private running = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly close: ClosePayment,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.work();
  }

  /** Before the database goes away. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Expires what is due now. @returns how many checks were looked at */
  async expireDue(): Promise<number> {
    const taken = await this.database.run<{ id: number; over: boolean }>(TAKE_DUE, [BATCH]);
    for (const { id, over } of taken) {
      if (this.stopping.signal.aborted) break;
      // One that cannot be expired must not keep the others from it; it comes back in half a minute.
      if (over)
        await this.close.expireIfDue(id).catch((err) => this.log.error({ err, id }, 'could not expire a payment'));
    }
    return taken.length;
  }

  private async work(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        if ((await this.expireDue()) === BATCH) continue;
      } catch (error) {
        this.log.warn({ err: error }, 'could not look for expired payments');
      }
      // Ends early, without an error, when the process stops.
      await wait(PAUSE_MS, undefined, { signal: this.stopping.signal, ref: false }).catch(() => {});
    }
  }
}
