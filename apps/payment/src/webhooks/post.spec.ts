import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:net';
import { WebhookSink } from '@oneq/testing';
import { post } from './post';
import { isPublic, type Resolve, resolveHost } from './target';

const send = (url: string, changes: Partial<Parameters<typeof post>[0]> = {}, resolve: Resolve = resolveHost) =>
  post({ url, headers: {}, body: '{}', privateAllowed: false, timeoutMs: 1_000, ...changes }, resolve);

/** A name server that answers these in turn, the last one for ever. */
function answering(...answers: string[][]): Resolve & { readonly asked: () => number } {
  let asked = 0;
  const resolve = async (): Promise<LookupAddress[]> => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return Object.assign(resolve, { asked: () => asked });
}

describe('posting to an address of a stranger', () => {
  let sink: WebhookSink;
  let port: string;
  beforeAll(async () => {
    sink = await WebhookSink.open();
    port = new URL(sink.url).port;
  });
  afterAll(() => sink.close());
  beforeEach(() => {
    sink.arrivals.length = 0;
    sink.says(200, 'ok');
  });

  it.each([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.0.0.1.',
    '０x7f.1',
    '0.0.0.0',
    '0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:10.0.0.1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[64:ff9b::169.254.169.254]',
    '[64:ff9b:1::1]',
    '[2002:7f00:1::]',
    '[2002:a00:1::1]',
    '[2001::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[ff02::1]',
    '[2001:db8::1]',
    '[100::1]',
    'localhost',
    'LOCALHOST.',
    'shop.localhost',
  ])('goes not to %s', async (host) => {
    expect(await send(`http://${host}:${port}/`)).toMatchObject({ http_status: null, response: 'address not allowed' });
    expect(sink.arrivals).toEqual([]);
  });

  it.each(['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1'])(
    'knows that %s is public',
    (address) => expect(isPublic(address)).toBe(true),
  );

  it.each(['', 'localhost', '8.8.8.8.example'])('takes %p for no public address', (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it('goes not to a name of which one address is private', async () => {
    const resolve = answering(['8.8.8.8', '127.0.0.1']);
    expect(await send(`http://shop.example:${port}/`, {}, resolve)).toMatchObject({ response: 'address not allowed' });
    expect(sink.arrivals).toEqual([]);
  });

  it('goes to the address that was checked, wherever the name leads a moment later', async () => {
    // The check sees 127.0.0.1, where the sink is; whoever asked again would be led to 127.0.0.2, where nobody is.
    const moving = answering(['127.0.0.1'], ['127.0.0.2']);
    expect(await send(`http://shop.example:${port}/`, { privateAllowed: true }, moving)).toMatchObject({
      http_status: 200,
    });
    expect(moving.asked()).toBe(1);
    const rebinding = answering(['203.0.114.1'], ['127.0.0.1']);
    expect(await send(`http://shop.example:${port}/`, { timeoutMs: 300 }, rebinding)).toMatchObject({
      http_status: null,
    });
    expect(rebinding.asked()).toBe(1);
    expect(sink.arrivals).toHaveLength(1);
  });

  it('keeps the name in the Host header', async () => {
    await send(`http://shop.example:${port}/x?y=1`, { privateAllowed: true }, answering(['127.0.0.1']));
    expect(sink.arrivals).toMatchObject([{ path: '/x?y=1', headers: { host: `shop.example:${port}` } }]);
  });

  it('follows no redirect', async () => {
    sink.answer = (_arrival, response) => void response.writeHead(307, { location: '/elsewhere' }).end('moved');
    const outcome = await send(`http://127.0.0.1:${port}/`, { privateAllowed: true });
    expect(outcome).toMatchObject({ http_status: 307, response: 'moved' });
    expect(sink.arrivals).toHaveLength(1);
  });

  it('goes through no proxy of the environment', async () => {
    process.env.http_proxy = 'http://127.0.0.1:1';
    process.env.HTTP_PROXY = 'http://127.0.0.1:1';
    try {
      expect(await send(sink.url, { privateAllowed: true })).toMatchObject({ http_status: 200 });
    } finally {
      delete process.env.http_proxy;
      delete process.env.HTTP_PROXY;
    }
  });

  it('reads no more than it needs of an answer without end', async () => {
    let open = true;
    sink.answer = (_arrival, response) => {
      response.on('close', () => {
        open = false;
      });
      const more = () => {
        while (open && response.write('x'.repeat(16_384)));
        if (open) response.once('drain', more);
      };
      more();
    };
    const outcome = await send(sink.url, { privateAllowed: true });
    expect(outcome).toMatchObject({ http_status: 200, response: 'x'.repeat(1_024) });
    expect(outcome.duration_ms).toBeLessThan(900);
  });

  it('takes the status for the answer when its body never ends', async () => {
    sink.answer = (_arrival, response) => void response.writeHead(202).write('half');
    expect(await send(sink.url, { privateAllowed: true, timeoutMs: 200 })).toMatchObject({
      http_status: 202,
      response: 'half',
    });
  });

  it.each([
    ['timed out', () => (sink.answer = () => {}), () => sink.url],
    ['connection refused', () => {}, () => 'http://127.0.0.1:1/'],
    ['connection broken', () => (sink.answer = (_, response) => void response.socket?.destroy()), () => sink.url],
    ['TLS failed', () => {}, () => sink.url.replace('http:', 'https:')],
    ['host name not resolved', () => {}, () => 'http://shop.invalid/'],
  ])('tells “%s” and no more', async (reason, arrange, url) => {
    arrange();
    expect(await send(url(), { privateAllowed: true, timeoutMs: 500 })).toMatchObject({
      http_status: null,
      response: reason,
    });
  });

  it('is not held up by a name server that never answers', async () => {
    const outcome = await send('http://shop.example/', { timeoutMs: 200 }, () => new Promise(() => {}));
    expect(outcome).toMatchObject({ http_status: null, response: 'timed out' });
    expect(outcome.duration_ms).toBeLessThan(500);
  });

  it('says so when what answers speaks no HTTP', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH\r\n'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port: other } = server.address() as { port: number };
    expect(await send(`http://127.0.0.1:${other}/`, { privateAllowed: true })).toMatchObject({
      response: 'not an HTTP answer',
    });
    await new Promise((resolve) => server.close(resolve));
  });
});
