import type { CheckoutView } from '@oneq/contracts';
import { Presence } from './presence';

const SECONDS = 1_000;

describe('the presence of pages', () => {
  let now = 100 * SECONDS;
  let presence: Presence;
  beforeEach(() => {
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    presence = new Presence();
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  /** A payment that was authenticated so long ago, by the database's clock. */
  const authenticated = (agoMs: number) =>
    ({ tid: '1', status: 'AUTHENTICATED', now: 5e12, authenticated_at: 5e12 - agoMs }) as CheckoutView;

  it('knows an open phone for forty seconds', () => {
    expect(presence.opened('1')).toBe(false);
    presence.seen('1', 'pc');
    expect(presence.opened('1')).toBe(false);
    presence.seen('1', 'phone');
    now += 39 * SECONDS;
    expect(presence.opened('1')).toBe(true);
    expect(presence.opened('2')).toBe(false);
    now += 2 * SECONDS;
    expect(presence.opened('1')).toBe(false);
  });

  it('misses a PC that was not seen for twenty seconds when the payer paid', () => {
    presence.seen('1', 'pc');
    now += 30 * SECONDS;
    expect(presence.pcGone(authenticated(0))).toBe(true);
    expect(presence.pcGone(authenticated(11 * SECONDS))).toBe(false);
    presence.seen('1', 'phone');
    expect(presence.pcGone(authenticated(0))).toBe(true);
  });

  it('misses a PC that never was there', () => {
    now += 30 * SECONDS;
    expect(presence.pcGone(authenticated(0))).toBe(true);
  });

  it('misses it no more once it is back', () => {
    now += 30 * SECONDS;
    presence.seen('1', 'pc');
    expect(presence.pcGone(authenticated(1 * SECONDS))).toBe(false);
  });

  it('misses nobody before it can know: after a start, and when something was missed', () => {
    now += 19 * SECONDS;
    expect(presence.pcGone(authenticated(0))).toBe(false);
    now += 30 * SECONDS;
    presence.missed();
    expect(presence.pcGone(authenticated(0))).toBe(false);
    now += 10 * SECONDS;
    expect(presence.pcGone(authenticated(0))).toBe(false);
  });

  it('misses nobody while the payer has not paid, or when all is over', () => {
    now += 60 * SECONDS;
    expect(presence.pcGone({ ...authenticated(0), status: 'READY', authenticated_at: null })).toBe(false);
    expect(presence.pcGone({ ...authenticated(0), status: 'APPROVED' })).toBe(false);
  });
});
