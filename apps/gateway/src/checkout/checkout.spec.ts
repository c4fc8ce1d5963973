import { type CheckoutView, type Keypad, type Language, OneQError } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { aKeypad, aMethod, aView, BANK, itsEnd, myView, NOW, SHORT, somePaying } from '../../test/checkout-views';
import type { GatewayConfig } from '../config';
import { Checkout } from './checkout';
import type { Page } from './pages';
import { Presence } from './presence';
import { Redirects } from './redirects';
import { askedOf } from './visit';

const config = {
  MODE: 'sandbox',
  PUBLIC_URL: 'http://localhost:8080',
  REDIRECT_SECRET: 'a-secret-of-at-least-32-characters',
} as GatewayConfig;

interface Shown {
  readonly query?: Readonly<Record<string, string>>;
  readonly keypad?: Keypad;
  readonly language?: Language;
  readonly swap?: boolean;
  readonly presence?: Presence;
}

/** The page that payment's answer makes, and what payment was asked. */
async function pageOf(which: 'pc' | 'phone', view: CheckoutView | OneQError, shown: Shown = {}) {
  const { query = {}, keypad = null, language = 'ko', swap = false, presence = new Presence() } = shown;
  const ask = jest.fn(async (message: { subject: string }, _query: unknown) => {
    if (view instanceof OneQError) throw view;
    return message.subject.endsWith('open-keypad') ? { view, keypad } : view;
  });
  const client = { ask } as unknown as MessageClient;
  const asked = askedOf(which, {
    query: { token: 'TOKEN', ...query },
    headers: swap ? { 'x-oneq-swap': '1' } : {},
  });
  const page = await new Checkout(client, new Redirects(config), presence, config).page(asked, {
    session: { hash: 'HASH', csrf: 'CSRF' },
    language,
    mode: query.mode === 'type' ? 'type' : 'pad',
  });
  return { ...page, html: String(page.screen.body), asked: ask.mock.calls };
}

const pay = { step: 'password', payment_method_type: 'MONEY' };
const nasty = { merchant_name: `<img src=x onerror="alert('1')">`, item_name: '</script><b>&amp;' };
const paid = (overrides: Partial<CheckoutView>) => aView({ bound: 'you', via: 'direct', done: itsEnd(), ...overrides });

/** Every screen of a payment, by name. */
const SCREENS: ReadonlyArray<[Page['name'], 'pc' | 'phone', CheckoutView, Shown?]> = [
  ['qr', 'pc', aView({ ...nasty, phone_token: 'PHONE' })],
  ['qr-paying', 'pc', aView({ ...nasty, phone_token: 'PHONE', bound: 'other', via: 'qr' })],
  ['intro', 'phone', aView(nasty)],
  ['cancel', 'phone', aView(nasty), { query: { step: 'cancel' } }],
  ['method', 'phone', myView(nasty), { query: { notice: 'short' } }],
  ['review', 'phone', myView(nasty), { query: { step: 'review', payment_method_type: '계좌' } }],
  [
    'top-up',
    'phone',
    myView({ ...nasty, paying: somePaying({ methods: [BANK, aMethod({ ...SHORT, top_up_amount: 4_000 })] }) }),
    { query: { step: 'review', payment_method_type: 'MONEY' } },
  ],
  ['password', 'phone', myView(nasty), { query: { ...pay, notice: 'wrong' }, keypad: aKeypad() }],
  ['password', 'phone', myView(nasty), { query: { ...pay, mode: 'type' }, keypad: aKeypad('enter', 'type') }],
  ['password', 'phone', myView(nasty), { query: pay, keypad: aKeypad('set1') }],
  ['password', 'phone', myView(nasty), { query: { ...pay, first: 'f' }, keypad: aKeypad('set2') }],
  ['confirmed', 'pc', paid({ ...nasty, status: 'AUTHENTICATED' })],
  ['continue-on-pc', 'phone', paid({ ...nasty, status: 'AUTHENTICATED', via: 'qr' })],
  [
    'complete',
    'pc',
    paid({ ...nasty, status: 'APPROVED', payment_method_type: 'MONEY', approved_at: NOW }),
    { swap: true },
  ],
  ['already-paid', 'phone', paid({ ...nasty, status: 'APPROVED', payment_method_type: '계좌', approved_at: NOW })],
  ['cancelled', 'phone', paid({ ...nasty, status: 'CANCELLED' })],
  ['failed', 'phone', paid({ ...nasty, status: 'FAILED' })],
  ['expired', 'phone', paid({ ...nasty, status: 'EXPIRED' })],
  ['locked', 'phone', paid({ ...nasty, status: 'FAILED', locked_until: NOW })],
  ['locked', 'phone', myView({ ...nasty, locked_until: NOW })],
  ['elsewhere', 'phone', aView({ ...nasty, bound: 'other', via: 'qr' })],
];

describe.each(['ko', 'en'] as const)('in %s', (language) => {
  it.each(SCREENS)(
    '%s has one heading, shows names as text and has no inline style or script',
    async (...[name, which, view, shown]) => {
      const page = await pageOf(which, view, { ...shown, language });
      expect(page.name).toBe(name);
      expect(page.html.match(/<h1 /g)).toHaveLength(1);
      expect(page.html).not.toContain('<img');
      expect(page.html).not.toContain('<b>&amp;');
      expect(page.html).not.toMatch(/<[^<>]* (style|on[a-z]+)=|undefined|null|\[object/);
      if (language === 'en') {
        const text = page.html
          .replace(/value="계좌"|월급통장|&quot;계좌&quot;/g, '')
          .replace(/payment_method_type=%[0-9A-F%]+/g, '');
        expect(text).not.toMatch(/[가-힣]/);
      }
    },
  );
});

describe('the page of a payment', () => {
  it('asks for the keypad only on the step that needs it', async () => {
    const intro = await pageOf('phone', aView());
    expect(intro.asked).toEqual([
      [
        expect.objectContaining({ subject: 'payment.checkout.view' }),
        { token: 'TOKEN', page: 'phone', session: 'HASH' },
      ],
    ]);
    const entry = await pageOf('phone', myView(), {
      query: { ...pay, top_up_amount: '0', first: 'F' },
      keypad: aKeypad(),
    });
    expect(entry.asked).toEqual([
      [
        expect.objectContaining({ subject: 'payment.checkout.open-keypad' }),
        {
          token: 'TOKEN',
          page: 'phone',
          session: 'HASH',
          payment_method_type: 'MONEY',
          top_up_amount: 0,
          mode: 'pad',
          first: 'F',
        },
      ],
    ]);
  });

  it('takes what cannot be a token for one that opens nothing', async () => {
    await expect(pageOf('pc', new OneQError('INVALID_PARAMETER'))).rejects.toMatchObject({ code: 'PAYMENT_NOT_FOUND' });
    await expect(pageOf('pc', new OneQError('UPSTREAM_TIMEOUT'))).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('tells another phone no shop, goods, amount or way on', async () => {
    const other = { bound: 'other', via: 'qr' } as const;
    const waiting = await pageOf('phone', aView(other), { query: { via: 'qr' } });
    expect(waiting).toMatchObject({ status: 409, data: { phase: 'elsewhere' } });
    for (const status of ['AUTHENTICATED', 'APPROVED', 'CANCELLED', 'FAILED', 'EXPIRED'] as const) {
      const page = await pageOf('phone', aView({ ...other, status, approved_at: NOW }));
      expect(page.status).toBe(200);
      expect(page.html + waiting.html).not.toMatch(/원큐피자|고구마피자|16,000|482109|shop\.example/);
      expect(page.data).not.toHaveProperty('leave');
    }
  });

  it('carries how the phone came, which the binding knows better than the address', async () => {
    const page = await pageOf('phone', myView({ via: 'qr' }));
    expect(page.data.live).toBe('/pay/live?page=phone&token=TOKEN&via=qr');
    expect(page.html).toContain('<input type="hidden" name="via" value="qr">');
  });

  it('can be asked for again without what counts once', async () => {
    const page = await pageOf('phone', myView(), {
      query: { ...pay, top_up_amount: '0', notice: 'wrong', go: '1', lang: 'en', other: 'x' },
      keypad: aKeypad(),
    });
    expect(page.data.url).toBe(
      '/pay/oneq/transfer?token=TOKEN&step=password&payment_method_type=MONEY&top_up_amount=0&lang=en',
    );
  });

  it("tells a PC's page from the beginning that a phone has the payment open, until somebody pays", async () => {
    const opened = new Presence();
    opened.seen(aView().tid, 'phone');
    const told = async (...asked: Parameters<typeof pageOf>) => (await pageOf(...asked)).told;
    expect(await told('pc', aView(), { presence: opened })).toBe('휴대폰에서 화면을 열었어요');
    expect(await told('pc', aView(), { presence: opened, language: 'en' })).toBe('Opened on your phone');
    expect(await told('pc', aView())).toBeUndefined();
    expect(await told('pc', aView({ bound: 'other', via: 'qr' }), { presence: opened })).toBeUndefined();
    expect(await told('phone', aView(), { presence: opened })).toBeUndefined();
  });

  it('counts down only while the payment waits', async () => {
    expect((await pageOf('pc', aView())).data['expires-at']).toBe(NOW + 872_000);
    expect((await pageOf('pc', paid({ status: 'EXPIRED' }))).data['expires-at']).toBeUndefined();
  });

  it('links to the very address that it goes on to', async () => {
    const page = await pageOf('pc', paid({ status: 'AUTHENTICATED' }));
    expect(page.data.leave).toMatch(/^https:\/\/shop\.example\/done\?tid=4821093365512407&.*signature=[0-9a-f]{64}$/);
    expect(page.html).toContain(`href="${String(page.data.leave).replaceAll('&', '&amp;')}"`);
  });
});

describe('the password', () => {
  it('is entered on keys that are named by their place', async () => {
    const { html } = await pageOf('phone', myView(), { query: pay, keypad: aKeypad() });
    const names = [...html.matchAll(/data-code="[^"]+" aria-label="([^"]+)"/g)].map(([, name]) => name);
    expect(names).toHaveLength(10);
    expect(names.slice(0, 3)).toEqual(['첫째 줄 왼쪽 자판', '첫째 줄 가운데 자판', '첫째 줄 오른쪽 자판']);
    expect(names[9]).toBe('넷째 줄 가운데 자판');
  });

  it.each([
    [3, '비밀번호가 달라요. 3번 더 틀리면 30분 동안 결제할 수 없어요.'],
    [1, '비밀번호가 달라요. 한 번 더 틀리면 30분 동안 결제할 수 없어요.'],
  ])('says how many tries are left: %d', async (attempts_left, sentence) => {
    const view = myView({ paying: somePaying({ attempts_left }) });
    const { screen } = await pageOf('phone', view, { query: { ...pay, notice: 'wrong' }, keypad: aKeypad() });
    expect(screen.alert).toBe(sentence);
  });

  it('is typed with codes in the order of the digits', async () => {
    const { html } = await pageOf('phone', myView(), {
      query: { ...pay, mode: 'type' },
      keypad: aKeypad('enter', 'type'),
    });
    expect(html).toContain(
      `data-codes="${aKeypad()
        .keys.map(({ code }) => code)
        .join(' ')}"`,
    );
    expect(html).not.toMatch(/<input id="typed"[^>]* name=/);
  });
});
