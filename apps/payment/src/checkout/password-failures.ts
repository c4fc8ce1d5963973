import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { OneQError } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CONFIG, type PaymentConfig } from '../config';

/** Counts begin anew with each hour of the clock. */
export const THIS_HOUR = `date_trunc('hour', now())`;

/** A merchant's counts are kept in as many rows, by wallet. */
export const MERCHANT_PARTS = 16;

/** How often the counts of past hours are thrown away, ms. */
const SWEEP_MS = 10 * 60 * 1_000;

/** Whether a merchant ($cid) has had more wrong passwords in this hour, beside as many as there were right ones, than $limit. */
export const merchantHasTooMany = (cid: string, limit: string): string => `(
        SELECT coalesce(sum(wrong - correct), 0) >= ${limit} FROM password_failures
        WHERE hour = ${THIS_HOUR} AND scope = 'merchant' AND subject = ${cid})`;

/** Seconds until passwords are taken again for the payment $1 from the client $2; no row when they are taken now. */
const WAIT: Statement = {
  name: 'wait-for-password-failures',
  text: `
    SELECT ceil(extract(epoch FROM ${THIS_HOUR} + interval '1 hour' - now()))::integer AS seconds FROM payments
    WHERE id = $1 AND (${merchantHasTooMany('cid', '$4')} OR EXISTS (
      SELECT FROM password_failures
      WHERE hour = ${THIS_HOUR} AND scope = 'address' AND subject = $2 AND wrong >= $3))`,
};

const SWEEP: Statement = {
  name: 'sweep-password-failures',
  text: `DELETE FROM password_failures WHERE hour < ${THIS_HOUR}`,
};

/** Who has had too many wrong passwords. They are counted where tries are taken; see {@link EnterPassword}. */
@Injectable()
export class PasswordFailures implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG) private readonly config: PaymentConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** Wrong passwords of one client address, and of one merchant beside as many as it had right ones, in an hour. */
  get limits(): readonly [perAddress: number, perMerchant: number] {
    return [this.config.PIN_FAILURES_PER_ADDRESS, this.config.PIN_FAILURES_PER_MERCHANT];
  }

  /**
   * @param paymentId id of the payment whose password was not looked at
   * @param client who sent it
   * @throws {OneQError} TOO_MANY_REQUESTS, until the hour is over, when that was because too many had been wrong
   */
  async requireFew(paymentId: number, client: string): Promise<void> {
    const [wait] = await this.database.run<{ seconds: number }>(WAIT, [paymentId, client, ...this.limits]);
    if (wait) throw new OneQError('TOO_MANY_REQUESTS', { retryAfterSeconds: Math.max(1, wait.seconds) });
  }

  /** Forgets past hours: nothing counts them any more. */
  async sweep(): Promise<void> {
    await this.database.run(SWEEP, []);
  }

  onApplicationBootstrap(): void {
    const sweep = () => this.sweep().catch((err) => this.log.warn({ err }, 'could not sweep password failures'));
    this.timer = setInterval(() => void sweep(), SWEEP_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }
}
