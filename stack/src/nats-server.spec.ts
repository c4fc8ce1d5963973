import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect, NatsConnection } from 'nats';
import { locateNatsServer, NatsServer, startNats } from './nats-server';
import { processIdentity } from './processes';
import { projectRoot } from './project';
import { readSecrets } from './secrets';

type User = 'gateway' | 'affiliation' | 'payment' | 'operator';

describe('deploy/nats.conf on a real nats-server', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'oneq-nats-'));
  const secrets = readSecrets(directory, {});
  const passwords: Record<User, string> = {
    gateway: secrets.GATEWAY_NATS_PASSWORD,
    affiliation: secrets.AFFILIATION_NATS_PASSWORD,
    payment: secrets.PAYMENT_NATS_PASSWORD,
    operator: secrets.OPERATOR_NATS_PASSWORD,
  };
  const connections: NatsConnection[] = [];
  let server: NatsServer;

  const start = async (port?: number) =>
    startNats({
      binary: await locateNatsServer(),
      dir: directory,
      port,
      configFile: path.join(projectRoot(), 'deploy', 'nats.conf'),
      env: { ...secrets },
      logFile: path.join(directory, 'nats.log'),
    });
  /** @param to the service whose answers it waits for */
  const connectAs = async (user: User, to = '') => {
    const connection = await connect({
      servers: `127.0.0.1:${server.port}`,
      user,
      pass: passwords[user],
      inboxPrefix: `_INBOX.${user}${to && `.${to}`}`,
      reconnect: false,
    });
    connections.push(connection);
    return connection;
  };
  /** The subject that the server forbids next on this connection. */
  const nextRefusal = async (connection: NatsConnection) => {
    for await (const { permissionContext } of connection.status()) {
      if (permissionContext) return permissionContext;
    }
    return undefined;
  };

  beforeAll(async () => {
    server = await start();
  });
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  it.each<['affiliation' | 'payment']>([['affiliation'], ['payment']])(
    'carries a request to %s and back',
    async (service) => {
      const [gateway, answering] = await Promise.all([connectAs('gateway', service), connectAs(service)]);
      answering.subscribe(`${service}.prepare`, {
        queue: service,
        callback: (_error, message) => {
          message.respond('prepared');
        },
      });
      await answering.flush();
      expect((await gateway.request(`${service}.prepare`, 'prepare')).string()).toBe('prepared');
    },
  );

  it('carries events to the gateway', async () => {
    const [gateway, payment] = await Promise.all([connectAs('gateway'), connectAs('payment')]);
    const events = gateway.subscribe('payment.events.>', { max: 1 });
    await gateway.flush();
    payment.publish('payment.events.approved', 'approved');
    for await (const event of events) expect(event.subject).toBe('payment.events.approved');
  });

  it.each<[User, 'publish' | 'subscription', string]>([
    ['gateway', 'subscription', 'payment.prepare'],
    ['gateway', 'subscription', 'payment.>'],
    ['gateway', 'subscription', '_INBOX.payment.>'],
    ['gateway', 'subscription', '>'],
    ['gateway', 'publish', 'payment.events.approved'],
    ['gateway', 'publish', 'affiliation.operator.suspend'],
    ['gateway', 'publish', 'payment.operator.wallet.open'],
    // The same message for one process in particular.
    ['gateway', 'publish', 'payment.operator.wallet.open.KVQ3L0R4N8H2ZT6Y1XWB5C'],
    ['payment', 'publish', 'affiliation.find'],
    ['payment', 'publish', 'payment.approve'],
    ['payment', 'publish', '_INBOX.gateway.forged'],
    ['payment', 'publish', '_INBOX.gateway.affiliation.forged'],
    ['payment', 'subscription', 'affiliation.find'],
    ['payment', 'subscription', '_INBOX.>'],
    ['affiliation', 'publish', 'payment.approve'],
    ['affiliation', 'publish', '_INBOX.gateway.payment.forged'],
    ['affiliation', 'subscription', 'payment.approve'],
  ])('refuses %s the %s %s', async (user, operation, subject) => {
    const connection = await connectAs(user);
    const refusal = nextRefusal(connection);
    if (operation === 'publish') connection.publish(subject);
    else connection.subscribe(subject, { callback: () => undefined });
    expect(await refusal).toMatchObject({ operation, subject });
  });

  it('lets the operator do everything', async () => {
    const operator = await connectAs('operator');
    const heard = operator.subscribe('>', { max: 1 });
    await operator.flush();
    operator.publish('payment.approve');
    for await (const message of heard) expect(message.subject).toBe('payment.approve');
  });

  it('turns away who has no password', async () => {
    const address = `127.0.0.1:${server.port}`;
    await expect(connect({ servers: address, reconnect: false })).rejects.toThrow('Authorization Violation');
    await expect(connect({ servers: address, user: 'payment', pass: 'p', reconnect: false })).rejects.toThrow(
      'Authorization Violation',
    );
  });

  it('is replaced by the next one that is started in the same directory, also on the same port', async () => {
    const before = server;
    server = await start(before.port);
    expect(server.port).toBe(before.port);
    expect(processIdentity(before.pid)).toBeUndefined();
  });
});
