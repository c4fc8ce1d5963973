import { once } from 'node:events';
import { request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import fastify, { type FastifyInstance } from 'fastify';
import { shedLoad } from './overload';

const LIMIT = 512;

describe('too many requests at once', () => {
  let server: FastifyInstance;
  let held: Array<() => void>;
  beforeEach(async () => {
    held = [];
    server = fastify();
    shedLoad(server);
    server.get('/held', () => new Promise<string>((answer) => held.push(() => answer('done'))));
    server.get('/health/live', async () => 'ok');
    await server.listen({ host: '127.0.0.1', port: 0 });
  });
  afterEach(() => server.close());

  const get = (path: string) => {
    const { port } = server.server.address() as AddressInfo;
    return send({ host: '127.0.0.1', port, path, agent: false })
      .on('error', () => {})
      .end();
  };
  const status = async (path: string) => {
    const [response] = await once(get(path), 'response');
    response.resume();
    return response.statusCode;
  };
  const fill = async () => {
    const requests = Array.from({ length: LIMIT }, () => get('/held'));
    while (held.length < LIMIT) await setImmediate();
    return requests;
  };

  it('are refused, health checks never, until others are answered', async () => {
    await fill();
    expect(await status('/held')).not.toBe(200);
    expect(await status('/health/live')).toBe(200);
    for (const answer of held.splice(0)) answer();
    const next = status('/held');
    while (held.length === 0) await setImmediate();
    held[0]?.();
    expect(await next).toBe(200);
  });

  it('do not count any more when their senders are gone', async () => {
    for (const request of await fill()) request.destroy();
    held.splice(0);
    let answered: number;
    do {
      const next = once(get('/held'), 'response');
      const refused = next.then(([response]) => response.statusCode);
      const taken = (async () => {
        while (held.length === 0) await delay(5);
        held.splice(0)[0]?.();
        return 200;
      })();
      answered = await Promise.race([refused, taken]);
    } while (answered !== 200);
  });
});
