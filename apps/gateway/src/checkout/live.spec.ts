import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { CHECKOUT_HINTS, type CheckoutHint, type CheckoutView, OneQError, unavailable } from '@oneq/contracts';
import { createLogger, LOGGER, MessageClient } from '@oneq/service-kit';
import type { FastifyInstance } from 'fastify';
import { register } from 'prom-client';
import { CONFIG } from '../config';
import { ProblemFilter } from '../http/problem';
import { LIVE_TIMES, Live, type LiveTimes } from './live';
import { LiveController } from './live.controller';
import { Presence } from './presence';
import { Redirects } from './redirects';
import { Sessions } from './session';

const VIEW = {
  tid: '1',
  status: 'READY',
  seq: 1,
  bound: 'nobody',
  via: null,
  now: 1_000,
  expires_at: 2_000,
  authenticated_at: null,
  done: null,
} as CheckoutView;

/** The payment service, which answers what it is told to, and tells hints. */
class Payment {
  answer: CheckoutView | OneQError = VIEW;
  asked: Array<{ token: string; page: string; session: string }> = [];
  /** Each question waits for this. */
  gate: Promise<unknown> | undefined;
  heard: (payload: unknown) => void = () => undefined;
  missed: () => void = () => undefined;

  readonly client = {
    ask: async (_message: unknown, query: Payment['asked'][number]) => {
      this.asked.push(query);
      const answer = this.answer;
      await this.gate;
      if (answer instanceof OneQError) throw answer;
      return { ...answer, now: Date.now() };
    },
    hear: (subject: string, heard: Payment['heard'], missed: Payment['missed']) => {
      expect(subject).toBe(CHECKOUT_HINTS);
      Object.assign(this, { heard, missed });
    },
  };

  hint(page: CheckoutHint['page'], tid = '1'): void {
    this.heard({ tid, page });
  }

  becomes(changes: Partial<CheckoutView>): void {
    this.answer = { ...VIEW, ...changes };
    this.hint(null);
  }
}

interface Event {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** A page's stream, read as a browser would. */
class Page {
  readonly events: Event[] = [];
  text = '';
  ended = false;

  constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8').on('error', () => undefined);
    response.on('close', () => {
      this.ended = true;
    });
    response.on('data', (piece: string) => {
      this.text += piece;
      const blocks = this.text.split('\n\n');
      this.events.splice(
        0,
        this.events.length,
        ...blocks
          .slice(0, -1)
          .map(read)
          .filter((event) => event !== null),
      );
    });
  }

  of(event: string): Event[] {
    return this.events.filter((each) => each.event === event);
  }

  get phases(): unknown[] {
    return this.of('message').map(({ data }) => data.phase);
  }
}

function read(block: string): Event | null {
  const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  if (fields.data === undefined) return null;
  return { event: fields.event ?? 'message', id: fields.id, data: JSON.parse(fields.data) };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(2);
}

describe('live status', () => {
  let payment: Payment;
  let app: NestFastifyApplication;
  let closed = false;
  let base = '';
  const requests: Array<ReturnType<typeof httpRequest>> = [];

  async function start(times: LiveTimes = { heartbeatMs: 60_000, spreadMs: 20 }): Promise<void> {
    payment = new Payment();
    const config = {
      PUBLIC_URL: 'http://localhost',
      SESSION_SECRET: 'secret-of-the-session-0123456789',
      REDIRECT_SECRET: 'secret-of-the-redirect-0123456789',
    };
    const module = {
      module: class TestModule {},
      controllers: [LiveController],
      providers: [
        { provide: MessageClient, useValue: payment.client },
        { provide: LOGGER, useValue: createLogger('test', 'silent' as 'fatal') },
        { provide: CONFIG, useValue: config },
        { provide: LIVE_TIMES, useValue: times },
        { provide: APP_FILTER, useClass: ProblemFilter },
        Live,
        Presence,
        Redirects,
        Sessions,
      ],
    };
    const adapter = new FastifyAdapter();
    app = await NestFactory.create<NestFastifyApplication>(module, adapter, { logger: false });
    closed = false;
    await app.listen(0, '127.0.0.1');
    const server: FastifyInstance = adapter.getInstance();
    base = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  }

  const get = (path: string, headers: Record<string, string> = {}) =>
    new Promise<IncomingMessage>((answered, failed) => {
      const request = httpRequest(base + path, { headers }, answered)
        .on('error', failed)
        .end();
      requests.push(request);
    });
  const watch = async (query = 'token=t&page=pc', headers: Record<string, string> = {}) => {
    const page = new Page(await get(`/pay/live?${query}`, headers));
    await until(() => page.of('message').length > 0);
    return page;
  };
  const problem = async (path: string) => {
    const answer = await fetch(base + path);
    const { code } = (await answer.json()) as { code: string };
    return { status: answer.status, code, retryAfter: answer.headers.get('retry-after') };
  };
  const streams = async () => (await register.getSingleMetric('oneq_live_streams')?.get())?.values[0]?.value;
  const stop = async () => {
    closed = true;
    await app.close();
  };

  beforeEach(() => start());
  afterEach(async () => {
    for (const request of requests.splice(0)) request.destroy();
    if (!closed) await stop();
    expect(await streams()).toBe(0);
  });

  describe('GET /pay/status', () => {
    it('is the whole state, for no cache', async () => {
      const answer = await fetch(`${base}/pay/status?token=t&page=pc`);
      expect(await answer.json()).toEqual({
        seq: 1,
        phase: 'waiting',
        expires_at: 2_000,
        now: expect.any(Number),
        redirect_url: null,
        pc_gone: false,
      });
    });

    it('asks as the browser that the cookie names', async () => {
      const cookie = `oneq_session=${'s'.repeat(22)}`;
      await fetch(`${base}/pay/status?token=t&page=phone`, { headers: { cookie } });
      await fetch(`${base}/pay/status?token=t&page=phone`);
      const [one, other] = payment.asked;
      expect(one).toEqual({ token: 't', page: 'phone', session: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(other?.session).not.toBe(one?.session);
    });

    it.each(['', '?token=t', '?page=pc', '?token=t&page=tablet', '?token=t&token=u&page=pc'])(
      'answers 404 for %p',
      async (query) => {
        expect(await problem(`/pay/status${query}`)).toMatchObject({ status: 404, code: 'PAYMENT_NOT_FOUND' });
        expect(payment.asked).toHaveLength(0);
      },
    );

    it('answers 404 for a text that cannot be a token, as for one that opens nothing', async () => {
      for (const code of ['INVALID_PARAMETER', 'PAYMENT_NOT_FOUND'] as const) {
        payment.answer = new OneQError(code);
        for (const path of ['status', 'live']) {
          expect(await problem(`/pay/${path}?token=t&page=pc`)).toMatchObject({
            status: 404,
            code: 'PAYMENT_NOT_FOUND',
          });
        }
      }
    });

    it('answers 503 with Retry-After while the service is away', async () => {
      payment.answer = unavailable('final');
      for (const path of ['status', 'live']) {
        expect(await problem(`/pay/${path}?token=t&page=pc`)).toEqual({
          status: 503,
          code: 'SERVICE_UNAVAILABLE',
          retryAfter: '1',
        });
      }
    });
  });

  describe('GET /pay/live', () => {
    it('begins with the whole state, for no cache and no buffer', async () => {
      const page = await watch();
      expect(page.response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      expect(page.text).toMatch(/^retry: 2000\nid: 1\ndata: \{"seq":1,/);
      expect(page.phases).toEqual(['waiting']);
    });

    it('pushes a change when it is hinted, and nothing when nothing changed', async () => {
      const page = await watch();
      payment.hint(null);
      await until(() => payment.asked.length === 2);
      payment.becomes({ seq: 2, bound: 'other' });
      await until(() => page.phases.length === 2);
      expect(page.phases).toEqual(['waiting', 'paying']);
      expect(page.of('message').map(({ id }) => id)).toEqual(['1', '2']);
    });

    it('does not ask for payments that no page of its shows', async () => {
      await watch();
      payment.hint(null, '2');
      payment.hint('phone', '2');
      for (const noise of [null, 5, 'x', {}, { tid: 1, page: null }, { tid: '1', page: 'tablet' }])
        payment.heard(noise);
      payment.becomes({ seq: 2 });
      await until(() => payment.asked.length === 2);
    });

    it('asks once more, not many times, for hints that come while an answer is on its way', async () => {
      const page = await watch();
      let open: (value: unknown) => void = () => undefined;
      payment.gate = new Promise((opened) => {
        open = opened;
      });
      payment.becomes({ seq: 2, bound: 'other' });
      for (let i = 3; i < 50; i += 1) payment.becomes({ seq: i, bound: 'other' });
      expect(payment.asked).toHaveLength(2);
      open(undefined);
      await until(() => page.of('message').at(-1)?.id === '49');
      expect(payment.asked).toHaveLength(3);
    });

    it('misses no change that was told while its first question was on its way', async () => {
      let open: (value: unknown) => void = () => undefined;
      payment.gate = new Promise((opened) => {
        open = opened;
      });
      const watching = watch();
      await until(() => payment.asked.length === 1);
      payment.becomes({ seq: 2, bound: 'other' });
      open(undefined);
      const page = await watching;
      await until(() => page.phases.length === 2);
      expect(page.phases).toEqual(['waiting', 'paying']);
    });

    it('tells the PC, and not the phone, that a phone opened the page; once', async () => {
      const [pc, phone] = [await watch('token=t&page=pc'), await watch('token=u&page=phone')];
      payment.hint('phone');
      await until(() => pc.phases.length === 2);
      payment.hint('phone');
      payment.hint('pc');
      expect(pc.phases).toEqual(['waiting', 'opened']);
      expect(phone.phases).toEqual(['waiting']);
      expect(payment.asked).toHaveLength(3);
    });

    it('ends after the snapshot of the end, also when that is the first', async () => {
      const page = await watch();
      payment.becomes({ seq: 5, status: 'CANCELLED' });
      await until(() => page.ended);
      expect(page.phases).toEqual(['waiting', 'cancelled']);
      const late = await watch('token=t&page=pc', { 'last-event-id': '4' });
      await until(() => late.ended);
      expect(late.phases).toEqual(['cancelled']);
      expect((await get('/pay/live?token=t&page=pc', { 'last-event-id': '5' })).statusCode).toBe(204);
    });

    it('goes on after the payer’s part: the approval is news too', async () => {
      const page = await watch('token=u&page=phone&via=qr');
      payment.becomes({ seq: 5, status: 'AUTHENTICATED', bound: 'you', via: 'qr', authenticated_at: Date.now() });
      await until(() => page.phases.length === 2);
      payment.becomes({ seq: 6, status: 'APPROVED', bound: 'you', via: 'qr' });
      await until(() => page.ended);
      expect(page.phases).toEqual(['waiting', 'authenticated', 'approved']);
    });

    it('refuses the fifth stream of a token with Retry-After, until one is closed', async () => {
      const pages = [await watch(), await watch(), await watch(), await watch()];
      await watch('token=u&page=pc');
      expect(await problem('/pay/live?token=t&page=pc')).toEqual({
        status: 429,
        code: 'TOO_MANY_REQUESTS',
        retryAfter: '5',
      });
      pages[0]?.response.destroy();
      while ((await streams()) !== 4) await delay(2);
      await watch();
    });

    it('forgets a page that went away at once', async () => {
      const page = await watch();
      expect(await streams()).toBe(1);
      page.response.destroy();
      while ((await streams()) !== 0) await delay(2);
      payment.becomes({ seq: 2 });
      expect(payment.asked).toHaveLength(1);
    });

    it('cuts a page that reads no more', async () => {
      const page = await watch();
      page.response.pause();
      const long = 'x'.repeat(100_000);
      for (let seq = 2; (await streams()) !== 0; seq += 1) {
        const done = { tid: '1', cid: 'TC', order_id: 'o', amount: 1, merchant_url: `http://shop/?${long}` };
        payment.becomes({
          seq,
          status: 'AUTHENTICATED',
          done: { ...done, status: 'AUTHENTICATED', result: 'authenticated' },
        });
        await delay(1);
      }
    });

    it('answers HEAD without a stream', async () => {
      expect((await fetch(`${base}/pay/live?token=t&page=pc`, { method: 'HEAD' })).status).toBe(200);
      expect(await streams()).toBe(0);
    });

    it('says goodbye when the gateway stops, and does not hold it up', async () => {
      const page = await watch();
      const started = performance.now();
      await stop();
      expect(performance.now() - started).toBeLessThan(900);
      await until(() => page.ended);
      expect(page.of('bye')).toHaveLength(1);
    });

    it('looks again when hints were missed', async () => {
      const page = await watch();
      payment.answer = { ...VIEW, seq: 2, bound: 'other' };
      payment.missed();
      await until(() => page.phases.length === 2);
    });
  });

  describe('the heartbeat', () => {
    beforeEach(async () => {
      await stop();
      await start({ heartbeatMs: 20, spreadMs: 20 });
    });

    it('is an event that scripts can hear, and heals a hint that was lost', async () => {
      const page = await watch();
      payment.answer = { ...VIEW, seq: 2, bound: 'other' };
      await until(() => page.of('hb').length > 1 && page.phases.length === 2);
    });

    it('goes on while the service is away', async () => {
      const page = await watch();
      payment.answer = unavailable('final');
      await until(() => page.of('hb').length > 3);
      expect(page.ended).toBe(false);
      payment.answer = { ...VIEW, seq: 2, bound: 'other' };
      await until(() => page.phases.length === 2);
    });

    it('ends with a payment that is purged', async () => {
      const page = await watch();
      payment.answer = new OneQError('PAYMENT_NOT_FOUND');
      await until(() => page.ended);
    });
  });
});
