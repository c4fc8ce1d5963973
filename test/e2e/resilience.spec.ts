import { type Answer, anOrder, Shop, until } from './shop';

describe('under concurrency, with three payment processes', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ paymentReplicas: 3, isPrompt: true });
  });
  afterAll(() => shop?.close());

  const processesOf = (name: string) => shop.stack.processes().filter((process) => process.name === name);

  /** Commands of one kind that each payment process has executed, by its own count. */
  async function executed(subject: string): Promise<number[]> {
    return Promise.all(
      processesOf('payment').map(async ({ port }) => {
        const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        const line = new RegExp(`^oneq_message_handled_seconds_count\\{subject="${subject}",code="OK"\\} (\\d+)$`, 'm');
        return Number(line.exec(text)?.[1] ?? 0);
      }),
    );
  }

  it('runs each command once, and shares the work', async () => {
    const before = await executed('payment.prepare');
    let sent = 0;
    let each: number[] = [];
    // What is asked at one moment travels together, so a wave may be one process's work; no process is left out for long.
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => shop.prepare()));
      for (const { answer } of answers) expect(answer.status).toBe(200);
      sent += answers.length;
      each = (await executed('payment.prepare')).map((count, i) => count - (before[i] ?? 0));
      return each.every((count) => count >= 30);
    });
    expect(each.reduce((sum, count) => sum + count)).toBe(sent);
  });

  it('gives one tid for the same prepare sent 50 times at once', async () => {
    const order = anOrder();
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.form('/pay', order)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await shop.rows('SELECT FROM payment.payments WHERE order_id = $1', [order.order_id])).toHaveLength(1);
  });

  it('gives one debit and 50 identical answers for the same approval sent 50 times at once', async () => {
    const { order, tid } = await shop.prepare();
    await shop.authenticate(tid);
    const answers = await Promise.all(Array.from({ length: 50 }, () => shop.approve(order)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await shop.wallet(order)).toMatchObject({ money_balance: 34_000, money_held: 0 });
  });

  it('lets exactly one of two payments of 8,000 be authenticated on a wallet of 10,000', async () => {
    for (let round = 0; round < 10; round += 1) {
      const first = await shop.prepare({ amount: '8000', balance: '10000' });
      const second = await shop.prepare({ amount: '8000', bank_acct_num: String(first.order.bank_acct_num) });
      const answers = await Promise.all([shop.authenticate(first.tid), shop.authenticate(second.tid)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
        code: 'INSUFFICIENT_FUNDS',
        outcome: 'final',
        retryable: true,
      });
    }
  });

  it('loses nothing that was answered 200 when payment processes are killed while requests run', async () => {
    const approved: string[] = [];
    let unknown = 0;
    const pay = async () => {
      const { order, tid, answer } = await shop.prepare();
      if (answer.status !== 200) return;
      if ((await shop.authenticate(tid)).status !== 200) return;
      let approval: Answer = await shop.approve(order);
      // What a merchant does: the same request again, until a 200 or a final 4xx settles it.
      for (let again = 0; approval.status >= 500 && again < 500; again += 1) {
        if (approval.body.outcome === 'unknown') unknown += 1;
        approval = await shop.approve(order);
      }
      expect(approval.status).toBe(200);
      approved.push(String(order.order_id));
    };
    let running = true;
    const customers = Array.from({ length: 12 }, async () => {
      while (running) await pay();
    });
    try {
      for (let kill = 0; kill < 4; kill += 1) {
        const paid = approved.length;
        await until(async () => approved.length >= paid + 30);
        const victim = processesOf('payment')[kill % 3];
        if (victim) process.kill(victim.pid, 'SIGKILL');
        await until(async () => processesOf('payment').every(({ pid }) => pid !== victim?.pid));
      }
    } finally {
      running = false;
      await Promise.all(customers);
    }
    const captures = await shop.rows<{ order_id: string; status: string; n: number }>(
      `SELECT p.order_id, p.status, count(t.id)::integer AS n FROM payment.payments p
       LEFT JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'capture' AND t.amount = p.amount
       WHERE p.order_id = ANY ($1) GROUP BY p.id`,
      [approved],
    );
    expect(approved.length).toBeGreaterThan(120);
    expect(captures).toHaveLength(approved.length);
    expect(captures.filter(({ status, n }) => status !== 'APPROVED' || n !== 1)).toEqual([]);
    expect(unknown).toBeLessThan(approved.length);
  }, 120_000);

  it('has a ledger that adds up after all this', async () => {
    const broken = await shop.rows(
      `SELECT w.id FROM payment.wallets w
       WHERE w.money_balance <> (
           SELECT coalesce(sum(CASE WHEN credit_account = 'wallet/' || w.id || '/money' THEN amount ELSE -amount END), 0)
           FROM payment.transfers WHERE 'wallet/' || w.id || '/money' IN (credit_account, debit_account))
         OR w.money_held <> (
           SELECT coalesce(sum(amount), 0) FROM payment.payments p
           WHERE p.wallet_id = w.id AND status = 'AUTHENTICATED' AND payment_method_type = 'MONEY')`,
    );
    expect(broken).toEqual([]);
  });

  it('fails no request when payment processes stop in turn (SIGTERM)', async () => {
    let running = true;
    const statuses: number[] = [];
    const customers = Array.from({ length: 8 }, async () => {
      while (running) statuses.push((await shop.prepare()).answer.status);
    });
    try {
      for (const victim of processesOf('payment')) {
        process.kill(victim.pid, 'SIGTERM');
        await until(
          async () =>
            (await Promise.all(processesOf('payment').map(isReady))).every(Boolean) &&
            !processesOf('payment').some(({ pid }) => pid === victim.pid),
        );
      }
    } finally {
      running = false;
      await Promise.all(customers);
    }
    expect(statuses.length).toBeGreaterThan(50);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  }, 120_000);
});

describe('when a part is away', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open({ isPrompt: true });
  });
  afterAll(() => shop?.close());

  it.each(['payment', 'affiliation', 'postgres', 'nats', 'gateway'])(
    'comes back by itself after %s is killed',
    async (name) => {
      const victim = shop.stack.processes().find((process) => process.name === name);
      if (!victim) throw new Error(`no process ${name}`);
      process.kill(victim.pid, 'SIGKILL');
      await until(async () => shop.stack.processes().every(({ pid }) => pid !== victim.pid));
      await until(async () => (await shop.get('/health/ready').catch(() => null))?.status === 200);
      expect((await shop.prepare()).answer.status).toBe(200);
    },
  );

  it('ends in time when the gateway stops, and answers what it has first', async () => {
    const process1 = (name: string) => shop.stack.processes().find((process) => process.name === name);
    const payment = process1('payment');
    const gateway = process1('gateway');
    if (!payment || !gateway) throw new Error('not running');
    process.kill(payment.pid, 'SIGSTOP');
    let answered: Promise<Answer>;
    try {
      answered = shop.form('/pay', anOrder());
      await until(async () => (await shop.get('/health/ready')).status === 503);
      process.kill(gateway.pid, 'SIGTERM');
    } finally {
      process.kill(payment.pid, 'SIGCONT');
    }
    const answer = await answered;
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    await until(async () => process1('gateway')?.pid !== gateway.pid);
    await until(async () => (await shop.get('/health/ready').catch(() => null))?.status === 200);
    expect(await shop.logs()).not.toContain('did not stop in time');
  });

  it('survives the loss of database connections in use: no process ends, and the calls can be repeated', async () => {
    const before = shop.stack.processes();
    const active = `datname = current_database() AND application_name = 'oneq-payment' AND state = 'active'`;
    const orders = Array.from({ length: 20 }, () => anOrder());
    let calls: Promise<Answer>[] = [];
    await shop.locked('payment.payments', async () => {
      calls = orders.map((order) => shop.form('/pay', order));
      await until(async () => (await shop.rows(`SELECT FROM pg_stat_activity WHERE ${active}`)).length > 0);
      await shop.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${active}`);
    });
    for (const { status, body } of await Promise.all(calls)) {
      expect([200, 503]).toContain(status);
      if (status !== 200) expect(body.retryable).toBe(true);
    }
    await until(async () => (await shop.get('/health/ready')).status === 200);
    for (const order of orders) expect((await shop.form('/pay', order)).status).toBe(200);
    expect(shop.stack.processes()).toEqual(before);
  });

  it('answers 503 within a second, final and retryable, while nobody listens', async () => {
    await shop.without('payment', async () => {
      const started = performance.now();
      const { answer } = await shop.prepare();
      expect(performance.now() - started).toBeLessThan(1_000);
      expect(answer).toMatchObject({
        status: 503,
        body: { code: 'SERVICE_UNAVAILABLE', outcome: 'final', retryable: true },
      });
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      expect((await shop.get('/health/ready')).status).toBe(503);
      expect((await shop.get('/health/live')).status).toBe(200);
    });
  });

  it('serves a known merchant on while affiliation is away', async () => {
    await shop.prepare();
    await shop.without('affiliation', async () => {
      expect((await shop.prepare()).answer.status).toBe(200);
      expect((await shop.form('/pay', anOrder({ cid: 'TCUNKNOWN0' }))).status).toBe(503);
    });
  });

  it('asks once more when a process freezes, and then calls the outcome unknown', async () => {
    const { order, tid } = await shop.prepare();
    await shop.authenticate(tid);
    const payment = shop.stack.processes().find(({ name }) => name === 'payment');
    if (!payment) throw new Error('no payment process');
    process.kill(payment.pid, 'SIGSTOP');
    let answer: Answer;
    try {
      answer = await shop.approve(order);
    } finally {
      process.kill(payment.pid, 'SIGCONT');
    }
    expect(answer).toMatchObject({
      status: 504,
      body: { code: 'UPSTREAM_TIMEOUT', outcome: 'unknown', retryable: true },
    });
    expect(await shop.approve(order)).toMatchObject({ status: 200, body: { tid } });
    const captures = `FROM payment.transfers JOIN payment.payments p ON p.id = payment_id WHERE kind = 'capture' AND order_id = $1`;
    expect(await shop.rows(`SELECT ${captures}`, [order.order_id])).toHaveLength(1);
  });
});

async function isReady({ port }: { port: number }): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health/ready`).then(
    ({ status }) => status === 200,
    () => false,
  );
}
