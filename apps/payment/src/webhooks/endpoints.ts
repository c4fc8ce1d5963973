import { Inject, Injectable } from '@nestjs/common';
import {
  invalidParameter,
  noWebhook,
  type SetWebhookCommand,
  toSeoulTime,
  type Webhook,
  type WebhookQuery,
  type WebhookWithSecret,
} from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { addressesOf, ForbiddenTarget, resolveHost } from './target';
import { type SecretVersion, WebhookSecrets } from './webhook-secrets';

/** Longest look at where a new URL leads, ms. */
const LOOK_TIMEOUT_MS = 1_000;

/** How long an old secret signs beside the new one (contract). */
const OLD_SECRET_LIFE = `interval '24 hours'`;

/**
 * Sets a merchant's webhook and turns it on. A new secret comes with the first one, the first after a removal, and a
 * rotation ($4), which the request $5 makes once.
 */
const SET: Statement = {
  name: 'set-webhook',
  text: `
    INSERT INTO webhook_endpoints AS endpoint (cid, url, private_allowed, key_version, rotated_by)
    VALUES ($1, $2, $3, $6, $5)
    ON CONFLICT (cid) DO UPDATE SET
      (url, private_allowed, enabled, failing_since, deleted_at, created_at, rotated_by,
       secret_version, key_version, old_secret_version, old_key_version, old_secret_until) = (
        SELECT excluded.url, excluded.private_allowed, true, NULL::timestamptz, NULL::timestamptz,
               CASE WHEN anew THEN now() ELSE endpoint.created_at END,
               CASE WHEN anew OR rotate THEN excluded.rotated_by ELSE endpoint.rotated_by END,
               endpoint.secret_version + CASE WHEN anew OR rotate THEN 1 ELSE 0 END,
               CASE WHEN anew OR rotate THEN excluded.key_version ELSE endpoint.key_version END,
               CASE WHEN rotate THEN endpoint.secret_version WHEN NOT anew THEN endpoint.old_secret_version END,
               CASE WHEN rotate THEN endpoint.key_version WHEN NOT anew THEN endpoint.old_key_version END,
               CASE WHEN rotate THEN now() + ${OLD_SECRET_LIFE} WHEN NOT anew THEN endpoint.old_secret_until END
        FROM (SELECT endpoint.deleted_at IS NOT NULL AS anew,
                     $4 AND endpoint.deleted_at IS NULL AND endpoint.rotated_by IS DISTINCT FROM $5 AS rotate) asked)
    RETURNING url, enabled, created_at, secret_version, key_version`,
};

const FIND: Statement = {
  name: 'find-webhook',
  text: 'SELECT url, enabled, created_at FROM webhook_endpoints WHERE cid = $1 AND deleted_at IS NULL',
};

const DELETE: Statement = {
  name: 'delete-webhook',
  text: `
    UPDATE webhook_endpoints SET enabled = false, deleted_at = now(), failing_since = NULL,
      old_secret_version = NULL, old_key_version = NULL, old_secret_until = NULL
    WHERE cid = $1 AND deleted_at IS NULL
    RETURNING id`,
};

/** Deliveries ended in one go. */
export const ENDED_MAX = 1_000;

/** Ends what is pending at a webhook that is off. The worker ends what is left, and what came at the same moment. */
const END_PENDING: Statement = {
  name: 'end-pending-deliveries',
  text: `
    UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL
    WHERE status = 'pending' AND id IN (
      SELECT delivery.id FROM webhook_deliveries delivery JOIN webhook_endpoints endpoint ON endpoint.id = endpoint_id
      WHERE endpoint_id = $1 AND status = 'pending' AND NOT enabled LIMIT ${ENDED_MAX})`,
};

interface EndpointRow {
  readonly url: string;
  readonly enabled: boolean;
  readonly created_at: Date;
}

/** Where each merchant wants its events. */
@Injectable()
export class WebhookEndpoints {
  constructor(
    private readonly database: Database,
    private readonly secrets: WebhookSecrets,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** The same again answers the same. @throws {OneQError} INVALID_PARAMETER for a URL into a private network */
  async set(command: SetWebhookCommand): Promise<WebhookWithSecret> {
    const { cid, url, reference } = command;
    const privateAllowed = command.private_allowed;
    await refuseForbidden(url, privateAllowed);
    const rotate = command.rotate === true;
    const values = [cid, url, privateAllowed, rotate, reference, this.secrets.currentKey];
    const [row] = await this.database.run<EndpointRow & { secret_version: number; key_version: number }>(SET, values);
    if (!row) throw new Error('a webhook that was set is not there');
    this.log.info({ cid, event: 'webhook.set', rotate }, 'webhook set');
    const version: SecretVersion = { secret: row.secret_version, key: row.key_version };
    const { url: where, enabled, created_at } = webhookOf(row);
    return { url: where, secret: this.secrets.textOf(cid, version), enabled, created_at };
  }

  /** @throws {OneQError} NOT_FOUND when none is set */
  async find({ cid }: WebhookQuery): Promise<Webhook> {
    const [row] = await this.database.run<EndpointRow>(FIND, [cid]);
    if (!row) throw noWebhook();
    return webhookOf(row);
  }

  /** Pending deliveries end as failed. @throws {OneQError} NOT_FOUND when none is set */
  async delete({ cid }: WebhookQuery): Promise<object> {
    const [row] = await this.database.run<{ id: number }>(DELETE, [cid]);
    if (!row) throw noWebhook();
    this.log.info({ cid, event: 'webhook.deleted' }, 'webhook deleted');
    await this.database
      .run(END_PENDING, [row.id])
      .catch((err) => this.log.warn({ err, cid }, 'the worker will end what is pending'));
    return {};
  }
}

function webhookOf({ url, enabled, created_at }: EndpointRow): Webhook {
  return { url, enabled, created_at: toSeoulTime(created_at) };
}

/** A name that leads nowhere just now is taken: each delivery looks again. */
async function refuseForbidden(url: string, privateAllowed: boolean): Promise<void> {
  try {
    await addressesOf(new URL(url), privateAllowed, resolveHost, AbortSignal.timeout(LOOK_TIMEOUT_MS));
  } catch (error) {
    if (!(error instanceof ForbiddenTarget)) return;
    const format = { ko: '공인 인터넷 주소', en: 'an address of the public internet' };
    throw invalidParameter({ field: 'url', code: 'INVALID_FORMAT', params: { format } });
  }
}
