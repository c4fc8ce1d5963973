import { type Fields, Shop } from '../e2e/shop';
import { each, send } from './http';

const EVIL = 'evil.example';

/** What no redirect may ever lead to, in the spellings that parsers have been fooled by. */
const HOSTILE: readonly string[] = [
  ...[
    'javascript',
    'JaVaScRiPt',
    'vbscript',
    'data',
    'file',
    'ftp',
    'blob',
    'about',
    'ws',
    'wss',
    'intent',
    'mailto',
    'tel',
    'view-source',
    'jar',
    'filesystem',
    'oneqpay',
    'httpx',
    'xhttp',
    'https-evil',
  ].flatMap((scheme) => [
    `${scheme}:alert(1)`,
    `${scheme}://${EVIL}/`,
    `${scheme}://localhost/%0aalert(1)`,
    `${scheme}:text/html,<script>alert(1)</script>`,
    `${scheme}:${EVIL}`,
    ` ${scheme}://${EVIL}`,
  ]),
  ...['http', 'https', 'HTTP'].flatMap((scheme) => [
    `${scheme}:${EVIL}`,
    `${scheme}:/${EVIL}`,
    `${scheme}:///${EVIL}`,
    `${scheme}:////${EVIL}`,
    `${scheme}:\\\\${EVIL}`,
    `${scheme}:/\\${EVIL}`,
    `${scheme}://localhost\\@${EVIL}/`,
    `${scheme}://localhost@${EVIL}/`,
    `${scheme}://localhost:3000@${EVIL}/`,
    `${scheme}://user:password@${EVIL}/`,
    `${scheme}://@${EVIL}/`,
    `${scheme}://:@${EVIL}/`,
    `${scheme}://`,
    `${scheme}://?`,
    `${scheme}://#`,
    `${scheme}:// ${EVIL}/`,
    `${scheme}://localhost /`,
    `${scheme}://localhost\\.${EVIL}/`,
    `${scheme}://[::1`,
    `${scheme}://localhost:99999/`,
    `${scheme}://localhost:port/`,
    `${scheme}://localhost/\r\nSet-Cookie: a=b`,
    `${scheme}://localhost/\u0000`,
    `${scheme}://localhost/\u202emoc`,
    `${scheme}://%/`,
    `${scheme}://loc%00alhost/`,
  ]),
  ...[
    `//${EVIL}`,
    `///${EVIL}`,
    `/\\${EVIL}`,
    `\\\\${EVIL}`,
    `\\/${EVIL}`,
    `/${EVIL}`,
    EVIL,
    `www.${EVIL}`,
    '?a=b',
    '#fragment',
    '.',
    '..',
    '/',
    '\\',
    ':',
    '://',
    `://${EVIL}`,
    `\u0001http://${EVIL}`,
    `http\u200b://${EVIL}`,
    `h\tttp://${EVIL}`,
    `ht\ntp://${EVIL}`,
    `java\nscript:alert(1)`,
    `%68ttp://${EVIL}`,
    `http%3a//${EVIL}`,
    `http%3A%2F%2F${EVIL}`,
    `&#104;ttp://${EVIL}`,
  ],
];

describe('redirects', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await Shop.open();
  }, 60_000);
  afterAll(() => shop?.close());

  it(`to what is no http(s) address are refused at prepare: ${HOSTILE.length} of them, in each of the three fields`, async () => {
    expect(new Set(HOSTILE).size).toBeGreaterThan(200);
    const taken: string[] = [];
    await each(HOSTILE, 8, async (hostile) => {
      const urls = { approval_url: hostile, cancel_url: hostile, fail_url: hostile };
      const { answer } = await shop.prepare(urls);
      const faults = ((answer.body.errors ?? []) as Array<{ field: string }>).map(({ field }) => field).sort();
      if (answer.status !== 400 || faults.join() !== 'approval_url,cancel_url,fail_url') taken.push(hostile);
      if (answer.text.includes(EVIL)) taken.push(`echoed: ${hostile}`);
    });
    expect(taken).toEqual([]);
    expect(await shop.rowCount()).toBe(await shop.rowCount());
  }, 120_000);

  it('lead where the merchant prepared them to, with what is told appended, whatever the address looks like', async () => {
    const odd = [
      'http://localhost:3000/a?next=//evil.example',
      'http://localhost:3000/a?tid=1&signature=forged&result=approved',
      'http://localhost:3000/a#//evil.example',
      'http://localhost:3000//evil.example',
      'http://localhost:3000/%2f%2fevil.example',
      'http://localhost:3000/?url=javascript:alert(1)',
      'http://localhost:3000/"><script>alert(1)</script>',
    ];
    for (const approval_url of odd) {
      const { tid, answer } = await shop.prepare({ approval_url });
      expect(answer.status).toBe(200);
      const { body } = await shop.authenticate(tid);
      const led = new URL(String(body.redirect_url));
      const prepared = new URL(approval_url);
      expect([led.origin, led.pathname, led.hash]).toEqual([prepared.origin, prepared.pathname, prepared.hash]);
      expect(String(body.redirect_url).startsWith(approval_url.split('#')[0] ?? '')).toBe(true);
      expect(led.searchParams.getAll('tid').at(-1)).toBe(tid);
    }
  });

  it('and links of the pages are to nothing that their address, query or Host header asks for', async () => {
    const { answer } = await shop.prepare();
    const pages = ['next_redirect_url', 'android_app_scheme'].map((name) => new URL(String(answer.body[name])));
    const names =
      'next url redirect redirect_url return returnTo continue dest target step first lang via go mode notice'.split(
        ' ',
      );
    const led: string[] = [];
    const look = (from: string, { headers, text }: { headers: Readonly<Record<string, unknown>>; text: string }) => {
      if (String(headers.location ?? '').includes(EVIL)) led.push(`Location: ${from}`);
      const links = [...text.matchAll(/ (?:href|action|src|data-[\w-]+|content)="([^"]*)"/g)].map(
        ([, link = '']) => link,
      );
      const away = links.filter((link) => /^\s*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(link) && link.includes(EVIL));
      for (const link of away) led.push(`${from} → ${link}`);
    };
    const hostile = [`//${EVIL}`, `https://${EVIL}`, `javascript:alert('${EVIL}')`, `/\\${EVIL}`, `"href="//${EVIL}`];
    for (const page of pages) {
      const token = page.searchParams.get('token') ?? '';
      const targets = [
        ...names.flatMap((name) =>
          hostile.map((value) => `${page.pathname}?token=${token}&${name}=${encodeURIComponent(value)}`),
        ),
        `http://${EVIL}${page.pathname}?token=${token}`,
        `//${EVIL}${page.pathname}?token=${token}`,
        `//${EVIL}/%2e%2e${page.pathname}?token=${token}`,
        `${page.pathname}//${EVIL}?token=${token}`,
        `${page.pathname}/%2f%2f${EVIL}?token=${token}`,
        `${page.pathname}?token=${token}#//${EVIL}`,
        `${page.pathname};//${EVIL}?token=${token}`,
      ];
      for (const target of targets) look(target, await send(shop.url, target));
      const spoofed: Fields = {
        host: EVIL,
        'x-forwarded-host': EVIL,
        'x-forwarded-proto': 'https',
        forwarded: `host=${EVIL}`,
      };
      const answered = await send(shop.url, page.pathname + page.search, { headers: spoofed });
      expect(answered.text).not.toContain(EVIL);
      look('Host', answered);
    }
    expect(led).toEqual([]);
  }, 60_000);
});
