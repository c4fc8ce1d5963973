import { connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startTestNats, type TestNats } from '@oneq/testing';
import { connect, type NatsConnection } from 'nats';
import { createLogger } from './log';
import { MessageClient } from './message-client';
import { natsOptions } from './nats-options';

const SUBJECT = 'payment.events.test';
const log = createLogger('test', 'silent' as 'fatal');

/** A way to a server that can be cut. */
async function cuttable(url: string) {
  const sockets = new Set<Socket>();
  const { hostname, port } = new URL(url);
  const server: Server = createServer((near) => {
    const far = connectTcp(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(from);
          to.destroy();
        })
        .pipe(to);
    }
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const way = new URL(url);
  way.port = String((server.address() as { port: number }).port);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: way.href.replace(/\/$/, ''),
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

describe('what a client hears', () => {
  let nats: TestNats;
  let way: Awaited<ReturnType<typeof cuttable>>;
  let client: MessageClient;
  let payment: NatsConnection;
  const heard: unknown[] = [];
  let missed = 0;

  beforeEach(async () => {
    heard.length = 0;
    missed = 0;
    nats = await startTestNats();
    way = await cuttable(nats.url('gateway'));
    client = new MessageClient(way.url, 'gateway', '_INBOX.gateway', log);
    await client.connect();
    client.hear(
      SUBJECT,
      (payload) => heard.push(payload),
      () => {
        missed += 1;
      },
    );
    payment = await connect(natsOptions(nats.url('payment'), 'payment') as object);
    await until(() => {
      payment.publish(SUBJECT, '"ready"\n'); // the subscription is on its way
      return heard.length > 0;
    });
    await payment.flush();
    const last = { last: true };
    payment.publish(SUBJECT, `${JSON.stringify(last)}\n`);
    await until(() => JSON.stringify(heard.at(-1)) === JSON.stringify(last));
    heard.length = 0;
  });
  afterEach(async () => {
    await client.close();
    await payment.close();
    way.close();
    await nats.stop();
  });

  it('is each thing told on its subject, in order', async () => {
    payment.publish(SUBJECT, '{"i":1}\n');
    payment.publish('payment.events.other', '{"i":2}\n');
    payment.publish(SUBJECT, '{"i":3}\n{"i":4}\n');
    await until(() => heard.length === 3);
    expect(heard).toEqual([{ i: 1 }, { i: 3 }, { i: 4 }]);
    expect(missed).toBe(0);
  });

  it('is not what cannot be read', async () => {
    for (const noise of ['', '{', '{\n', '{}', '\xff\n', '{}\n{}']) payment.publish(SUBJECT, noise);
    payment.publish(SUBJECT, 'null\n');
    await until(() => heard.length > 0);
    expect(heard).toEqual([null]);
  });

  it('goes on after a lost connection, and the loss is told when it is over', async () => {
    way.cut();
    await until(() => missed === 1);
    payment.publish(SUBJECT, '{"i":1}\n');
    await until(() => heard.length > 0);
    expect(heard).toEqual([{ i: 1 }]);
    expect(missed).toBe(1);
  });
});
