import type {
  CheckoutView,
  Keypad,
  KeypadMode,
  KeypadPurpose,
  PayerPartDone,
  Paying,
  PayingMethod,
} from '@oneq/contracts';

export const NOW = Date.parse('2026-11-23T15:42:10+09:00');

export function aMethod(overrides: Partial<PayingMethod> = {}): PayingMethod {
  return {
    payment_method_type: 'MONEY',
    permitted: true,
    available: 50_000,
    short: 0,
    top_up_amount: 0,
    ...overrides,
  };
}

export const BANK = aMethod({ payment_method_type: '계좌', available: 10_000_000 });
export const SHORT = { available: 12_000, short: 4_000 };

export function somePaying(overrides: Partial<Paying> = {}): Paying {
  return {
    methods: [BANK, aMethod()],
    bank_acct_alias: '월급통장',
    account_last4: '6789',
    password: 'set',
    attempts_left: 3,
    lock_seconds: 1_800,
    ...overrides,
  };
}

/** A payment that waits and is bound to nobody. */
export function aView(overrides: Partial<CheckoutView> = {}): CheckoutView {
  return {
    tid: '4821093365512407',
    merchant_name: '원큐피자 을지로점',
    item_name: '고구마피자',
    quantity: 1,
    amount: 16_000,
    cancelled_amount: 0,
    status: 'READY',
    seq: 3,
    bound: 'nobody',
    via: null,
    now: NOW,
    expires_at: NOW + 872_000,
    authenticated_at: null,
    approved_at: null,
    payment_method_type: null,
    phone_token: null,
    paying: null,
    locked_until: null,
    done: null,
    ...overrides,
  };
}

/** A payment that waits and is bound to the phone that looks. */
export function myView(overrides: Partial<CheckoutView> = {}): CheckoutView {
  return aView({ bound: 'you', via: 'direct', paying: somePaying(), ...overrides });
}

export function itsEnd(result: PayerPartDone['result'] = 'authenticated'): PayerPartDone {
  return {
    tid: '4821093365512407',
    cid: 'TC00NETIME',
    order_id: 'order',
    amount: 16_000,
    status: 'AUTHENTICATED',
    result,
    merchant_url: 'https://shop.example/done',
  };
}

export function aKeypad(purpose: KeypadPurpose = 'enter', mode: KeypadMode = 'pad'): Keypad {
  const keys = Array.from({ length: 10 }, (_, index) => ({
    code: `code-${'abcdefghij'.charAt(index)}xx`,
    path: mode === 'pad' ? `M${index} 0V140` : null,
  }));
  return { attempt: 'attempt', purpose, keys };
}
