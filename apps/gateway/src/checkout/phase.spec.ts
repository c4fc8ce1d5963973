import { type CheckoutView, PAYMENT_STATUSES } from '@oneq/contracts';
import { isOver, phaseOf, snapshotOf } from './phase';
import type { Redirects } from './redirects';

const VIEW: CheckoutView = {
  tid: '1',
  merchant_name: '가게',
  item_name: '상품',
  quantity: 1,
  amount: 16_000,
  cancelled_amount: 0,
  status: 'READY',
  seq: 3,
  bound: 'nobody',
  via: null,
  now: 1_000,
  expires_at: 2_000,
  authenticated_at: null,
  approved_at: null,
  payment_method_type: null,
  phone_token: null,
  paying: null,
  locked_until: null,
  done: null,
};
const DONE = { tid: '1', cid: 'TC', order_id: 'o', amount: 16_000, merchant_url: 'https://shop.example/' } as const;
const AUTHENTICATED: CheckoutView = {
  ...VIEW,
  status: 'AUTHENTICATED',
  bound: 'other',
  done: { ...DONE, status: 'AUTHENTICATED', result: 'authenticated' },
};
const MINE: CheckoutView = { ...AUTHENTICATED, bound: 'you', via: 'qr' };
const redirects = { urlFor: () => 'https://shop.example/?signed' } as unknown as Redirects;
const around = { opened: false, pcGone: false, redirects };

describe('the phase of a payment', () => {
  it.each([
    ['READY', 'nobody', 'waiting', 'waiting'],
    ['READY', 'you', 'paying', 'paying'],
    ['READY', 'other', 'paying', 'elsewhere'],
    ['AUTHENTICATED', 'other', 'authenticated', 'elsewhere'],
    ['AUTHENTICATED', 'you', 'authenticated', 'authenticated'],
    ['APPROVED', 'other', 'approved', 'elsewhere'],
    ['PARTIALLY_CANCELLED', 'you', 'approved', 'approved'],
    ['CANCELLED', 'nobody', 'cancelled', 'cancelled'],
    ['CANCELLED', 'other', 'cancelled', 'elsewhere'],
    ['FAILED', 'you', 'failed', 'failed'],
    ['EXPIRED', 'nobody', 'expired', 'expired'],
  ] as const)('%s bound to %s is %s on the PC, %s on the phone', (status, bound, pc, phone) => {
    expect(phaseOf({ ...VIEW, status, bound }, 'pc')).toBe(pc);
    expect(phaseOf({ ...VIEW, status, bound }, 'phone')).toBe(phone);
  });

  it('tells of an opened phone while nobody pays, and of nothing else then', () => {
    expect(phaseOf(VIEW, 'pc', true)).toBe('opened');
    expect(phaseOf({ ...VIEW, bound: 'other' }, 'pc', true)).toBe('paying');
    expect(phaseOf(AUTHENTICATED, 'pc', true)).toBe('authenticated');
  });

  it('is the last one in four states', () => {
    const over = PAYMENT_STATUSES.filter((status) => isOver({ ...VIEW, status }));
    expect(over).toEqual(['APPROVED', 'PARTIALLY_CANCELLED', 'CANCELLED', 'FAILED', 'EXPIRED']);
  });
});

describe('a snapshot', () => {
  it('is the whole state', () => {
    expect(snapshotOf(VIEW, 'pc', 'direct', around)).toEqual({
      seq: 3,
      phase: 'waiting',
      expires_at: 2_000,
      now: 1_000,
      redirect_url: null,
      pc_gone: false,
    });
  });

  it.each([
    ['the PC', 'pc', 'direct', AUTHENTICATED],
    ['the PC, whatever its address says', 'pc', 'qr', AUTHENTICATED],
    ['a phone that came by itself', 'phone', 'direct', { ...MINE, via: 'direct' }],
    ['a phone that came by itself, whatever its address says', 'phone', 'qr', { ...MINE, via: 'direct' }],
  ] as const)('sends %s on', (_who, page, via, view) => {
    const snapshot = snapshotOf(view, page, via, { ...around, pcGone: true });
    expect(snapshot).toMatchObject({ redirect_url: 'https://shop.example/?signed', pc_gone: false });
  });

  it('sends a phone that came by QR code on only when nobody is at the PC', () => {
    for (const via of ['qr', 'direct'] as const) {
      expect(snapshotOf(MINE, 'phone', via, around)).toMatchObject({ redirect_url: null, pc_gone: false });
      expect(snapshotOf(MINE, 'phone', via, { ...around, pcGone: true })).toMatchObject({
        redirect_url: 'https://shop.example/?signed',
        pc_gone: true,
      });
    }
  });

  it('sends nobody on whom payment tells no way', () => {
    expect(snapshotOf({ ...AUTHENTICATED, done: null }, 'phone', 'direct', around).redirect_url).toBeNull();
  });
});
