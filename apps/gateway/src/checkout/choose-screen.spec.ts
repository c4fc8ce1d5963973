import type { CheckoutView, PaymentStatus } from '@oneq/contracts';
import { aKeypad, aMethod, aView, BANK, itsEnd, myView, NOW, SHORT, somePaying } from '../../test/checkout-views';
import { type Circumstances, chooseScreen, leaveAfter, type ScreenName, type Visit } from './choose-screen';

const keypad = aKeypad();
const usual: Circumstances = { mode: 'sandbox', keypad: null, pcGone: false };
const pc: Visit = { page: 'pc', route: 'direct', moment: 'opened' };
const phone: Visit = { ...pc, page: 'phone' };
const byQr: Visit = { ...phone, route: 'qr' };
const money: Visit = { ...phone, method: 'MONEY' };
const shown = (view: CheckoutView, visit: Visit, circumstances: Partial<Circumstances> = {}) =>
  chooseScreen(view, visit, { ...usual, ...circumstances });

const short = (overrides = {}) =>
  myView({ paying: somePaying({ methods: [BANK, aMethod({ ...SHORT, ...overrides })] }) });
const toppable = short({ top_up_amount: 4_000 });
const noPassword = myView({ paying: somePaying({ password: 'missing' }) });
const elsewhere = aView({ bound: 'other', via: 'qr' });
const locked = myView({ locked_until: NOW + 60_000 });

type Row = [ScreenName, string, CheckoutView, Visit, Partial<Circumstances>?];

const ready: readonly Row[] = [
  ['qr', 'on the PC', aView(), pc],
  ['qr-paying', 'on the PC when a phone has begun', elsewhere, pc],
  ['qr-paying', 'on the PC when this very browser has begun', myView(), pc],
  ['cancel', 'on the PC that wants to give up', elsewhere, { ...pc, step: 'cancel' }],
  ['intro', 'on a phone', aView(), phone],
  ['intro', 'on a phone that was not begun, whatever its address asks for', aView(), { ...money, step: 'password' }],
  ['cancel', 'on a phone that wants to give up before it began', aView(), { ...phone, step: 'cancel' }],
  ['cancel', 'on the phone that wants to give up', myView(), { ...phone, step: 'cancel' }],
  ['elsewhere', 'on another phone', elsewhere, byQr],
  ['elsewhere', 'on another phone that wants to give up', elsewhere, { ...byQr, step: 'cancel' }],
  ['elsewhere', 'on another phone that wants to pay', elsewhere, { ...money, step: 'password' }, { keypad }],
  ['method', 'on the phone that began', myView(), phone],
  ['review', 'with a method', myView(), { ...money, step: 'review' }],
  ['review', 'with the account', myView(), { ...phone, step: 'review', method: '계좌' }],
  ['method', 'without a method', myView(), { ...phone, step: 'review' }],
  ['method', 'with a method that the shop does not take', short({ permitted: false }), { ...money, step: 'review' }],
  ['method', 'with a method that is short', short(), { ...money, step: 'review' }],
  ['top-up', 'with pay money that the account can fill', toppable, { ...money, step: 'review' }],
  ['top-up', 'with the amount to add as it was agreed', toppable, { ...money, step: 'review', topUpAmount: 4_000 }],
  ['method', 'with an amount to add that has changed', toppable, { ...money, step: 'review', topUpAmount: 3_000 }],
  ['review', 'with nothing to add any more', myView(), { ...money, step: 'review', topUpAmount: 0 }],
  ['method', 'with something to add that need not be any more', myView(), { ...money, step: 'review', topUpAmount: 1 }],
  ['password', 'with a keypad', myView(), { ...money, step: 'password' }, { keypad }],
  ['password', 'and what is added', toppable, { ...money, step: 'password', topUpAmount: 4_000 }, { keypad }],
  ['method', 'when adding was not agreed to', toppable, { ...money, step: 'password' }, { keypad }],
  ['method', 'when the payment gives no keypad', myView(), { ...money, step: 'password' }],
  ['method', 'for a method that cannot pay', short(), { ...money, step: 'password' }, { keypad }],
  ['password', 'to set one in the sandbox', noPassword, { ...money, step: 'password' }, { keypad }],
  ['method', 'without a password in live mode', noPassword, { ...money, step: 'password' }, { keypad, mode: 'live' }],
  ['locked', 'on the phone of a locked wallet', locked, { ...money, step: 'password' }, { keypad }],
  ['cancel', 'on the phone of a locked wallet that wants to give up', locked, { ...phone, step: 'cancel' }],
];

const done = itsEnd();
const paid = (status: PaymentStatus, overrides: Partial<CheckoutView> = {}) =>
  aView({ status, bound: 'you', via: 'direct', done, ...overrides });

const over: readonly Row[] = [
  ['confirmed', 'on the PC', paid('AUTHENTICATED', { bound: 'other', via: 'qr' }), pc],
  ['confirmed', 'on a phone by itself', paid('AUTHENTICATED'), phone],
  ['continue-on-pc', 'on a phone by QR code', paid('AUTHENTICATED'), byQr],
  ['pc-gone', 'on a phone whose PC is gone', paid('AUTHENTICATED'), byQr, { pcGone: true }],
  ['confirmed', 'on another phone', paid('AUTHENTICATED', { bound: 'other', done: null }), byQr, { pcGone: true }],
  ['already-paid', 'opened later', paid('APPROVED'), phone],
  ['already-paid', 'opened later, partly cancelled', paid('PARTIALLY_CANCELLED'), phone],
  ['complete', 'watched', paid('APPROVED'), { ...phone, moment: 'watched' }],
  ['complete', 'acted upon', paid('APPROVED'), { ...pc, moment: 'acted' }],
  ['cancelled', 'on any page', paid('CANCELLED'), pc],
  ['failed', 'on any page', paid('FAILED'), phone],
  ['locked', 'by five wrong passwords', paid('FAILED', { locked_until: NOW + 60_000 }), phone],
  [
    'expired',
    'on any page, whatever its address asks for',
    paid('EXPIRED'),
    { ...money, step: 'password' },
    { keypad },
  ],
];

describe('the screen of a payment that waits', () => {
  it.each(ready)('is %s %s', (...[screen, , view, visit, circumstances]) => {
    expect(shown(view, visit, circumstances).screen).toBe(screen);
  });
});

describe('the screen of a payment after the payer', () => {
  it.each(over)('is %s %s', (...[screen, , view, visit, circumstances]) => {
    expect(shown(view, visit, circumstances).screen).toBe(screen);
  });

  it('tells a cancellation on another screen from one on this', () => {
    expect(shown(paid('CANCELLED'), { ...pc, moment: 'watched' })).toEqual({ screen: 'cancelled', elsewhere: true });
    expect(shown(paid('CANCELLED'), { ...pc, moment: 'acted' })).toEqual({ screen: 'cancelled', elsewhere: false });
  });
});

describe('the methods', () => {
  it('offer what can pay, pay money first', () => {
    expect(shown(myView(), phone)).toMatchObject({ chosen: 'MONEY', obstacle: null });
    expect(shown(toppable, phone)).toMatchObject({ chosen: 'MONEY', obstacle: null });
    expect(shown(short(), phone)).toMatchObject({ chosen: '계좌', obstacle: null });
  });

  it('keep what was chosen, unless it cannot pay', () => {
    expect(shown(myView(), { ...phone, step: 'method', method: '계좌' })).toMatchObject({ chosen: '계좌' });
    expect(shown(short(), { ...money, step: 'method' })).toMatchObject({ chosen: '계좌' });
  });

  it('say when none can pay', () => {
    const none = myView({ paying: somePaying({ methods: [{ ...BANK, permitted: false }, aMethod(SHORT)] }) });
    expect(shown(none, phone)).toMatchObject({ chosen: null, obstacle: 'none-usable' });
    expect(shown(noPassword, phone, { mode: 'live' })).toMatchObject({ obstacle: 'no-password' });
    expect(shown(noPassword, phone)).toMatchObject({ obstacle: null });
  });
});

describe('a page goes on to the shop by itself', () => {
  const opened = 'opened' as const;
  const acted = 'acted' as const;
  const watched = 'watched' as const;
  it.each([
    ['AUTHENTICATED', pc, opened, 300],
    ['AUTHENTICATED', phone, opened, 300],
    ['AUTHENTICATED', byQr, watched, null],
    ['APPROVED', pc, opened, null],
    ['APPROVED', pc, watched, 300],
    ['APPROVED', phone, watched, 300],
    ['APPROVED', byQr, watched, null],
    ['CANCELLED', pc, opened, null],
    ['CANCELLED', pc, acted, 300],
    ['CANCELLED', phone, acted, 300],
    ['CANCELLED', byQr, acted, null],
    ['FAILED', pc, watched, 2_000],
    ['FAILED', phone, watched, null],
    ['EXPIRED', pc, opened, null],
    ['EXPIRED', pc, watched, 2_000],
    ['EXPIRED', phone, watched, null],
  ] as const)('%s', (status, visit, moment, ms) => {
    expect(leaveAfter(paid(status), { ...visit, moment })).toBe(ms);
    expect(leaveAfter(paid(status, { done: null }), { ...visit, moment })).toBeNull();
  });

  it('never while the payment waits', () => {
    expect(leaveAfter(aView(), { ...pc, moment: watched })).toBeNull();
  });
});
