import { randomInt } from 'node:crypto';
import { WebhookSink } from '@oneq/testing';
import { Webhook } from 'standardwebhooks';
import { type Answer, anAffiliation, type Fields, Shop, until } from './shop';

type Delivery = Readonly<Record<string, unknown>>;

describe('webhooks over HTTP', () => {
  let shop: Shop;
  let sink: WebhookSink;
  beforeAll(async () => {
    shop = await Shop.open({ paymentReplicas: 2 });
    sink = await WebhookSink.open();
  }, 60_000);
  afterAll(async () => {
    await shop.close();
    await sink.close();
  });

  async function merchant(): Promise<{ cid: string; key: { authorization: string } }> {
    const { body } = await shop.form('/pay/store/token', anAffiliation());
    return { cid: String(body.cid), key: { authorization: `Bearer ${body.secret_key}` } };
  }
  const put = (fields: Fields, key: Fields): Promise<Answer> =>
    shop.request('PUT', '/pay/store/webhook', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...key },
      body: new URLSearchParams(fields).toString(),
    });
  const logOf = async (key: Fields, query = ''): Promise<Delivery[]> =>
    (await shop.get(`/pay/webhooks${query}`, key)).body.data as Delivery[];

  it('are set, tested, read and removed', async () => {
    const { key } = await merchant();
    for (const [method, path] of [
      ['GET', '/pay/store/webhook'],
      ['DELETE', '/pay/store/webhook'],
      ['POST', '/pay/store/webhook/test'],
      ['POST', '/pay/webhooks/whd_1/redeliver'],
      ['POST', '/pay/webhooks/nothing/redeliver'],
      ['POST', '/pay/webhooks/redeliver'],
    ] as const) {
      const answer = await shop.request(method, path, { headers: key });
      expect([method, path, answer.status, answer.body.code]).toEqual([method, path, 404, 'NOT_FOUND']);
    }
    const set = await put({ url: sink.url }, key);
    expect([set.status, Object.keys(set.body)]).toEqual([200, ['url', 'secret', 'enabled', 'created_at']]);
    expect((await put({ url: sink.url }, key)).body).toEqual(set.body);
    const { secret, ...told } = set.body;
    expect((await shop.get('/pay/store/webhook', key)).body).toEqual(told);
    const tested = await shop.request('POST', '/pay/store/webhook/test', { headers: key });
    expect(tested.body).toMatchObject({ type: 'webhook.test', status: 'delivered', tid: null });
    const arrival = sink.arrivals.find(({ id }) => id === tested.body.event_id);
    expect(new Webhook(String(secret)).verify(arrival?.body ?? '', arrival?.headers as Fields)).toMatchObject({
      type: 'webhook.test',
    });
    const rotated = await put({ url: sink.url, rotate: 'true' }, key);
    expect(rotated.body.secret).not.toBe(secret);
    // Repeated after a lost reply, a rotation under an Idempotency-Key is the same one.
    const keyed = { ...key, 'idempotency-key': 'rotation' };
    const again = await put({ url: sink.url, rotate: 'true' }, keyed);
    expect(again.body.secret).not.toBe(rotated.body.secret);
    expect((await put({ url: sink.url, rotate: 'true' }, keyed)).body.secret).toBe(again.body.secret);
    const removed = await shop.request('DELETE', '/pay/store/webhook', { headers: key });
    expect([removed.status, removed.text]).toEqual([204, '']);
    expect((await shop.get('/pay/store/webhook', key)).status).toBe(404);
  });

  it('need the key, and a URL that is one', async () => {
    for (const answer of [
      await put({ url: sink.url }, {}),
      await shop.get('/pay/store/webhook'),
      await shop.get('/pay/webhooks'),
      await shop.get('/pay/events'),
      await shop.form('/pay/webhooks/redeliver'),
      await shop.form('/pay/webhooks/whd_1/redeliver'),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([401, 'SECRET_KEY_REQUIRED']);
    }
    const { key } = await merchant();
    for (const url of [
      '',
      'shop.example',
      'ftp://shop.example/',
      'http://user@shop.example/',
      `http://${'a'.repeat(250)}/`,
    ]) {
      const { status, body } = await put({ url }, key);
      expect([url, status, (body.errors as Array<{ field: string }>)[0]?.field]).toEqual([url, 400, 'url']);
    }
    expect((await put({ url: sink.url, rotate: 'maybe' }, key)).body).toMatchObject({ errors: [{ field: 'rotate' }] });
    expect((await shop.get('/pay/events?after=evt_1', key)).body).toMatchObject({
      code: 'INVALID_PARAMETER',
      errors: [{ field: 'after' }],
    });
    expect((await shop.get('/pay/events?limit=101', key)).status).toBe(400);
    expect((await shop.get('/pay/webhooks?status=lost', key)).status).toBe(400);
    expect((await shop.form('/pay/webhooks/redeliver?since=yesterday', {}, key)).status).toBe(400);
    expect((await shop.request('POST', '/pay/events', { headers: key })).headers.get('allow')).toBe('GET, HEAD');
  });

  it('tell of a payment what GET /pay/{tid} tells, and so does the feed', async () => {
    const { cid, key } = await merchant();
    const { body } = await put({ url: sink.url }, key);
    const { tid, order } = await shop.prepare({ cid });
    await shop.authenticate(tid);
    await shop.approve(order);
    const log = async () => logOf(key, `?tid=${tid}`);
    await until(async () => (await log()).filter(({ status }) => status === 'delivered').length === 2);
    const { events: _, ...payment } = (await shop.get(`/pay/${tid}`, key)).body;
    const [approved, authenticated] = await log();
    const feed = await shop.get('/pay/events', key);
    expect(feed.body).toMatchObject({
      data: [
        { id: authenticated?.event_id, type: 'payment.authenticated', data: { status: 'AUTHENTICATED', sequence: 1 } },
        { id: approved?.event_id, type: 'payment.approved', data: { ...payment, sequence: 2 } },
      ],
      next_after: approved?.event_id,
    });
    const arrived = sink.arrivals.filter(({ body: text }) => text.includes(`"tid":"${tid}"`));
    expect(arrived.map(({ id, body: text }) => ({ id, ...JSON.parse(text) }))).toEqual(feed.body.data);
    const verifier = new Webhook(String(body.secret));
    for (const { body: text, headers } of arrived) expect(verifier.verify(text, headers as Fields)).toBeTruthy();
    expect((await shop.get(`/pay/events?after=${approved?.event_id}`, key)).body).toEqual({
      data: [],
      next_after: approved?.event_id,
    });

    const again = await shop.request('POST', `/pay/webhooks/${approved?.id}/redeliver`, { headers: key });
    expect([again.status, again.body.id]).toEqual([200, approved?.id]);
    await until(async () => sink.arrivals.filter(({ id }) => id === approved?.event_id).length === 2);
    expect((await shop.form('/pay/webhooks/redeliver?since=2016.11.15%2000:00:00', {}, key)).body).toEqual({
      redelivered: 0,
    });

    const other = await merchant();
    await put({ url: sink.url }, other.key);
    expect(await logOf(other.key, `?tid=${tid}`)).toEqual([]);
    expect((await shop.get('/pay/events', other.key)).body).toEqual({ data: [], next_after: null });
    expect((await shop.get(`/pay/events?after=${approved?.event_id}`, other.key)).status).toBe(400);
    expect((await shop.form(`/pay/webhooks/${approved?.id}/redeliver`, {}, other.key)).body.code).toBe('NOT_FOUND');
  });

  it('arrive at least once, first attempts in order, while processes are killed and a fifth of them fails', async () => {
    const PAYMENTS = 833; // of each of four merchants, with three events: 9,996 in all
    const sinks = await Promise.all(Array.from({ length: 4 }, () => WebhookSink.open()));
    const merchants = await Promise.all(sinks.map(async (own) => ({ ...(await merchant()), own })));
    const attempted = new Set<string>();
    const failing = new Set<string>();
    for (const { own, key } of merchants) {
      await put({ url: own.url }, key);
      own.answer = ({ id }, response) => {
        const first = !attempted.has(id);
        attempted.add(id);
        if (first && randomInt(5) === 0) failing.add(id);
        response.writeHead(first && failing.has(id) ? 503 : 200).end();
      };
    }
    const { order } = await shop.prepare();
    // As the statements of three changes of state write them, each in its own transaction.
    await shop.rows(
      `INSERT INTO payment.payments (cid, order_id, attempt, merchant_name, category_cd, opponent_name, item_name, member_id,
                                     quantity, amount, wallet_id, balance, approval_url, cancel_url, fail_url, checkout_version,
                                     expires_at, status, sequence, payment_method_type, authenticated_at, approved_at, tran_dt,
                                     finished_at, cancelled_amount)
       SELECT c, 'many-' || n, 1, merchant_name, category_cd, opponent_name, item_name, member_id, quantity, amount, wallet_id,
              balance, approval_url, cancel_url, fail_url, checkout_version, expires_at, 'CANCELLED', 3, 'MONEY', now(), now(),
              '2016.11.15 21:18:22', now(), amount
       FROM payment.payments, unnest($1::text[]) c, generate_series(1, ${PAYMENTS}) n WHERE order_id = $2`,
      [merchants.map(({ cid }) => cid), order.order_id],
    );
    const kill = (n: number) => {
      const payments = shop.stack.processes().filter(({ name }) => name === 'payment');
      const { pid } = payments[n % payments.length] ?? {};
      if (pid) process.kill(pid, 'SIGKILL');
    };
    for (const [sequence, type, status] of [
      [1, 'payment.authenticated', 'AUTHENTICATED'],
      [2, 'payment.approved', 'APPROVED'],
      [3, 'payment.cancelled', 'CANCELLED'],
    ] as const) {
      await shop.rows(
        `WITH event AS (
           INSERT INTO payment.events (payment_id, cid, sequence, type, status, amount)
           SELECT id, cid, $2, $3, $4, amount FROM payment.payments WHERE cid = ANY ($1) RETURNING *)
         INSERT INTO payment.webhook_deliveries (endpoint_id, cid, url, event_id, payment_id, sequence, type)
         SELECT w.id, event.cid, w.url, event.id, payment_id, sequence, type
         FROM event JOIN payment.webhook_endpoints w ON w.cid = event.cid AND enabled`,
        [merchants.map(({ cid }) => cid), sequence, type, status],
      );
    }
    const total = merchants.length * PAYMENTS * 3;
    const count = async (condition: string) =>
      (
        await shop.rows<{ n: number }>(
          `SELECT count(*)::integer AS n FROM payment.webhook_deliveries WHERE cid = ANY ($1) AND ${condition}`,
          [merchants.map(({ cid }) => cid)],
        )
      )[0]?.n ?? 0;
    for (const [kills, share] of [0.1, 0.3, 0.5, 0.7].entries()) {
      await until(async () => attempted.size >= total * share, 60_000);
      kill(kills);
    }
    // What the killed ones had taken comes back after its fifteen seconds; the test does not wait for all of them.
    await until(async () => attempted.size >= total * 0.95, 60_000);
    await shop.rows(
      `UPDATE payment.webhook_deliveries SET next_attempt_at = next_attempt_at - interval '10 seconds'
       WHERE status = 'pending' AND cid = ANY ($1)`,
      [merchants.map(({ cid }) => cid)],
    );
    await until(async () => (await count(`status = 'delivered'`)) === total, 60_000);

    const arrivals = sinks.flatMap((own) => own.arrivals);
    const attempts = new Map<string, number[]>();
    for (const { body } of arrivals) {
      const { data } = JSON.parse(body);
      attempts.set(data.tid, [...(attempts.get(data.tid) ?? []), data.sequence]);
    }
    expect(attempts.size).toBe(total / 3);
    for (const sequences of attempts.values()) expect([...new Set(sequences)]).toEqual([1, 2, 3]);
    expect(new Set(arrivals.map(({ id }) => id)).size).toBe(total);
    expect(failing.size).toBeGreaterThan(total / 10);

    const [first] = merchants;
    if (!first) throw new Error('no merchant');
    const { own, key } = first;
    const heard = new Map(own.arrivals.map(({ id, body }) => [id, { id, ...JSON.parse(body) }]));
    let fed = 0;
    for (let after = ''; ; ) {
      const { body } = await shop.get(`/pay/events?limit=100${after && `&after=${after}`}`, key);
      const events = body.data as Array<{ id: string }>;
      for (const event of events) expect(event).toEqual(heard.get(event.id));
      fed += events.length;
      if (events.length === 0) break;
      after = String(body.next_after);
    }
    expect(fed).toBe(heard.size);
    await Promise.all(sinks.map((each) => each.close()));
  }, 120_000);
});
