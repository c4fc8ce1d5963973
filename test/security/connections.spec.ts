import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Shop, until } from '../e2e/shop';

/** What one address may keep open and idle here; the limit of open files may allow fewer. */
const IDLE_MAX = 10_000;
const SLOW = 100;

describe('connections that only cost', () => {
  let shop: Shop;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    shop = await Shop.open();
  }, 60_000);
  afterAll(() => shop?.close());
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  const gateway = () => shop.stack.processes().find(({ name }) => name === 'gateway')?.pid ?? 0;
  function open(onClose: () => void = () => {}): Socket {
    const { hostname, port } = new URL(shop.url);
    const socket = connect({ host: hostname, port: Number(port) });
    sockets.push(socket);
    return socket
      .on('error', () => {})
      .once('close', onClose)
      .resume();
  }
  const residentMiB = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${gateway()}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

  it('by sending head or body a byte at a time are cut off within seconds, and others are served meanwhile', async () => {
    let cut = 0;
    const drips = Array.from({ length: SLOW }, (_each, i) => {
      const socket = open(() => {
        cut += 1;
      });
      socket.write(
        i % 2
          ? 'GET /pay HTTP/1.1\r\nHost: x\r\nX-Slow: '
          : 'POST /pay HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n{',
      );
      return setInterval(() => socket.writable && socket.write('a'), 200);
    });
    try {
      await until(async () => {
        const { answer } = await shop.prepare();
        expect(answer.status).toBe(200);
        return cut === SLOW;
      }, 20_000);
    } finally {
      for (const drip of drips) clearInterval(drip);
    }
  }, 60_000);

  it('and do nothing, ten thousand of them, keep nobody from paying and little memory', async () => {
    const limit = Number(
      /Max open files\s+(\d+)/.exec(readFileSync(`/proc/${gateway()}/limits`, 'utf8'))?.[1] ?? 1_024,
    );
    const count = Math.min(IDLE_MAX, limit - 500);
    const before = residentMiB();
    let connected = 0;
    for (let batch = 0; batch < count; batch += 500) {
      const target = Math.min(count, batch + 500);
      for (let i = batch; i < target; i += 1) {
        open().once('connect', () => {
          connected += 1;
        });
      }
      await until(async () => connected >= target, 20_000);
    }
    const { answer, tid, order } = await shop.prepare();
    expect(answer.status).toBe(200);
    expect((await shop.authenticate(tid)).status).toBe(200);
    expect((await shop.approve(order)).status).toBe(200);
    expect(connected).toBe(count);
    expect((residentMiB() - before) / count).toBeLessThan(0.03); // MiB for each: 300 for all
  }, 120_000);
});
