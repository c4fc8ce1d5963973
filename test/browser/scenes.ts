import { anApproval } from '../e2e/shop';
import type { CheckoutWorld, Ordered } from './checkout';
import { WRONG } from './checkout';
import { Payer } from './payer-by-http';

/** Where a browser sees a screen. */
export interface Situation {
  readonly url: string;
  /** Whose browser it is; a stranger's when absent. */
  readonly payer?: Payer;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body of a form that is sent there. */
  readonly posts?: string;
}

/** A screen of the pages in one of its states. */
export interface Scene {
  readonly name: string;
  /** `data-screen` of the page. */
  readonly screen: string;
  readonly ko: string;
  readonly en: string;
  /** The heading belongs to an error: the title says so first. */
  readonly alert?: boolean;
  /** HTTP status, when it is not 200. */
  readonly status?: number;
  open(world: CheckoutWorld): Promise<Situation>;
}

const ALIAS = { bank_acct_alias: '월급통장' };
/** More than any bank account of the sandbox holds. */
const TOO_MUCH = { amount: '90000000', balance: '12000', ...ALIAS };
const METHOD = { ko: '무엇으로 결제할까요?', en: 'How would you like to pay?' };
const REVIEW = { ko: '이대로 결제할까요?', en: 'Ready to pay?' };
const ENTER = { ko: '결제 비밀번호를 눌러 주세요', en: 'Enter your payment password' };
const CREATE = { ko: '결제 비밀번호를 만들어 주세요', en: 'Create a payment password' };
const CONFIRMED = { ko: '결제를 확인했어요', en: 'Payment confirmed' };
const PAID = { ko: '이미 결제한 주문이에요', en: 'This order is already paid' };
const CANCELLED = { ko: '결제를 취소했어요', en: 'Payment cancelled' };
const EXPIRED = { ko: '결제 시간이 지났어요', en: 'Time ran out' };
const ELSEWHERE = { ko: '다른 휴대폰에서 결제하고 있어요', en: 'Being paid on another phone' };
/** The time stands before or after it. */
const LOCKED = { ko: '부터 다시 결제할 수 있어요', en: 'You can pay again from ' };

/** Every screen, each in the states in which it looks different. */
export const SCENES: readonly Scene[] = [
  {
    name: 'qr',
    screen: 'qr',
    ko: '휴대폰으로 QR을 찍어 주세요',
    en: 'Scan the QR code with your phone',
    open: async (world) => ({ url: (await world.ordered()).pcUrl }),
  },
  {
    name: 'qr-paying',
    screen: 'qr-paying',
    ko: '휴대폰에서 결제하고 있어요',
    en: "You're paying on your phone",
    async open(world) {
      const { ordered } = await begun(world, 'qr');
      return { url: ordered.pcUrl };
    },
  },
  {
    name: 'qr-paying-here',
    screen: 'qr-paying',
    ko: '이 기기에서 결제하고 있어요',
    en: "You're paying on this device",
    async open(world) {
      const { ordered, payer } = await begun(world);
      return { url: ordered.pcUrl, payer };
    },
  },
  {
    name: 'cancel-pc',
    screen: 'cancel',
    ko: '결제를 그만둘까요?',
    en: 'Stop this payment?',
    open: async (world) => ({ url: `${(await world.ordered()).pcUrl}&step=cancel` }),
  },
  {
    name: 'intro',
    screen: 'intro',
    ko: '16,000원을 결제할까요?',
    en: 'Pay 16,000 won?',
    open: async (world) => ({ url: (await world.ordered()).scannedUrl }),
  },
  {
    name: 'cancel',
    screen: 'cancel',
    ko: '결제를 그만둘까요?',
    en: 'Stop this payment?',
    open: async (world) => ({ url: `${(await world.ordered()).phoneUrl}&step=cancel` }),
  },
  { name: 'method', screen: 'method', ...METHOD, open: (world) => at(world, { step: 'method' }, ALIAS) },
  {
    name: 'method-top-up',
    screen: 'method',
    ...METHOD,
    open: (world) => at(world, { step: 'method' }, { ...ALIAS, balance: '12000' }),
  },
  {
    name: 'method-one-not-accepted',
    screen: 'method',
    ...METHOD,
    open: (world) => at(world, { step: 'method' }, { ...ALIAS, payment_method_type: '계좌' }),
  },
  {
    name: 'method-nothing-usable',
    screen: 'method',
    ...METHOD,
    open: (world) => at(world, { step: 'method' }, TOO_MUCH),
  },
  {
    name: 'method-ran-short',
    screen: 'method',
    ...METHOD,
    alert: true,
    open: (world) => at(world, { step: 'method', notice: 'short' }),
  },
  {
    name: 'top-up',
    screen: 'top-up',
    ko: '4,000원을 채우고 결제할까요?',
    en: 'Top up 4,000 won and pay?',
    open: (world) => at(world, { step: 'review', payment_method_type: 'MONEY' }, { ...ALIAS, balance: '12000' }),
  },
  {
    name: 'review',
    screen: 'review',
    ...REVIEW,
    open: (world) => at(world, { step: 'review', payment_method_type: 'MONEY' }),
  },
  {
    name: 'review-account',
    screen: 'review',
    ...REVIEW,
    open: (world) => at(world, { step: 'review', payment_method_type: '계좌' }, ALIAS),
  },
  { name: 'password-set-1', screen: 'password', ...CREATE, open: (world) => password(world) },
  {
    name: 'password-set-2',
    screen: 'password',
    ko: '한 번 더 눌러 주세요',
    en: 'Enter it once more',
    async open(world) {
      const { ordered, payer } = await begun(world);
      const first = await payer.enterFirst(ordered);
      return { url: payer.passwordUrl(ordered, {}, { first }), payer };
    },
  },
  {
    name: 'password-set-weak',
    screen: 'password',
    ...CREATE,
    alert: true,
    open: (w) => password(w, { notice: 'weak' }),
  },
  {
    name: 'password-set-different',
    screen: 'password',
    ...CREATE,
    alert: true,
    open: (world) => password(world, { notice: 'different' }),
  },
  { name: 'password-enter', screen: 'password', ...ENTER, open: (world) => passwordAgain(world) },
  {
    name: 'password-type',
    screen: 'password',
    ko: '결제 비밀번호를 입력해 주세요',
    en: 'Type your payment password',
    open: (world) => passwordAgain(world, { mode: 'type' }),
  },
  {
    name: 'password-wrong',
    screen: 'password',
    ...ENTER,
    alert: true,
    async open(world) {
      const { ordered, payer } = await begunAgain(world);
      await payer.enter(ordered, WRONG);
      await payer.enter(ordered, WRONG);
      return { url: payer.passwordUrl(ordered, {}, { notice: 'wrong' }), payer };
    },
  },
  {
    name: 'password-stale',
    screen: 'password',
    ...ENTER,
    alert: true,
    open: (world) => passwordAgain(world, { notice: 'stale' }),
  },
  {
    name: 'password-limited',
    screen: 'password',
    ...ENTER,
    alert: true,
    open: (world) => passwordAgain(world, { notice: 'limited' }),
  },
  {
    name: 'confirmed',
    screen: 'confirmed',
    ...CONFIRMED,
    async open(world) {
      const { ordered, payer } = await paid(world);
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'confirmed-pc',
    screen: 'confirmed',
    ...CONFIRMED,
    open: async (world) => ({ url: (await paid(world, 'qr')).ordered.pcUrl }),
  },
  {
    name: 'confirmed-elsewhere',
    screen: 'confirmed',
    ...CONFIRMED,
    open: async (world) => ({ url: (await paid(world)).ordered.phoneUrl }),
  },
  {
    name: 'continue-on-pc',
    screen: 'continue-on-pc',
    ...CONFIRMED,
    async open(world) {
      const { ordered, payer } = await paid(world, 'qr');
      const pc = await world.pc(ordered.pcUrl); // somebody is there to go on
      await pc.context().close();
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'pc-gone',
    screen: 'pc-gone',
    ...CONFIRMED,
    async open(world) {
      const { ordered, payer } = await paid(world, 'qr');
      // Nobody was at the PC for as long as it takes until that counts.
      await world.shop.rows(
        "UPDATE payment.payments SET authenticated_at = authenticated_at + interval '1 minute' WHERE order_id = $1",
        [ordered.order.order_id],
      );
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'complete',
    screen: 'complete',
    ko: '결제를 마쳤어요',
    en: 'Payment complete',
    async open(world) {
      const { ordered, payer } = await approved(world);
      return { url: payer.at(ordered, { go: '1' }), payer };
    },
  },
  {
    name: 'already-paid',
    screen: 'already-paid',
    ...PAID,
    async open(world) {
      const { ordered, payer } = await approved(world);
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'already-paid-pc',
    screen: 'already-paid',
    ...PAID,
    open: async (world) => ({ url: (await approved(world)).ordered.pcUrl }),
  },
  {
    name: 'already-paid-partly-cancelled',
    screen: 'already-paid',
    ...PAID,
    async open(world) {
      const { ordered } = await approved(world);
      await became(world, ordered, "status = 'PARTIALLY_CANCELLED', cancelled_amount = 5000");
      return { url: ordered.pcUrl };
    },
  },
  {
    name: 'cancelled',
    screen: 'cancelled',
    ...CANCELLED,
    open: async (world) => ({ url: (await ended(world, 'cancel')).phoneUrl }),
  },
  {
    name: 'cancelled-on-another-screen',
    screen: 'cancelled',
    ko: '다른 화면에서 결제를 취소했어요',
    en: 'Cancelled on another screen',
    open: async (world) => ({ url: (await ended(world, 'cancel')).scannedUrl, headers: { 'x-oneq-swap': '1' } }),
  },
  {
    name: 'refunded',
    screen: 'cancelled',
    ...CANCELLED,
    async open(world) {
      const { ordered } = await approved(world);
      await became(world, ordered, "status = 'CANCELLED', finished_at = now(), cancelled_amount = amount");
      return { url: ordered.pcUrl };
    },
  },
  {
    name: 'failed',
    screen: 'failed',
    ko: '결제하지 못했어요',
    en: "We couldn't take the payment",
    open: async (world) => ({ url: (await ended(world, 'fail')).phoneUrl }),
  },
  {
    name: 'expired',
    screen: 'expired',
    ...EXPIRED,
    async open(world) {
      const { tid, pcUrl } = await world.ordered();
      await world.shop.form(`/sandbox/payments/${tid}/expire`);
      return { url: pcUrl };
    },
  },
  {
    name: 'expired-before-the-shop-approved',
    screen: 'expired',
    ...EXPIRED,
    async open(world) {
      const { ordered } = await paid(world);
      await world.shop.form(`/sandbox/payments/${ordered.tid}/expire`);
      return { url: ordered.pcUrl };
    },
  },
  {
    name: 'locked',
    screen: 'locked',
    ...LOCKED,
    async open(world) {
      const { ordered, payer } = await begunAgain(world);
      for (let tries = 0; tries < 5; tries += 1) await payer.enter(ordered, WRONG);
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'locked-by-another-payment',
    screen: 'locked',
    ...LOCKED,
    async open(world) {
      const other = await begunAgain(world);
      const { bank_acct_num = '' } = other.ordered.order;
      const { ordered, payer } = await begun(world, undefined, { bank_acct_num });
      for (let tries = 0; tries < 5; tries += 1) await other.payer.enter(other.ordered, WRONG);
      return { url: payer.at(ordered), payer };
    },
  },
  {
    name: 'elsewhere',
    screen: 'elsewhere',
    ...ELSEWHERE,
    status: 409,
    open: async (world) => ({ url: (await begun(world)).ordered.phoneUrl }),
  },
  {
    name: 'elsewhere-by-qr',
    screen: 'elsewhere',
    ...ELSEWHERE,
    status: 409,
    open: async (world) => ({ url: (await begun(world)).ordered.scannedUrl }),
  },
  {
    name: 'not-found',
    screen: 'not-found',
    ko: '열 수 없는 결제 링크예요',
    en: "This payment link doesn't work",
    status: 404,
    open: async (world) => ({ url: `${world.shop.url}/pay/oneq/transfer?token=cut` }),
  },
  {
    name: 'forbidden',
    screen: 'forbidden',
    ko: '다시 한번 시도해 주세요',
    en: 'Please try once more',
    status: 403,
    async open(world) {
      const token = new URL((await world.ordered()).phoneUrl).searchParams.get('token');
      return { url: `${world.shop.url}/pay/checkout/begin`, posts: `token=${token}` };
    },
  },
];

/** Only while the payment service is away. */
export const TROUBLE = {
  name: 'trouble',
  screen: 'trouble',
  ko: '지금은 결제 화면을 열 수 없어요',
  en: "We can't open the payment page right now",
  status: 503,
} as const;

async function begun(world: CheckoutWorld, via?: 'qr', changes: Readonly<Record<string, string>> = {}) {
  const ordered = await world.ordered(changes);
  const payer = new Payer(world, via);
  await payer.begin(ordered);
  return { ordered, payer };
}

/** By somebody whose wallet has a password. */
async function begunAgain(world: CheckoutWorld) {
  return begun(world, undefined, { bank_acct_num: await world.account() });
}

async function at(
  world: CheckoutWorld,
  query: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>> = {},
): Promise<Situation> {
  const { ordered, payer } = await begun(world, undefined, changes);
  return { url: payer.at(ordered, query), payer };
}

async function password(world: CheckoutWorld, more: Readonly<Record<string, string>> = {}): Promise<Situation> {
  const { ordered, payer } = await begun(world);
  return { url: payer.passwordUrl(ordered, {}, more), payer };
}

async function passwordAgain(world: CheckoutWorld, more: Readonly<Record<string, string>> = {}): Promise<Situation> {
  const { ordered, payer } = await begunAgain(world);
  return { url: payer.passwordUrl(ordered, {}, more), payer };
}

async function paid(world: CheckoutWorld, via?: 'qr') {
  const ordered = await world.ordered();
  const payer = new Payer(world, via);
  await payer.pay(ordered);
  return { ordered, payer };
}

async function approved(world: CheckoutWorld) {
  const done = await paid(world, 'qr');
  await world.shop.form('/pay/success', anApproval(done.ordered.order));
  return done;
}

async function ended(world: CheckoutWorld, outcome: 'cancel' | 'fail'): Promise<Ordered> {
  const ordered = await world.ordered();
  await world.shop.authenticate(ordered.tid, { outcome });
  return ordered;
}

/** Writes into the database what no address can ask for yet. */
async function became(world: CheckoutWorld, { order }: Ordered, assignments: string): Promise<void> {
  await world.shop.rows(`UPDATE payment.payments SET ${assignments} WHERE order_id = $1`, [order.order_id]);
}
