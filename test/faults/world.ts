import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import { audit, type Finding } from '../../audit/audit';
import { journalFindings, readJournal } from '../../audit/journal';
import { anApproval, anOrder, Shop } from '../e2e/shop';
import { type Fields, inParallel, MerchantClient, type Reply } from './client';
import { JournalWriter } from './journal-writer';

export const KEY: Fields = { authorization: 'Bearer sk_test_oneq' };
/** The built-in merchant, as its payments have it. */
const CID = 'TC0ONETIME';
export const AMOUNT = 16_000;

/** A running stack with a merchant that writes down every answer it gets. */
export class World {
  private order = 0;

  private constructor(
    readonly shop: Shop,
    readonly client: MerchantClient,
    readonly journal: JournalWriter,
    /** Sees the database without anything in between. */
    readonly database: Pool,
  ) {}

  /** @param gatewayUrl what the merchant reaches the gateway by, if there is something in between */
  static async on(shop: Shop, options: { gatewayUrl?: string; databaseUrl?: string } = {}): Promise<World> {
    const database = new Pool({ connectionString: options.databaseUrl ?? shop.stack.databaseUrl, max: 2 });
    database.on('error', () => {}); // it is taken away now and then, and connected to again
    const journal = await JournalWriter.open(path.join(shop.dataDir, 'journal.jsonl'));
    return new World(shop, new MerchantClient(options.gatewayUrl ?? shop.url, KEY), journal, database);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.journal.close();
    await this.database.end();
    await this.shop.close();
  }

  /** An order of the built-in merchant, of 16,000 won, with an account of its own. */
  newOrder(changes: Fields = {}): Fields {
    this.order += 1;
    return anOrder({ cid: CID, order_id: `fault-${process.pid}-${this.order}`, ...changes });
  }

  /** A payment that is prepared, and unless told otherwise authenticated. */
  async begun(changes: Fields = {}, { authenticate = true } = {}): Promise<{ order: Fields; tid: string }> {
    const order = this.newOrder(changes);
    const { cid = '', order_id = '' } = order;
    const amount = Number(order.amount);
    const prepared = accepted(await this.client.settled('/pay', order));
    await this.journal.write({ call: 'prepare', cid, order_id, amount });
    const tid = String(prepared.body.tid);
    if (authenticate) {
      accepted(await this.client.settled(`/sandbox/payments/${tid}/authenticate`));
      await this.journal.write({ call: 'authenticate', cid, order_id, amount });
    }
    return { order, tid };
  }

  async approve(order: Fields): Promise<Reply> {
    const reply = accepted(await this.client.settled('/pay/success', anApproval(order)));
    const { cid = '', order_id = '' } = order;
    await this.journal.write({ call: 'approve', cid, order_id, amount: Number(order.amount) });
    return reply;
  }

  async refund(order: Fields, amount: number, reference: string): Promise<Reply> {
    const { cid = '', order_id = '' } = order;
    const fields = { order_id, cancel_amount: String(amount) };
    const reply = accepted(await this.client.settled('/pay/cancel', fields, { 'idempotency-key': reference }));
    await this.journal.write({ call: 'refund', cid, order_id, amount, reference });
    return reply;
  }

  /** A whole payment; each eighth is refunded in part. */
  async flow(i: number): Promise<void> {
    const { order } = await this.begun();
    await this.approve(order);
    if (i % 8 === 0) await this.refund(order, 1_000, `refund-${order.order_id}`);
  }

  /** Runs whole payments, so many at a time, until `until` resolves. @returns how many */
  async load(atOnce: number, until: Promise<unknown>): Promise<number> {
    let over = false;
    void until.finally(() => {
      over = true;
    });
    let flows = 0;
    await inParallel(atOnce, atOnce, async (i) => {
      while (!over) {
        await this.flow(i + flows);
        flows += 1;
      }
    });
    return flows;
  }

  /** What breaks an invariant of the ledger or a line of the journal, by its sentence. */
  async findings(): Promise<Record<string, number>> {
    const client = await this.database.connect();
    const findings: Finding[] = [];
    try {
      findings.push(...(await audit(client)), ...(await journalFindings(client, readJournal(this.journal.path))));
    } finally {
      client.release();
    }
    return Object.fromEntries(
      findings.filter(({ broken }) => broken.length > 0).map(({ invariant, broken }) => [invariant, broken.length]),
    );
  }

  async count(sql: string, values: unknown[] = []): Promise<number> {
    return (await this.database.query(`SELECT count(*)::integer AS n ${sql}`, values)).rows[0].n;
  }

  processes(name: string) {
    return this.shop.stack.processes().filter((process) => process.name === name);
  }

  /** Resolves when the gateway says that payments can be made. @returns ms until then */
  async ready(timeoutMs = 30_000): Promise<number> {
    const begun = performance.now();
    while ((await this.client.get('/health/ready').catch(() => undefined))?.status !== 200) {
      if (performance.now() - begun > timeoutMs) throw new Error('the stack did not become ready again');
      await delay(20);
    }
    return performance.now() - begun;
  }
}

/** A reply that is not 2xx was not to be expected here. */
function accepted(reply: Reply): Reply {
  if (reply.status >= 300) throw new Error(`refused: ${reply.status} ${reply.text}`);
  return reply;
}
