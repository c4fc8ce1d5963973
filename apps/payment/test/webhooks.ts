import { randomUUID } from 'node:crypto';
import type { ListDeliveriesQuery, WebhookDelivery } from '@oneq/contracts';
import { Database } from '@oneq/database';
import { createLogger } from '@oneq/service-kit';
import { WebhookAttempts } from '../src/webhooks/attempts';
import { WebhookDeliveries } from '../src/webhooks/deliveries';
import { WebhookEndpoints } from '../src/webhooks/endpoints';
import { WebhookNudge } from '../src/webhooks/nudge';
import { WebhookWorker } from '../src/webhooks/webhook-worker';
import type { PaymentService } from './service';

/** A merchant's calls about its webhook, and workers that run when the test says so. */
export class Webhooks {
  readonly worker: WebhookWorker;

  constructor(private readonly service: PaymentService) {
    this.worker = this.anotherWorker();
  }

  /** As of another process on the same database, unless it hears of what this one does. */
  anotherWorker(Worker = WebhookWorker, nudge = new WebhookNudge()): WebhookWorker {
    const { module } = this.service;
    const log = createLogger('payment', 'fatal');
    return new Worker(module.get(Database), module.get(WebhookAttempts), nudge, log);
  }

  set(cid: string, url: string, changes: { rotate?: boolean; reference?: string; private_allowed?: boolean } = {}) {
    const command = { cid, url, private_allowed: true, reference: randomUUID(), ...changes };
    return this.service.module.get(WebhookEndpoints).set(command);
  }

  find(cid: string) {
    return this.service.module.get(WebhookEndpoints).find({ cid });
  }

  delete(cid: string) {
    return this.service.module.get(WebhookEndpoints).delete({ cid });
  }

  async test(cid: string) {
    return (await this.service.module.get(WebhookDeliveries).test({ cid })).answer;
  }

  list(query: ListDeliveriesQuery) {
    return this.service.module.get(WebhookDeliveries).list(query);
  }

  redeliver(cid: string, id: string) {
    return this.service.module.get(WebhookDeliveries).redeliver({ cid, id });
  }

  redeliverFailed(cid: string, since?: string) {
    return this.service.module.get(WebhookDeliveries).redeliverFailed({ cid, since });
  }

  /** Attempts what is due, and what becomes due by that, until nothing is. */
  async deliver(): Promise<void> {
    while ((await this.worker.deliverDue()) > 0) await this.worker.idle();
  }

  /** The merchant's deliveries, oldest first. */
  async log(cid: string): Promise<WebhookDelivery[]> {
    return [...(await this.list({ cid, limit: 100 })).data].reverse();
  }

  /** Lets this much time pass for what is pending. */
  async pass(cid: string, interval: string): Promise<void> {
    await this.service.admin.query(
      `UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at - $2::interval WHERE cid = $1 AND status = 'pending'`,
      [cid, interval],
    );
    await this.service.admin.query(
      'UPDATE webhook_endpoints SET failing_since = failing_since - $2::interval WHERE cid = $1',
      [cid, interval],
    );
  }
}
