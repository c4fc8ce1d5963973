import { Injectable } from '@nestjs/common';
import { AffiliationHealth, type Health, PaymentHealth, unavailable } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';

/** Longest wait for the services, ms. */
const DEADLINE_MS = 900;

/** Whether a payment can be made now. */
@Injectable()
export class Readiness {
  constructor(private readonly client: MessageClient) {}

  /**
   * Ready when NATS, both services and their databases answer.
   * @throws {OneQError} SERVICE_UNAVAILABLE
   */
  async check(): Promise<Health> {
    try {
      await Promise.all([
        this.client.ask(AffiliationHealth, {}, DEADLINE_MS),
        this.client.ask(PaymentHealth, {}, DEADLINE_MS),
      ]);
      return { status: 'ok' };
    } catch (error) {
      throw unavailable('final', error);
    }
  }
}
