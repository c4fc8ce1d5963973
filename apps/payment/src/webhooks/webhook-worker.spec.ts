import { WebhookSink } from '@oneq/testing';
import { PaymentService } from '../../test/service';
import { Webhooks } from '../../test/webhooks';
import { MerchantEvents } from '../events/merchant-events';
import { WebhookNudge } from './nudge';
import { WebhookWorker } from './webhook-worker';

/** Resolves once the condition holds; fails after `timeoutMs`. */
async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 25_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('the awaited condition did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the webhook worker', () => {
  let service: PaymentService;
  let webhooks: Webhooks;
  let slow: WebhookSink;
  let quick: WebhookSink;
  let cid: string;
  let merchants = 0;
  const running: WebhookWorker[] = [];
  beforeAll(async () => {
    service = await PaymentService.start();
    webhooks = new Webhooks(service);
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    [slow, quick] = [await WebhookSink.open(), await WebhookSink.open()];
    merchants += 1;
    cid = `TCWORK${String(merchants).padStart(4, '0')}`;
  });
  afterEach(async () => {
    await Promise.all([slow.close(), quick.close()]);
    for (const worker of running.splice(0)) await worker.beforeApplicationShutdown();
    await service.admin.query(
      `UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL WHERE status = 'pending'`,
    );
  });

  function start(worker = webhooks.anotherWorker()): WebhookWorker {
    running.push(worker);
    worker.onApplicationBootstrap();
    return worker;
  }

  /** Many copies of a merchant's deliveries, due now. */
  const multiply = (times: number) =>
    service.admin.query(
      `INSERT INTO webhook_deliveries (endpoint_id, cid, url, event_id, payment_id, sequence, type, attempts_made)
       SELECT endpoint_id, cid, url, event_id, payment_id, sequence, type, 1
       FROM webhook_deliveries, generate_series(1, $2) WHERE cid = $1`,
      [cid, times],
    );
  const statuses = async () => (await webhooks.log(cid)).map(({ status }) => status);

  it('reads no events when nothing is due, so that nothing fails unheard', async () => {
    const asked = jest.spyOn(service.module.get(MerchantEvents), 'byIds');
    expect(await service.module.get(WebhookWorker).deliverDue()).toBe(0);
    expect(asked).not.toHaveBeenCalled();
    asked.mockRestore();
  });

  it('wakes at once when this process has changed a payment', async () => {
    class PatientWorker extends WebhookWorker {
      protected override readonly pauseMs = 60_000; // if it only looked now and then
    }
    start(webhooks.anotherWorker(PatientWorker, service.module.get(WebhookNudge)));
    await webhooks.set(cid, quick.url);
    for (let i = 1; i <= 10; i += 1) {
      await service.authenticated({ cid });
      await until(() => quick.arrivals.length === i);
    }
  });

  it('finds what another process has written', async () => {
    start();
    await webhooks.set(cid, quick.url);
    await service.authenticated({ cid });
    await until(() => quick.arrivals.length === 1);
  });

  it.each([
    ['slow', (sink: WebhookSink) => (sink.answer = () => {})],
    ['dead', (sink: WebhookSink) => sink.says(500)],
  ])('delivers to others at once while one webhook is %s, however much waits for it', async (_how, arrange) => {
    arrange(slow);
    await webhooks.set(cid, slow.url);
    await service.authenticated({ cid });
    await multiply(3_000);
    start();
    start();
    await until(() => slow.arrivals.length > 0);
    const other = `${cid.slice(0, 9)}X`;
    await webhooks.set(other, quick.url);
    const { command } = await service.approved({ cid: other });
    await service.cancel(command);
    await until(() => quick.arrivals.length === 3, 2_500);
    expect(quick.bodies.map(({ data }) => data.sequence)).toEqual([1, 2, 3]);
  });

  it('has at most eight attempts at a time at one webhook, and one where attempts fail', async () => {
    slow.answer = () => {};
    await webhooks.set(cid, slow.url);
    await service.authenticated({ cid });
    await multiply(50);
    const worker = webhooks.anotherWorker();
    expect(await worker.deliverDue()).toBe(8);
    expect(await worker.deliverDue()).toBe(0);
    await service.admin.query('UPDATE webhook_endpoints SET failing_since = now() WHERE cid = $1', [cid]);
    const another = webhooks.anotherWorker();
    expect(await another.deliverDue()).toBe(1);
    expect(await another.deliverDue()).toBe(0);
    await slow.close();
    await Promise.all([worker.idle(), another.idle()]);
    slow = await WebhookSink.open();
  });

  it('leaves room for those who come later, however many webhooks are slow', async () => {
    slow.answer = () => {};
    for (let i = 0; i < 40; i += 1) {
      await service.admin.query(
        `INSERT INTO webhook_endpoints (cid, url, private_allowed, key_version) VALUES ($1, $2, true, 1)`,
        [`${cid.slice(2)}${String(i).padStart(2, '0')}`, slow.url],
      );
    }
    const { command } = await service.authenticated({ cid });
    await service.admin.query(
      `INSERT INTO webhook_deliveries (endpoint_id, cid, url, event_id, payment_id, sequence, type, attempts_made)
       SELECT w.id, w.cid, w.url, e.id, e.payment_id, e.sequence, e.type, 1
       FROM webhook_endpoints w, generate_series(1, 20), events e JOIN payments p ON p.id = e.payment_id
       WHERE w.cid LIKE $1 AND p.order_id = $2`,
      [`${cid.slice(2)}%`, command.order_id],
    );
    const worker = webhooks.anotherWorker();
    while ((await worker.deliverDue()) > 0);
    await webhooks.set(cid, quick.url);
    await service.cancel(command);
    expect(await worker.deliverDue()).toBe(1);
    await until(() => quick.arrivals.length === 1);
    await slow.close();
    await worker.idle();
    slow = await WebhookSink.open();
  });

  it('that dies leaves what it took to another, after fifteen seconds, and the order stays', async () => {
    slow.answer = () => {};
    await webhooks.set(cid, slow.url);
    await service.approved({ cid });
    const dead = webhooks.anotherWorker();
    expect(await dead.deliverDue()).toBe(1);
    await until(() => slow.arrivals.length === 1);
    const living = webhooks.anotherWorker();
    await webhooks.pass(cid, '14 seconds');
    expect(await living.deliverDue()).toBe(0);
    await webhooks.pass(cid, '2 seconds');
    slow.says(200);
    while ((await living.deliverDue()) > 0) await living.idle();
    expect(slow.bodies.map(({ data }) => data.sequence)).toEqual([1, 1, 2]);
    expect(await statuses()).toEqual(['delivered', 'delivered']);
    await slow.close();
    await dead.idle();
    slow = await WebhookSink.open();
  });

  it.each([
    ['spoil', 410, 200, 'delivered'],
    ['add to', 200, 204, 'delivered'],
    ['make good', 200, 500, 'pending'],
  ])('whose time has run out cannot %s what another has written', async (_how, late, answered, status) => {
    let answer: (() => void) | undefined;
    slow.answer = (_arrival, response) => {
      answer = () => void response.writeHead(late).end();
    };
    await webhooks.set(cid, slow.url);
    await service.authenticated({ cid });
    const worker = webhooks.anotherWorker();
    await worker.deliverDue();
    await until(() => answer !== undefined);
    await webhooks.pass(cid, '16 seconds');
    slow.says(answered);
    await webhooks.deliver();
    answer?.();
    await worker.idle();
    expect(await webhooks.log(cid)).toMatchObject([{ status, attempts: [{ http_status: answered }] }]);
    expect(await webhooks.find(cid)).toMatchObject({ enabled: true });
  });

  it('attempts each delivery once, however many workers look at the same time', async () => {
    await webhooks.set(cid, quick.url);
    for (let i = 0; i < 30; i += 1) await service.approved({ cid });
    const workers = Array.from({ length: 4 }, () => webhooks.anotherWorker());
    await Promise.all(
      workers.map(async (worker) => {
        for (let round = 0; round < 40; round += 1) {
          await worker.deliverDue();
          await worker.idle();
        }
      }),
    );
    expect(new Set(quick.arrivals.map(({ id }) => id)).size).toBe(60);
    expect(quick.arrivals).toHaveLength(60);
  });

  it('that stops takes nothing more, and writes down what was under way', async () => {
    let finish: (() => void) | undefined;
    slow.answer = (_arrival, response) => {
      finish = () => void response.end();
    };
    await webhooks.set(cid, slow.url);
    await service.approved({ cid });
    const worker = start();
    await until(() => finish !== undefined);
    const stopped = worker.beforeApplicationShutdown();
    finish?.();
    await stopped;
    expect(await statuses()).toEqual(['delivered', 'pending']);
    expect(slow.arrivals).toHaveLength(1);
  });
});
