import { randomUUID } from 'node:crypto';
import { Database } from '@oneq/database';
import { ATTEMPT_DEADLINE_MS } from '@oneq/service-kit';
import { WebhookSink } from '@oneq/testing';
import { Webhook } from 'standardwebhooks';
import { PaymentService } from '../../test/service';
import { Webhooks } from '../../test/webhooks';
import { MerchantEvents } from '../events/merchant-events';
import { ExpiryWorker } from '../payments/expiry-worker';
import { SCHEDULE_SECONDS, secondsToNext } from './schedule';

describe('webhooks', () => {
  let service: PaymentService;
  let webhooks: Webhooks;
  let sink: WebhookSink;
  let cid: string;
  let merchants = 0;
  beforeAll(async () => {
    service = await PaymentService.start();
    webhooks = new Webhooks(service);
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    sink = await WebhookSink.open();
    merchants += 1;
    cid = `TCHOOK${String(merchants).padStart(4, '0')}`;
  });
  afterEach(() => sink.close());

  const feed = async () => {
    await service.feedIsCurrent();
    return (await service.module.get(MerchantEvents).list({ cid, limit: 100 })).data;
  };

  it('tell each change of a payment, in order, with the payment as it was then', async () => {
    await webhooks.set(cid, sink.url);
    const { command, tid } = await service.approved({ cid });
    await service.cancel(command, { cancel_amount: 6_000 });
    await service.cancel(command);
    await webhooks.deliver();
    expect(sink.bodies.map(({ type }) => type)).toEqual([
      'payment.authenticated',
      'payment.approved',
      'payment.cancelled',
      'payment.cancelled',
    ]);
    const time = expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/);
    const common = { tid, cid, order_id: command.order_id, amount: 16_000, payment_method_type: 'MONEY' };
    const approved = { approved_at: time, tran_dt: '2016.11.15 21:18:22', expires_at: null, approved_amount: 16_000 };
    expect(sink.bodies.map(({ data }) => data)).toMatchObject([
      {
        ...common,
        sequence: 1,
        status: 'AUTHENTICATED',
        approved_amount: 0,
        approved_at: null,
        tran_dt: null,
        expires_at: time,
      },
      { ...common, ...approved, sequence: 2, status: 'APPROVED', cancelled_amount: 0, cancel_available_amount: 16_000 },
      {
        ...common,
        ...approved,
        sequence: 3,
        status: 'PARTIALLY_CANCELLED',
        cancelled_amount: 6_000,
        cancel_available_amount: 10_000,
      },
      {
        ...common,
        ...approved,
        sequence: 4,
        status: 'CANCELLED',
        cancelled_amount: 16_000,
        cancel_available_amount: 0,
      },
    ]);
    for (const { data, timestamp } of sink.bodies) {
      expect(data).not.toHaveProperty('events');
      expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  it('are what the feed gives, under the same ids, also of what came before the webhook', async () => {
    const { tid } = await service.authenticated({ cid });
    await webhooks.set(cid, sink.url);
    await service.end(tid, 'cancel');
    await service.approved({ cid });
    await webhooks.deliver();
    const [before, ...events] = await feed();
    expect(before).toMatchObject({ type: 'payment.authenticated', data: { tid, status: 'AUTHENTICATED' } });
    expect(sink.arrivals.map(({ id, body }) => ({ id, ...JSON.parse(body) }))).toEqual(events);
    expect((await webhooks.log(cid)).map(({ event_id }) => event_id)).toEqual(events.map(({ id }) => id));
  });

  it.each([
    ['expired by the clock', 'payment.expired', 'EXPIRED'],
    ['cancelled by the payer', 'payment.cancelled', 'CANCELLED'],
    ['failed by the payer', 'payment.failed', 'FAILED'],
    ['expired by the sandbox', 'payment.expired', 'EXPIRED'],
  ])('tell of a payment that was %s', async (how, type, status) => {
    await webhooks.set(cid, sink.url);
    const { command, tid } = await service.prepared({ cid });
    if (how === 'expired by the clock') {
      await service.outOfTime(command.order_id);
      await service.module.get(ExpiryWorker).expireDue();
    } else if (how === 'expired by the sandbox') await service.closing.expireNow(tid);
    else await service.end(tid, how.startsWith('cancelled') ? 'cancel' : 'fail');
    await webhooks.deliver();
    expect(sink.bodies).toMatchObject([
      {
        type,
        data: {
          tid,
          status,
          sequence: 1,
          payment_method_type: null,
          expires_at: null,
          cancelled_amount: 0,
          approved_amount: 0,
        },
      },
    ]);
  });

  it('go to nobody else, and to nobody who has none', async () => {
    await webhooks.set(cid, sink.url);
    await service.approved({ cid: 'TCNOBODY01' });
    await webhooks.deliver();
    expect(sink.arrivals).toEqual([]);
    expect(await webhooks.log('TCNOBODY01')).toEqual([]);
  });

  describe('signatures', () => {
    it('are accepted by the verifier of Standard Webhooks, and refused when anything is altered', async () => {
      const { secret } = await webhooks.set(cid, sink.url);
      await service.authenticated({ cid });
      await webhooks.deliver();
      const [arrival] = sink.arrivals;
      if (!arrival) throw new Error('nothing arrived');
      const headers = arrival.headers as Record<string, string>;
      const verifier = new Webhook(secret);
      expect(verifier.verify(arrival.body, headers)).toMatchObject({ type: 'payment.authenticated' });
      expect(() => verifier.verify(arrival.body.replace('16000', '16001'), headers)).toThrow();
      expect(() => verifier.verify(arrival.body, { ...headers, 'webhook-id': 'evt_1' })).toThrow();
      const other = await webhooks.set('TCOTHER001', sink.url);
      expect(() => new Webhook(other.secret).verify(arrival.body, headers)).toThrow();
      expect(headers['content-type']).toBe('application/json');
    });

    it('are of both secrets for 24 hours after a rotation, then of the new one alone', async () => {
      const { secret: old } = await webhooks.set(cid, sink.url);
      const reference = randomUUID();
      const { secret } = await webhooks.set(cid, sink.url, { rotate: true, reference });
      expect(secret).not.toBe(old);
      expect((await webhooks.set(cid, sink.url, { rotate: true, reference })).secret).toBe(secret);
      await service.authenticated({ cid });
      await webhooks.deliver();
      await service.admin.query('UPDATE webhook_endpoints SET old_secret_until = now() WHERE cid = $1', [cid]);
      await service.authenticated({ cid });
      await webhooks.deliver();
      const verifies = (key: string) =>
        sink.arrivals.map(({ body, headers }) => {
          try {
            return Boolean(new Webhook(key).verify(body, headers as Record<string, string>));
          } catch {
            return false;
          }
        });
      expect(verifies(secret)).toEqual([true, true]);
      expect(verifies(old)).toEqual([true, false]);
    });
  });

  describe('a webhook', () => {
    it('has one secret, until it is rotated or removed, and of nothing secret is there a trace in the database', async () => {
      const first = await webhooks.set(cid, sink.url);
      expect(first).toEqual({
        url: sink.url,
        secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
        enabled: true,
        created_at: expect.any(String),
      });
      expect(await webhooks.set(cid, sink.url)).toEqual(first);
      expect((await webhooks.set(cid, `${sink.url}/other`)).secret).toBe(first.secret);
      expect(await webhooks.find(cid)).toEqual({
        url: `${sink.url}/other`,
        enabled: true,
        created_at: first.created_at,
      });
      const { rows } = await service.admin.query('SELECT to_jsonb(e.*)::text AS row FROM webhook_endpoints e');
      expect(JSON.stringify(rows)).not.toContain(first.secret.slice(6));
      await webhooks.delete(cid);
      expect((await webhooks.set(cid, sink.url)).secret).not.toBe(first.secret);
    });

    it('is not there before it was set and after it was removed', async () => {
      for (const set of [false, true]) {
        if (set) {
          await webhooks.set(cid, sink.url);
          await webhooks.delete(cid);
        }
        await expect(webhooks.find(cid)).rejects.toThrow('NOT_FOUND');
        await expect(webhooks.delete(cid)).rejects.toThrow('NOT_FOUND');
        await expect(webhooks.test(cid)).rejects.toThrow('NOT_FOUND');
        await expect(webhooks.redeliverFailed(cid)).rejects.toThrow('NOT_FOUND');
      }
    });

    it('that is removed ends what is pending, and hears nothing more', async () => {
      await webhooks.set(cid, sink.url);
      await service.authenticated({ cid });
      await webhooks.delete(cid);
      await service.authenticated({ cid });
      await webhooks.deliver();
      expect(sink.arrivals).toEqual([]);
      expect(await webhooks.log(cid)).toMatchObject([{ status: 'failed', attempts: [], next_attempt_at: null }]);
    });

    it('that is removed while an event is being written gets nothing of it', async () => {
      await webhooks.set(cid, sink.url);
      await service.authenticated({ cid });
      // As if the event's transaction had read the webhook before, and committed after the removal.
      await service.admin.query('UPDATE webhook_endpoints SET enabled = false, deleted_at = now() WHERE cid = $1', [
        cid,
      ]);
      await webhooks.deliver();
      expect(await webhooks.log(cid)).toMatchObject([{ status: 'failed', attempts: [] }]);
      expect(sink.arrivals).toEqual([]);
    });

    it.each(['http://10.0.0.1/', 'http://localhost:3000/', 'http://[::1]/', 'http://0x7f.1/'])(
      'is not set to %s where private addresses are refused',
      async (url) => {
        await expect(webhooks.set(cid, url, { private_allowed: false })).rejects.toMatchObject({
          code: 'INVALID_PARAMETER',
          extras: { errors: [{ field: 'url', code: 'INVALID_FORMAT' }] },
        });
        await expect(webhooks.find(cid)).rejects.toThrow('NOT_FOUND');
      },
    );

    it('may have a name that leads nowhere yet', async () => {
      expect(await webhooks.set(cid, 'https://shop.invalid/hooks', { private_allowed: false })).toMatchObject({
        enabled: true,
      });
    });
  });

  describe('a failed attempt', () => {
    it('is followed by nine more: after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h, a tenth more or less', async () => {
      expect(SCHEDULE_SECONDS).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
      for (const [tries, seconds] of SCHEDULE_SECONDS.entries()) {
        expect(secondsToNext(tries, () => 0)).toBeCloseTo(seconds * 0.9);
        expect(secondsToNext(tries, () => 1)).toBeCloseTo(seconds * 1.1);
      }
      await webhooks.set(cid, sink.url);
      sink.says(500, 'no');
      await service.authenticated({ cid });
      for (let attempt = 1; attempt <= 10; attempt += 1) {
        await webhooks.deliver();
        expect(sink.arrivals.length).toBe(attempt);
        const { rows } = await service.admin.query(
          'SELECT extract(epoch FROM next_attempt_at - now())::float AS seconds FROM webhook_deliveries WHERE cid = $1',
          [cid],
        );
        const expected = SCHEDULE_SECONDS[attempt - 1];
        if (expected === undefined) expect(rows).toEqual([{ seconds: null }]);
        else {
          expect(rows[0].seconds).toBeGreaterThan(expected * 0.9 - 2);
          expect(rows[0].seconds).toBeLessThan(expected * 1.1);
          await service.admin.query('UPDATE webhook_deliveries SET next_attempt_at = now() WHERE cid = $1', [cid]);
        }
      }
      const [delivery] = await webhooks.log(cid);
      expect(delivery).toMatchObject({ status: 'failed', next_attempt_at: null });
      expect(delivery?.attempts).toHaveLength(10);
      expect(delivery?.attempts[0]).toEqual({
        at: expect.stringMatching(/^\d{4}\./),
        http_status: 500,
        duration_ms: expect.any(Number),
        response: 'no',
      });
      expect(new Set(sink.arrivals.map(({ id }) => id)).size).toBe(1);
    });

    it.each([301, 302, 307, 404, 429, 500, 503])('is one that %i answers', async (status) => {
      await webhooks.set(cid, sink.url);
      sink.answer = (_arrival, response) => void response.writeHead(status, { location: sink.url }).end();
      await service.authenticated({ cid });
      await webhooks.deliver();
      expect(await webhooks.log(cid)).toMatchObject([{ status: 'pending', attempts: [{ http_status: status }] }]);
      expect(sink.arrivals).toHaveLength(1); // no redirect is followed
    });

    it('does not keep the later events of its payment', async () => {
      await webhooks.set(cid, sink.url);
      sink.answer = ({ body }, response) => void response.writeHead(body.includes('.authenticated"') ? 500 : 204).end();
      await service.approved({ cid });
      await webhooks.deliver();
      expect(sink.bodies.map(({ data }) => data.sequence)).toEqual([1, 2]);
      sink.says(200);
      await webhooks.pass(cid, '6 seconds');
      await webhooks.deliver();
      expect(sink.bodies.map(({ data }) => data.sequence)).toEqual([1, 2, 1]);
      expect(await webhooks.log(cid)).toMatchObject([{ status: 'delivered' }, { status: 'delivered' }]);
    });
  });

  it('stop for good at a 410, and what is pending ends as failed', async () => {
    await webhooks.set(cid, sink.url);
    sink.answer = ({ body }, response) => void response.writeHead(body.includes('"sequence":1') ? 500 : 410).end();
    await service.approved({ cid });
    await webhooks.deliver();
    await webhooks.deliver();
    expect(await webhooks.find(cid)).toMatchObject({ enabled: false });
    expect(await webhooks.log(cid)).toMatchObject([
      { status: 'failed', attempts: [{ http_status: 500 }], next_attempt_at: null },
      { status: 'failed', attempts: [{ http_status: 410 }], next_attempt_at: null },
    ]);
    await service.authenticated({ cid });
    await webhooks.deliver();
    expect(sink.arrivals).toHaveLength(2);
    const [first] = await webhooks.log(cid);
    await expect(webhooks.redeliver(cid, first?.id ?? '')).rejects.toThrow('NOT_FOUND');
    expect(await webhooks.set(cid, sink.url)).toMatchObject({ enabled: true });
  });

  it('stop after three days of failures, and not before', async () => {
    await webhooks.set(cid, sink.url);
    sink.says(500);
    await service.authenticated({ cid });
    await webhooks.deliver();
    await webhooks.pass(cid, '71 hours');
    await webhooks.deliver();
    expect(await webhooks.find(cid)).toMatchObject({ enabled: true });
    await webhooks.pass(cid, '2 hours');
    await webhooks.deliver();
    expect(await webhooks.find(cid)).toMatchObject({ enabled: false });
    expect(await webhooks.log(cid)).toMatchObject([{ status: 'failed' }]);
  });

  it('go on when something arrived within the three days', async () => {
    await webhooks.set(cid, sink.url);
    sink.says(500);
    await service.authenticated({ cid });
    await webhooks.deliver();
    await webhooks.pass(cid, '71 hours');
    sink.says(200);
    await webhooks.test(cid);
    sink.says(500);
    await webhooks.deliver();
    await webhooks.pass(cid, '2 hours');
    await webhooks.deliver();
    expect(await webhooks.find(cid)).toMatchObject({ enabled: true });
  });

  describe('a test', () => {
    it('is sent at once, once, and tells what came of it', async () => {
      const { secret } = await webhooks.set(cid, sink.url);
      const delivery = await webhooks.test(cid);
      expect(delivery).toEqual({
        id: expect.stringMatching(/^whd_\d+$/),
        event_id: delivery.id,
        type: 'webhook.test',
        tid: null,
        url: sink.url,
        status: 'delivered',
        attempts: [{ at: expect.any(String), http_status: 200, duration_ms: expect.any(Number), response: 'ok' }],
        next_attempt_at: null,
      });
      const [arrival] = sink.arrivals;
      expect(new Webhook(secret).verify(arrival?.body ?? '', arrival?.headers as Record<string, string>)).toMatchObject(
        {
          type: 'webhook.test',
          data: { cid },
        },
      );
      expect(arrival?.id).toBe(delivery.event_id);
      sink.says(500);
      const failed = await webhooks.test(cid);
      expect(failed).toMatchObject({ status: 'failed', attempts: [{ http_status: 500 }] });
      expect(await webhooks.log(cid)).toEqual([delivery, failed]);
      await webhooks.deliver();
      expect(sink.arrivals).toHaveLength(2);
    });

    it('gives up soon enough to be answered', async () => {
      await webhooks.set(cid, sink.url);
      sink.answer = () => {}; // never
      const begun = performance.now();
      expect(await webhooks.test(cid)).toMatchObject({
        status: 'failed',
        attempts: [{ http_status: null, response: 'timed out' }],
      });
      expect(performance.now() - begun).toBeLessThan(ATTEMPT_DEADLINE_MS - 400);
    });
  });

  describe('sent again', () => {
    it('keep their id and start their schedule anew', async () => {
      await webhooks.set(cid, sink.url);
      await service.authenticated({ cid });
      await webhooks.deliver();
      const [delivered] = await webhooks.log(cid);
      if (!delivered) throw new Error('nothing was delivered');
      sink.says(500);
      expect(await webhooks.redeliver(cid, delivered.id)).toMatchObject({ id: delivered.id, status: 'pending' });
      await webhooks.deliver();
      expect(sink.arrivals.map(({ id }) => id)).toEqual([delivered.event_id, delivered.event_id]);
      const { rows } = await service.admin.query('SELECT tries, attempts_made FROM webhook_deliveries WHERE cid = $1', [
        cid,
      ]);
      expect(rows).toEqual([{ tries: 1, attempts_made: 2 }]);
    });

    it('are all that failed since', async () => {
      await webhooks.set(cid, sink.url);
      for (let i = 0; i < 4; i += 1) await service.authenticated({ cid });
      await service.admin.query(
        `UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL,
           created_at = CASE WHEN id % 2 = 0 THEN created_at - interval '1 day' ELSE created_at END
         WHERE cid = $1`,
        [cid],
      );
      const today = new Date(Date.now() - 3_600_000 + 9 * 3_600_000).toISOString().slice(0, 19);
      const since = today.replaceAll('-', '.').replace('T', ' ');
      expect(await webhooks.redeliverFailed(cid, since)).toEqual({ redelivered: 2 });
      expect(await webhooks.redeliverFailed(cid, since)).toEqual({ redelivered: 0 });
      await webhooks.deliver();
      expect(sink.arrivals).toHaveLength(2);
      expect(await webhooks.redeliverFailed(cid)).toEqual({ redelivered: 2 });
    });

    it('are nothing of another merchant’s, and nothing that is not there', async () => {
      await webhooks.set(cid, sink.url);
      await webhooks.set('TCTHIEF001', sink.url);
      const { tid } = await service.authenticated({ cid });
      const [delivery] = await webhooks.log(cid);
      for (const id of [delivery?.id ?? '', 'whd_1', 'whd_x', delivery?.event_id ?? '']) {
        await expect(webhooks.redeliver('TCTHIEF001', id)).rejects.toThrow('NOT_FOUND');
      }
      expect(await webhooks.list({ cid: 'TCTHIEF001', tid })).toEqual({ data: [], next_cursor: null });
      expect(await webhooks.redeliverFailed('TCTHIEF001')).toEqual({ redelivered: 0 });
    });
  });

  describe('the log', () => {
    it('is newest first, page by page, by status and by payment', async () => {
      await webhooks.set(cid, sink.url);
      const tids: string[] = [];
      for (let i = 0; i < 7; i += 1) tids.push((await service.authenticated({ cid })).tid);
      await webhooks.deliver();
      await service.admin.query(
        `UPDATE webhook_deliveries SET status = 'failed' WHERE id = (SELECT min(id) FROM webhook_deliveries WHERE cid = $1)`,
        [cid],
      );
      const walk = async (query: { status?: 'failed' | 'delivered'; tid?: string; limit: number }) => {
        const found: Array<string | null> = [];
        let cursor: string | undefined;
        do {
          const page = await webhooks.list({ cid, ...query, cursor });
          found.push(...page.data.map(({ tid }) => tid));
          cursor = page.next_cursor ?? undefined;
        } while (cursor);
        return found;
      };
      const newestFirst = [...tids].reverse();
      for (const limit of [1, 3, 6, 7, 8]) expect(await walk({ limit })).toEqual(newestFirst);
      expect(await walk({ limit: 2, status: 'delivered' })).toEqual(newestFirst.slice(0, 6));
      expect(await walk({ limit: 2, status: 'failed' })).toEqual(tids.slice(0, 1));
      expect(await walk({ limit: 2, tid: tids[3] })).toEqual([tids[3]]);
      await expect(webhooks.list({ cid, cursor: 'x' })).rejects.toMatchObject({ code: 'INVALID_PARAMETER' });
    });

    it('is found without a look at what others have', async () => {
      await webhooks.set(cid, sink.url);
      for (let i = 0; i < 3; i += 1) await service.authenticated({ cid });
      await webhooks.deliver();
      // All later than this merchant's, most of one merchant, which is what makes the order of all seem the shorter way.
      await service.admin.query(
        `INSERT INTO webhook_deliveries (endpoint_id, cid, url, type, status, next_attempt_at)
         SELECT 0, CASE WHEN n % 10 = 0 THEN 'TCSMALL' || n % 100 ELSE 'TCLARGE' END, '', 'webhook.test', 'delivered', NULL
         FROM generate_series(1, 20000) n`,
      );
      await service.admin.query('ANALYZE webhook_deliveries');
      const database = service.module.get(Database);
      const rowsRead = async () => {
        const text = `SELECT (seq_tup_read + idx_tup_fetch)::integer AS n FROM pg_stat_xact_user_tables
                      WHERE relname = 'webhook_deliveries'`;
        return (await database.run<{ n: number }>({ name: 'rows-read', text }, []))[0]?.n ?? 0;
      };
      await database.inTransaction(async () => {
        const before = await rowsRead();
        expect((await webhooks.list({ cid })).data).toHaveLength(3);
        const read = (await rowsRead()) - before;
        expect(read).toBeGreaterThan(0);
        expect(read).toBeLessThanOrEqual(6); // each to find it, and to tell of it
      });
    });

    it('fits into a message however long the answers were', async () => {
      await webhooks.set(cid, sink.url);
      sink.says(500, '"'.repeat(5_000));
      for (let i = 0; i < 3; i += 1) await service.authenticated({ cid });
      await webhooks.deliver();
      await service.admin.query(
        `INSERT INTO webhook_attempts SELECT delivery_id, n, at, http_status, duration_ms, response
         FROM webhook_attempts, generate_series(2, 60) n
         WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE cid = $1)`,
        [cid],
      );
      const log = await webhooks.list({ cid });
      expect(log.data[0]?.attempts).toHaveLength(20);
      expect(log.data[0]?.attempts[0]?.response).toBe('"'.repeat(1_024));
      expect(Buffer.byteLength(JSON.stringify(log))).toBeLessThan(200_000);
      expect(log.next_cursor).toBe(log.data.length < 3 ? log.data.at(-1)?.id : null);
    });
  });

  it('leave no trace of what an answer could do harm with', async () => {
    await webhooks.set(cid, sink.url);
    sink.answer = (_arrival, response) => void response.end(Buffer.from([0x61, 0, 0x1b, 0xff, 0xe2, 0x80, 0xae, 0x62]));
    await service.authenticated({ cid });
    await webhooks.deliver();
    expect(await webhooks.log(cid)).toMatchObject([{ attempts: [{ response: 'a  \uFFFD b' }] }]);
  });
});
