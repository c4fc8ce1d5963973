import { EventEmitter, once } from 'node:events';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Payload } from '@nestjs/microservices';
import { type Message, message, OneQError, Text } from '@oneq/contracts';
import { startTestNats, type TestNats } from '@oneq/testing';
import { connect, headers, type NatsConnection } from 'nats';
import { PROCESS_HEADER, UNANSWERED_MAX } from './affinity';
import { DrainingNatsServer } from './draining-nats-server';
import { createLogger } from './log';
import { MessageClient } from './message-client';
import { natsOptions } from './nats-options';
import { Answers, MessagePipe, WireErrorFilter } from './rpc';
import { inTrace, traceId, traceparent } from './trace';

class Question {
  @Text({ max: 10, description: 'text' })
  readonly text!: string;
}
class LongQuestion {
  @Text({ max: 20_000, description: 'text' })
  readonly text!: string;
}
/** Text that `Wait` does not wait with. */
const AT_ONCE = 'at once';
const Echo = message<string>()('payment.test.echo', Question);
const Refuse = message<never>()('payment.test.refuse', Question);
const Crash = message<never>()('payment.test.crash', Question);
const Wait = message<string>()('payment.test.wait', Question);
const Trace = message<string>()('payment.test.trace', Question);
const Long = message<string>()('payment.test.long', LongQuestion);
const Who = message<number>()('payment.test.who', Question);
const Heavy = message<number>()('payment.test.heavy', Question, { isHeavy: true });
const OfAffiliation = message<string>()('affiliation.test.echo', Question);
const Nobody = message<never>()('payment.test.nobody', Question);

/** What the handlers of all services of this file did, and the gate that `Wait` waits at. */
const seen = { services: 0, handled: 0, gate: new EventEmitter().setMaxListeners(0) };

@Controller()
class TestController {
  private readonly number = ++seen.services;

  @Answers(Echo)
  async echo(@Payload() { text }: Question): Promise<string> {
    seen.handled += 1;
    return text;
  }

  @Answers(Refuse)
  async refuse(@Payload() _question: Question): Promise<never> {
    throw new OneQError('PAYMENT_MISMATCH', { errors: [{ field: 'amount', code: 'MISMATCH' }] });
  }

  @Answers(Crash)
  async crash(@Payload() _question: Question): Promise<never> {
    throw new TypeError('relation "secrets" does not exist');
  }

  @Answers(Long)
  async long(@Payload() { text }: LongQuestion): Promise<string> {
    return text;
  }

  @Answers(Wait)
  async wait(@Payload() { text }: Question): Promise<string> {
    seen.handled += 1;
    if (text === AT_ONCE) return text;
    seen.gate.emit('waiting');
    await once(seen.gate, 'open');
    return text;
  }

  @Answers(Who)
  async who(@Payload() _question: Question): Promise<number> {
    return this.number;
  }

  @Answers(Heavy)
  async heavy(@Payload() _question: Question): Promise<number> {
    return this.number;
  }

  @Answers(Trace)
  async trace(@Payload() _question: Question): Promise<string> {
    return traceId() ?? 'none';
  }
}

@Module({ controllers: [TestController] })
class TestModule {}

const log = createLogger('test', 'silent' as 'fatal');

async function startService(url: string) {
  const server = new DrainingNatsServer({ ...natsOptions(url, 'payment'), queue: 'payment' }, log);
  const app = await NestFactory.createMicroservice(TestModule, {
    strategy: server,
    logger: false,
    abortOnError: false,
  });
  app.useGlobalPipes(new MessagePipe('sandbox'));
  app.useGlobalFilters(new WireErrorFilter(log, () => undefined));
  await app.listen();
  return app;
}

describe('messages over NATS', () => {
  let nats: TestNats;
  let client: MessageClient;
  const services: Array<Awaited<ReturnType<typeof startService>>> = [];
  const service = async () => {
    const app = await startService(nats.url('payment'));
    services.push(app);
    return app;
  };

  const others: NatsConnection[] = [];
  /** A connection beside those of client and service. */
  const connected = async (user: Parameters<TestNats['url']>[0], name: string) => {
    const connection = await connect(natsOptions(nats.url(user), name) as object);
    others.push(connection);
    return connection;
  };

  beforeEach(async () => {
    seen.handled = 0;
    nats = await startTestNats();
    client = new MessageClient(nats.url('gateway'), 'gateway', '_INBOX.gateway', log);
    await client.connect();
  });
  afterEach(async () => {
    seen.gate.emit('open');
    await client.close();
    await Promise.all(others.splice(0).map((connection) => connection.close()));
    await Promise.all(services.splice(0).map((app) => app.close()));
    await nats.stop();
  });

  const ask = <A>(question: Message<{ readonly text: string }, A>, text = 'hello', deadlineMs?: number) =>
    client.ask(question, { text }, deadlineMs);

  it('bring back the answer', async () => {
    await service();
    await expect(ask(Echo)).resolves.toBe('hello');
  });

  it('bring back the typed error, with all its fields', async () => {
    await service();
    await expect(ask(Refuse)).rejects.toEqual(
      new OneQError('PAYMENT_MISMATCH', { errors: [{ field: 'amount', code: 'MISMATCH' }] }),
    );
  });

  it('validate what arrives, and tell every faulty field', async () => {
    await service();
    await expect(ask(Echo, 'x'.repeat(11))).rejects.toMatchObject({
      code: 'INVALID_PARAMETER',
      extras: { errors: [{ field: 'text', code: 'TOO_LONG' }] },
    });
    expect(seen.handled).toBe(0);
  });

  it('answer INTERNAL_ERROR for a bug, and nothing of its text', async () => {
    await service();
    const error = await ask(Crash).catch((reason: OneQError) => reason);
    expect(error).toEqual(new OneQError('INTERNAL_ERROR'));
    expect(JSON.stringify(error)).not.toContain('secrets');
  });

  it('are executed once, however many replicas there are', async () => {
    await Promise.all([service(), service(), service()]);
    await Promise.all(Array.from({ length: 300 }, () => ask(Echo)));
    expect(seen.handled).toBe(300);
  });

  it('answer 503 with a final outcome at once when nobody listens', async () => {
    await service();
    const started = performance.now();
    await expect(ask(Nobody)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('are sent once more when the answer is lost, and then are unknown, not failed', async () => {
    await service();
    await expect(ask(Wait, 'hello', 3_400)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT', outcome: 'unknown' });
    expect(seen.handled).toBe(2);
  });

  it('are not sent when the request they belong to has no time left: that is final', async () => {
    await service();
    const late = inTrace(undefined, () => ask(Echo), Date.now());
    await expect(late).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    expect(seen.handled).toBe(0);
  });

  it('find the answer at the second asking when the first reply was lost', async () => {
    const deaf = await connected('operator', 'deaf');
    let dropped = 0;
    // A replica that takes one message of the group and dies before it answers.
    const taken = deaf.subscribe(Echo.subject, {
      queue: 'payment',
      max: 1,
      callback: () => {
        dropped += 1;
      },
    });
    await deaf.flush();
    const answer = ask(Echo, 'hello', 5_000);
    await service();
    await expect(answer).resolves.toBe('hello');
    expect(dropped).toBe(1);
    expect(taken.isClosed()).toBe(true);
  });

  it('are unknown at once when the connection breaks on the way, and final when it is gone before', async () => {
    await service();
    const waiting = once(seen.gate, 'waiting');
    const answer = ask(Wait).catch((error: OneQError) => error);
    await waiting;
    process.kill(nats.pid, 'SIGKILL');
    expect(await answer).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'unknown' });
    await expect(ask(Echo)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
  });

  it('are answered by the service that was asked, and by no other', async () => {
    const operator = await connected('operator', 'operator');
    const payment = await connected('payment', 'payment');
    const asked = operator.subscribe(OfAffiliation.subject, { max: 1 });
    await operator.flush();
    const answer = ask(OfAffiliation);
    for await (const packet of asked) {
      const { id } = JSON.parse(packet.string());
      const own = packet.reply?.replace('.affiliation.', '.payment.') ?? '';
      payment.publish(own, jsonLines([{ id, response: 'forged' }]));
      payment.publish(own.replace(/\d+-\d+$/, `1-${Number.MAX_SAFE_INTEGER}`)); // as if nobody listened
      await payment.flush();
      packet.respond(jsonLines([{ id, response: 'true' }]));
    }
    await expect(answer).resolves.toBe('true');
  });

  it('are dropped when their deadline has passed before they are read', async () => {
    await service();
    const operator = await connected('operator', 'late');
    const inbox = '_INBOX.operator.payment.late';
    const questions = [-1, 10_000].map((ms, id) => ({ id, data: { text: 'late' }, deadline: Date.now() + ms }));
    const answers = operator.subscribe(inbox, { max: 1 });
    operator.publish(Echo.subject, jsonLines(questions), { reply: inbox });
    for await (const answer of answers) expect(answer.string()).toBe(jsonLines([{ id: 1, response: 'late' }]));
    expect(seen.handled).toBe(1);
  });

  it('travel together when they are asked at the same moment, and none waits for another’s answer', async () => {
    await service();
    const operator = await connected('operator', 'listener');
    const packets: string[] = [];
    operator.subscribe(Wait.subject, { callback: (_error, packet) => void packets.push(packet.string()) });
    await operator.flush();
    const waiting = once(seen.gate, 'waiting');
    const late = ask(Wait);
    await expect(Promise.all([ask(Wait, AT_ONCE), ask(Wait, AT_ONCE)])).resolves.toEqual([AT_ONCE, AT_ONCE]);
    await waiting;
    seen.gate.emit('open');
    await expect(late).resolves.toBe('hello');
    await operator.flush();
    expect(packets.map((lines) => lines.match(/\n/g)?.length)).toEqual([3]);
  });

  it('travel in several packets when they are many or large', async () => {
    await service();
    const operator = await connected('operator', 'listener');
    const packets: number[] = [];
    operator.subscribe(Long.subject, { callback: (_error, packet) => void packets.push(packet.data.length) });
    await operator.flush();
    const text = '한'.repeat(16_000);
    const answers = await Promise.all(Array.from({ length: 70 }, () => ask(Long, text)));
    expect(answers).toEqual(answers.map(() => text));
    await operator.flush();
    expect(packets.length).toBeGreaterThan(2);
    expect(Math.max(...packets)).toBeLessThan(1_000_000); // max_payload in deploy/nats.conf
  });

  it('survive unreadable packets', async () => {
    await service();
    const operator = await connected('operator', 'noise');
    for (const noise of [
      '',
      '\n',
      '{\n',
      'null\n',
      '[]\n',
      '{"id":1}\n',
      '5\n',
      '{"id":1,"data":5}\n',
      '{"id":1,"deadline":9e15,"data":5}',
    ]) {
      operator.publish(Echo.subject, new TextEncoder().encode(noise), { reply: 'nobody.listens' });
    }
    await operator.flush();
    await expect(ask(Echo)).resolves.toBe('hello');
  });

  it('that were accepted are answered when the service stops meanwhile', async () => {
    const app = await service();
    const waiting = once(seen.gate, 'waiting');
    const answer = ask(Wait);
    await waiting;
    const closed = app.close();
    seen.gate.emit('open');
    await expect(answer).resolves.toBe('hello');
    await closed;
  });

  it('are lost by no stopping replica under load: each is answered', async () => {
    const stopping = await service();
    await service();
    const answers = Array.from({ length: 500 }, (_, i) => ask(Echo, `${i}`));
    const closed = stopping.close();
    const texts = await Promise.all(answers);
    expect(texts).toEqual(texts.map((_, i) => `${i}`));
    await closed;
  });

  describe('to three processes', () => {
    /** Who answered so many, asked one after the other. */
    const answeredBy = async (question: Message<{ readonly text: string }, number>, count = 60) => {
      const numbers = new Set<number>();
      for (let i = 0; i < count; i += 1) numbers.add(await ask(question));
      return numbers;
    };

    it('go to one of them while it keeps up', async () => {
      await Promise.all([service(), service(), service()]);
      expect((await answeredBy(Who)).size).toBe(1);
    });

    it('go to all of them while one has as much as it takes at a time, and to that one again afterwards', async () => {
      await Promise.all([service(), service(), service()]);
      const preferred = await answeredBy(Who, 1);
      const waiting = Promise.all(Array.from({ length: UNANSWERED_MAX }, () => ask(Wait)));
      expect((await answeredBy(Who)).size).toBe(3);
      while (seen.handled < UNANSWERED_MAX) await ask(Who); // all of them wait at the gate
      seen.gate.emit('open');
      await waiting;
      expect(await answeredBy(Who)).toEqual(preferred);
    });

    it('go to all of them when they keep a processor busy for long', async () => {
      await Promise.all([service(), service(), service()]);
      await ask(Who);
      expect((await answeredBy(Heavy)).size).toBe(3);
    });

    it('go to all of them when none is to be preferred', async () => {
      await Promise.all([service(), service(), service()]);
      const even = new MessageClient(nats.url('gateway'), 'gateway', '_INBOX.gateway', log, 0);
      await even.connect();
      const numbers = new Set<number>();
      for (let i = 0; i < 60; i += 1) numbers.add(await even.ask(Who, { text: 'hello' }));
      await even.close();
      expect(numbers.size).toBe(3);
    });

    it('go to another one when the one they went to stops, and none fails', async () => {
      const apps = [await service(), await service(), await service()];
      const [preferred] = await answeredBy(Who, 1);
      const first = seen.services - apps.length + 1;
      await apps[(preferred ?? 0) - first]?.close();
      const others = await answeredBy(Who);
      expect(others.size).toBe(1);
      expect(others).not.toContain(preferred);
    });

    it('go to another one when the one they went to does not answer in time', async () => {
      const operator = await connected('operator', 'frozen');
      const signature = headers();
      signature.set(PROCESS_HEADER, 'frozen');
      const group = operator.subscribe(Who.subject, {
        queue: 'payment',
        callback: (_error, packet) => {
          const { id } = JSON.parse(packet.string());
          packet.respond(`{"id":${id},"response":0}\n`, { headers: signature });
        },
      });
      let lost = 0;
      operator.subscribe(`${Who.subject}.frozen`, {
        callback: () => {
          lost += 1;
        },
      });
      await operator.flush();
      expect(await ask(Who)).toBe(0);
      await service();
      await group.drain();
      expect(await ask(Who)).toBe(seen.services);
      expect(await answeredBy(Who)).toEqual(new Set([seen.services]));
      expect(lost).toBe(1);
    });
  });

  it('carry the trace of the request that caused them', async () => {
    await service();
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    await inTrace(`00-${trace}-00f067aa0ba902b7-01`, async () => {
      expect(await ask(Trace)).toBe(trace);
      expect(traceparent()).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    });
  });
});

function jsonLines(messages: readonly object[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join('');
}
