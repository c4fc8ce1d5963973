/** What the payer's two pages ask of the payment service. Times are ms since 1970 by the database's clock, amounts won. */
import { Integer, OneOf, Text } from '../fields';
import { SHA_256 } from '../forms';
import { message } from '../message';
import { INTEGER_MAX, type PayerPartDone } from './messages';
import { PAYMENT_METHOD_TYPES, type PaymentMethodType, type PaymentStatus } from './state';

/** Which of the payer's two pages a token opens: the PC's with the QR code, or the phone's. */
export const CHECKOUT_PAGES = ['pc', 'phone'] as const;
export type CheckoutPage = (typeof CHECKOUT_PAGES)[number];

/** How a phone came to its page: by the PC's QR code, so that the PC goes on afterwards, or by itself. */
export const CHECKOUT_ROUTES = ['qr', 'direct'] as const;
export type CheckoutRoute = (typeof CHECKOUT_ROUTES)[number];

/** A browser that looks at one of the payer's pages. */
export class CheckoutQuery {
  @Text({ max: 64, description: 'token of the page' })
  readonly token!: string;

  @OneOf({ max: 10, values: CHECKOUT_PAGES, description: 'page that the token must open' })
  readonly page!: CheckoutPage;

  @Text({ max: 64, form: SHA_256, description: "SHA-256 of the browser's session, hex" })
  readonly session!: string;
}

/** A method as the payer meets it. */
export interface PayingMethod {
  readonly payment_method_type: PaymentMethodType;
  readonly permitted: boolean;
  /** Balance without what is held. */
  readonly available: number;
  /** What is missing to pay the amount; 0 when there is enough. */
  readonly short: number;
  /** What the linked account would add so that pay money is enough; 0 when it need not or cannot. */
  readonly top_up_amount: number;
}

/** What a payer needs to pay; for the phone that the payment is bound to alone. */
export interface Paying {
  readonly methods: readonly PayingMethod[];
  readonly bank_acct_alias: string | null;
  readonly account_last4: string;
  /** `missing`: a sandbox wallet's first payment sets it; in live mode it cannot pay. */
  readonly password: 'set' | 'missing';
  /** Wrong passwords until the wallet is locked. */
  readonly attempts_left: number;
  /** How long a lock lasts, seconds. */
  readonly lock_seconds: number;
}

/** What the payer sees of a payment. */
export interface CheckoutView {
  readonly tid: string;
  readonly merchant_name: string;
  readonly item_name: string;
  readonly quantity: number;
  readonly amount: number;
  /** Refunded so far. */
  readonly cancelled_amount: number;
  readonly status: PaymentStatus;
  /** Grows with every change of the payment and of its binding. */
  readonly seq: number;
  /** Which browser the payment is bound to. */
  readonly bound: 'nobody' | 'you' | 'other';
  /** How the bound phone came; null while none is. */
  readonly via: CheckoutRoute | null;
  readonly now: number;
  readonly expires_at: number;
  readonly authenticated_at: number | null;
  readonly approved_at: number | null;
  readonly payment_method_type: PaymentMethodType | null;
  /** Opens the phone's page; on the PC's page alone. */
  readonly phone_token: string | null;
  /** While ready, for the bound phone alone. */
  readonly paying: Paying | null;
  /** When the bound phone's wallet can pay again, if it is locked. */
  readonly locked_until: number | null;
  /** Where the payer goes on; not while ready, nor for a phone when another one is bound. */
  readonly done: PayerPartDone | null;
}

/** 다음: binds the payment to this phone. */
export class BeginCheckoutCommand extends CheckoutQuery {
  @OneOf({ max: 10, values: CHECKOUT_ROUTES, description: 'how the phone came' })
  readonly via!: CheckoutRoute;
}

/** The payer gives up on one of the pages. */
export class CancelCheckoutCommand extends BeginCheckoutCommand {
  @Text({ max: 36, description: 'UUID of this request' })
  readonly reference!: string;
}

/** `pad`: keys to press; `type`: a password field, whose keys come in the order of their digits. */
export const KEYPAD_MODES = ['pad', 'type'] as const;
export type KeypadMode = (typeof KEYPAD_MODES)[number];

/** Characters of one key's code. */
export const KEY_CODE_LENGTH = 8;
/** Digits of a payment password. */
export const PASSWORD_LENGTH = 6;

/** What the payer is about to agree to with the password. */
export class OpenKeypadQuery extends CheckoutQuery {
  @OneOf({ max: 10, values: PAYMENT_METHOD_TYPES, description: 'chosen method' })
  readonly payment_method_type!: PaymentMethodType;

  @Integer({ min: 0, max: INTEGER_MAX, description: 'won that the linked account adds to the pay money' })
  readonly top_up_amount!: number;

  @OneOf({ max: 10, values: KEYPAD_MODES, description: 'how the password is entered' })
  readonly mode!: KeypadMode;

  @Text({ max: 80, optional: true, description: 'the attempt that entered a new password for the first time' })
  readonly first?: string;
}

/** `enter`: the password; `set1`, `set2`: a new one, twice. */
export type KeypadPurpose = 'enter' | 'set1' | 'set2';

/** One attempt to enter the password: single use, three minutes. */
export interface Keypad {
  readonly attempt: string;
  readonly purpose: KeypadPurpose;
  /** Ten keys in the order in which they are shown. */
  readonly keys: ReadonlyArray<{
    readonly code: string;
    /** SVG path of the digit in a box of 100 × 140, to be stroked; null in the mode `type`. */
    readonly path: string | null;
  }>;
}

/** `keypad` is null when the payment is not ready to be paid by this browser: the view says why. */
export interface OpenedKeypad {
  readonly view: CheckoutView;
  readonly keypad: Keypad | null;
}

/** The keys that were pressed, undecoded: no digit crosses NATS. */
export class SubmitPasswordCommand extends OpenKeypadQuery {
  @Text({
    max: 64,
    form: SHA_256,
    description: "keyed hash of the browser's address, hex: wrong passwords are counted by it",
  })
  readonly client!: string;

  @Text({ max: 80, description: 'attempt' })
  readonly attempt!: string;

  @Text({ max: KEY_CODE_LENGTH * PASSWORD_LENGTH, description: 'codes of the keys, one after the other' })
  readonly keys!: string;
}

/**
 * `authenticated`: the amount is held. `repeat`: a new password was taken once, and is to be entered again.
 * `weak`, `different`: a new password was refused. `stale`: the keypad is not of this browser, payment or moment;
 * nothing was counted.
 */
export type PasswordOutcome = 'authenticated' | 'repeat' | 'weak' | 'different' | 'stale';

export interface PasswordSubmitted {
  readonly outcome: PasswordOutcome;
}

/** @throws PAYMENT_NOT_FOUND for a token that opens nothing */
export const ViewCheckout = message<CheckoutView>()('payment.checkout.view', CheckoutQuery);
/** The same view, for a page that stays open: others are told that it is there. @throws as ViewCheckout */
export const WatchCheckout = message<CheckoutView>()('payment.checkout.watch', CheckoutQuery);
/** The view tells whether it is bound to this phone now. @throws as ViewCheckout */
export const BeginCheckout = message<CheckoutView>()('payment.checkout.begin', BeginCheckoutCommand);
/** PC: another phone may begin. @throws as ViewCheckout */
export const ReleaseCheckout = message<CheckoutView>()('payment.checkout.release', CheckoutQuery);
/** Cancels while ready, from the PC or from the phone that is or becomes bound; the view tells. @throws as ViewCheckout */
export const CancelCheckout = message<CheckoutView>()('payment.checkout.cancel', CancelCheckoutCommand);
/** @throws as ViewCheckout */
export const OpenKeypad = message<OpenedKeypad>()('payment.checkout.open-keypad', OpenKeypadQuery);
/**
 * @throws PAYMENT_NOT_FOUND; PIN_INVALID (`attempts_left`); WALLET_LOCKED; TOO_MANY_REQUESTS; INSUFFICIENT_FUNDS; PAYMENT_CANCELLED,
 * PAYMENT_FAILED, PAYMENT_EXPIRED
 */
export const SubmitPassword = message<PasswordSubmitted>()('payment.checkout.submit-password', SubmitPasswordCommand, {
  isHeavy: true,
});

/**
 * NATS subject on which payment tells all gateways, at most once and without promise, that a payment changed
 * (`page: null`) or that one of its pages is open. A gateway then asks; losing it costs a little time.
 */
export const CHECKOUT_HINTS = 'payment.events.checkout';

export interface CheckoutHint {
  readonly tid: string;
  readonly page: CheckoutPage | null;
}
