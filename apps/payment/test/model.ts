import type { FinishedStatus, PaymentMethodType, PaymentStatus } from '@oneq/contracts';

/** What a wallet of the model opens with, won: little enough that several orders run short of it. */
export const OPENING = { money: 12_000, bank: 9_000 };

/** An order of the model: which merchant's, and which of its orders. */
export type Order = `${0 | 1}/${0 | 1 | 2}`;

/** What an order is prepared with; its two variants differ, so that one is another request than the other. */
export interface Details {
  readonly amount: number;
  readonly wallet: number;
  readonly permitted: PaymentMethodType | null;
}

const DETAILS: Record<Order, readonly [Details, Details]> = {
  '0/0': [details(5_000, 0), details(5_000, 1)],
  '0/1': [details(9_000, 0, 'MONEY'), details(4_000, 0)],
  '0/2': [details(13_000, 1), details(13_000, 1, 'MONEY')],
  '1/0': [details(1, 1), details(2, 0)],
  '1/1': [details(9_000, 1, '계좌'), details(9_000, 1)],
  '1/2': [details(7_000, 0), details(7_001, 0, '계좌')],
};
export const ORDERS = Object.keys(DETAILS) as Order[];
export const WALLETS = 2;

export type Variant = 0 | 1;
export const detailsOf = (order: Order, variant: Variant): Details => DETAILS[order][variant];

function details(amount: number, wallet: number, permitted: PaymentMethodType | null = null): Details {
  return { amount, wallet, permitted };
}

/** Names an attempt at an order by its number, as a tid does; 0 names none there is. */
export type Attempt = number;

/** `reference` is that of the request; `key` its Idempotency-Key, if it comes with one. Amounts are won. */
export type Command =
  | { do: 'prepare'; order: Order; variant: Variant; key?: string }
  | { do: 'authenticate'; order: Order; attempt: Attempt; method?: PaymentMethodType; topUp: number }
  | { do: 'end by payer'; order: Order; attempt: Attempt; how: 'cancel' | 'fail'; reference: string }
  | { do: 'expire now'; order: Order; attempt: Attempt }
  | { do: 'run out of time'; order: Order }
  | { do: 'approve'; order: Order; attempt?: Attempt; amount: number; item?: string; tradeName?: string; key?: string }
  | { do: 'let an hour pass'; order: Order }
  | { do: 'cancel'; order: Order; attempt?: Attempt; amount?: number; reference: string; key?: string }
  | { do: 'net-cancel'; order: Order; amount: number; reference: string; key?: string }
  | { do: 'charge'; wallet: number; amount: number; reference: string };

export interface ModelPayment {
  /** `ORDER#ATTEMPT`. */
  readonly name: string;
  readonly variant: Variant;
  readonly details: Details;
  status: PaymentStatus;
  method: PaymentMethodType | null;
  topUp: number;
  cancelled: number;
  /** `TYPE AMOUNT`, oldest first. */
  readonly events: string[];
  /** Its time is over, though nobody has looked yet. */
  due: boolean;
  /** An hour has passed since the approval. */
  old: boolean;
  closedBy: string | null;
}

export interface ModelWallet {
  money: number;
  moneyHeld: number;
  bank: number;
  bankHeld: number;
}

/** What a command was answered: a code of an error, or what tells one success from another. */
export type Outcome = string;

/** A refusal of the model; what was done before it stays. */
class Refusal extends Error {}

/**
 * What the payment service promises, without a database: payments and wallets in memory, one command after the other.
 * Plain data, so that it can be copied (`copy`) to try another order of events.
 */
export class Model {
  private constructor(
    readonly payments: Record<string, ModelPayment[]>,
    readonly wallets: Record<number, ModelWallet>,
    /** Sum of each merchant's transfers. */
    readonly owed: Record<string, number>,
    readonly givenUp: Record<string, true>,
    /** Reference of a booked refund or charge → what it was booked on. */
    readonly booked: Record<string, string>,
    /** Idempotency-Key → the request and its first answer. */
    readonly kept: Record<string, { request: string; outcome: Outcome }>,
  ) {}

  static empty(): Model {
    return new Model({}, {}, {}, {}, {}, {});
  }

  copy(): Model {
    const { payments, wallets, owed, givenUp, booked, kept } = structuredClone({ ...this });
    return new Model(payments, wallets, owed, givenUp, booked, kept);
  }

  newest(order: Order): ModelPayment | undefined {
    return this.payments[order]?.at(-1);
  }

  /** Executes a command and tells its outcome. */
  run(command: Command): Outcome {
    const { key, ...request } = { key: undefined, ...command };
    if (key === undefined) return this.outcomeOf(command);
    // The merchant of an order and the command are part of the scope; the reference is no part of the request.
    const scope = JSON.stringify([key, request.do, 'order' in command && command.order[0]]);
    const content = JSON.stringify({ ...request, reference: undefined });
    const kept = this.kept[scope];
    if (kept) return kept.request === content ? `${kept.outcome} again` : 'IDEMPOTENCY_KEY_REUSED';
    const outcome = this.outcomeOf(command);
    if (!isRefusal(outcome)) this.kept[scope] = { request: content, outcome };
    return outcome;
  }

  private outcomeOf(command: Command): Outcome {
    try {
      return this.execute(command);
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
  }

  private execute(command: Command): Outcome {
    switch (command.do) {
      case 'prepare':
        return this.prepare(command.order, command.variant);
      case 'authenticate':
        return this.authenticate(this.named(command.order, command.attempt), command.method, command.topUp);
      case 'end by payer':
        return this.endByPayer(this.named(command.order, command.attempt), command.how, command.reference);
      case 'expire now': {
        const payment = this.named(command.order, command.attempt);
        if (isOpen(payment)) this.close(payment, 'EXPIRED');
        return payment.status;
      }
      case 'run out of time': {
        const payment = this.newest(command.order);
        if (payment && isOpen(payment)) payment.due = true;
        return 'done';
      }
      case 'let an hour pass': {
        const payment = this.newest(command.order);
        if (payment?.status === 'APPROVED' || payment?.status === 'PARTIALLY_CANCELLED') payment.old = true;
        return 'done';
      }
      case 'approve':
        return this.approve(command);
      case 'cancel':
        return this.cancel(command);
      case 'net-cancel':
        return this.netCancel(command);
      case 'charge': {
        const wallet = this.wallets[command.wallet];
        if (!wallet) throw new Refusal('WALLET_NOT_FOUND');
        if (!this.booked[command.reference]) wallet.money += command.amount;
        this.booked[command.reference] = 'charge';
        return 'charged';
      }
    }
  }

  private prepare(order: Order, variant: Variant): Outcome {
    const details = detailsOf(order, variant);
    const attempts = this.payments[order] ?? [];
    this.payments[order] = attempts;
    const newest = attempts.at(-1);
    if (newest) this.expireIfDue(newest);
    if (newest && !isFinished(newest.status)) {
      if (newest.variant !== variant) throw new Refusal('ORDER_ALREADY_EXISTS');
      return newest.name;
    }
    this.wallets[details.wallet] ??= { money: OPENING.money, moneyHeld: 0, bank: OPENING.bank, bankHeld: 0 };
    delete this.givenUp[order];
    const name = `${order}#${attempts.length + 1}`;
    const unborn = { method: null, topUp: 0, cancelled: 0, events: [], due: false, old: false, closedBy: null };
    attempts.push({ name, variant, details, status: 'READY', ...unborn });
    return name;
  }

  private authenticate(payment: ModelPayment, wanted: PaymentMethodType | undefined, topUp: number): Outcome {
    const { amount, permitted, wallet: number } = payment.details;
    if (wanted && permitted && wanted !== permitted) throw new Refusal('INVALID_PARAMETER');
    if (this.expireIfDue(payment)) throw new Refusal('PAYMENT_EXPIRED');
    refuseFinished(payment.status);
    if (payment.status !== 'READY') return payment.status;
    const method = wanted ?? permitted ?? 'MONEY';
    const wallet = this.walletOf(number);
    const [money, bank] = method === 'MONEY' ? [amount - topUp, topUp] : [0, amount];
    const agreed = method === 'MONEY' || topUp === 0;
    if (!agreed || money < 0 || money > wallet.money - wallet.moneyHeld || bank > wallet.bank - wallet.bankHeld) {
      throw new Refusal('INSUFFICIENT_FUNDS');
    }
    wallet.moneyHeld += money;
    wallet.bankHeld += bank;
    Object.assign(payment, { status: 'AUTHENTICATED', method, topUp });
    payment.events.push(`payment.authenticated ${amount}`);
    return 'AUTHENTICATED';
  }

  private endByPayer(payment: ModelPayment, how: 'cancel' | 'fail', reference: string): Outcome {
    if (this.expireIfDue(payment)) throw new Refusal('PAYMENT_EXPIRED');
    if (isOpen(payment)) this.close(payment, how === 'cancel' ? 'CANCELLED' : 'FAILED', reference);
    else if (payment.closedBy !== reference) {
      refuseFinished(payment.status);
      throw new Refusal('PAYMENT_NOT_CANCELLABLE');
    }
    return payment.status;
  }

  private approve({ order, attempt, amount, item, tradeName }: Command & { do: 'approve' }): Outcome {
    const newest = this.newest(order);
    if (!newest) throw new Refusal(this.givenUp[order] ? 'PAYMENT_CANCELLED' : 'PAYMENT_NOT_FOUND');
    if (attempt !== undefined && this.payments[order]?.[attempt - 1] !== newest) throw new Refusal('PAYMENT_NOT_FOUND');
    this.expireIfDue(newest);
    if (amount !== newest.details.amount || item || tradeName) throw new Refusal('PAYMENT_MISMATCH');
    refuseFinished(newest.status);
    if (newest.status === 'READY') throw new Refusal('PAYMENT_NOT_AUTHENTICATED');
    if (newest.status === 'AUTHENTICATED') this.capture(newest, order[0] ?? '');
    return newest.name;
  }

  private capture(payment: ModelPayment, merchant: string): void {
    const { amount } = payment.details;
    const wallet = this.walletOf(payment.details.wallet);
    const [money, bank] = parts(payment);
    wallet.moneyHeld -= money;
    wallet.bankHeld -= bank;
    wallet.money -= money;
    wallet.bank -= bank;
    this.owed[merchant] = (this.owed[merchant] ?? 0) + amount;
    payment.status = 'APPROVED';
    payment.events.push(`payment.approved ${amount}`);
  }

  private cancel({ order, attempt, amount, reference }: Command & { do: 'cancel' }): Outcome {
    const payment = attempt === undefined ? this.newest(order) : this.named(order, attempt);
    if (!payment) throw new Refusal('PAYMENT_NOT_FOUND');
    this.expireIfDue(payment);
    switch (payment.status) {
      case 'READY':
      case 'AUTHENTICATED':
        if (amount !== undefined && amount !== payment.details.amount) throw new Refusal('PAYMENT_NOT_CANCELLABLE');
        this.close(payment, 'CANCELLED', reference);
        return 'cancelled';
      case 'APPROVED':
      case 'PARTIALLY_CANCELLED':
      case 'CANCELLED': {
        const left = payment.method && payment.status !== 'CANCELLED' ? payment.details.amount - payment.cancelled : 0;
        if (this.booked[reference] === payment.name || payment.closedBy === reference) return 'cancelled';
        if (payment.status === 'CANCELLED' && amount === undefined) return 'cancelled';
        if ((amount ?? left) > left) throw new Refusal('CANCEL_AMOUNT_EXCEEDED');
        this.refund(payment, order[0] ?? '', amount ?? left, reference);
        return 'cancelled';
      }
      default:
        throw new Refusal('PAYMENT_NOT_CANCELLABLE');
    }
  }

  private netCancel({ order, amount, reference }: Command & { do: 'net-cancel' }): Outcome {
    const payment = this.newest(order);
    if (!payment) {
      this.givenUp[order] = true;
      return 'NOT_APPROVED null';
    }
    if (amount !== payment.details.amount) throw new Refusal('PAYMENT_MISMATCH');
    this.expireIfDue(payment);
    switch (payment.status) {
      case 'READY':
      case 'AUTHENTICATED':
        this.close(payment, 'CANCELLED', reference);
        return 'NOT_APPROVED';
      case 'APPROVED':
        if (payment.old) throw new Refusal('PAYMENT_NOT_CANCELLABLE');
        this.refund(payment, order[0] ?? '', payment.details.amount, reference);
        return 'CANCELLED';
      case 'CANCELLED':
        if (payment.closedBy === reference) return 'NOT_APPROVED';
        return this.booked[reference] === payment.name ? 'CANCELLED' : 'ALREADY_CANCELLED';
      case 'PARTIALLY_CANCELLED':
        throw new Refusal('PAYMENT_NOT_CANCELLABLE');
      default:
        return 'NOT_APPROVED';
    }
  }

  private refund(payment: ModelPayment, merchant: string, amount: number, reference: string): void {
    this.walletOf(payment.details.wallet)[payment.method === 'MONEY' ? 'money' : 'bank'] += amount;
    this.owed[merchant] = (this.owed[merchant] ?? 0) - amount;
    this.booked[reference] = payment.name;
    payment.cancelled += amount;
    payment.status = payment.cancelled === payment.details.amount ? 'CANCELLED' : 'PARTIALLY_CANCELLED';
    payment.events.push(`payment.cancelled ${amount}`);
  }

  private close(payment: ModelPayment, status: FinishedStatus, reference: string | null = null): void {
    const wallet = this.walletOf(payment.details.wallet);
    if (payment.status === 'AUTHENTICATED') {
      const [money, bank] = parts(payment);
      wallet.moneyHeld -= money;
      wallet.bankHeld -= bank;
    }
    payment.status = status;
    payment.closedBy = reference;
    payment.events.push(`payment.${status.toLowerCase()} ${payment.details.amount}`);
  }

  private expireIfDue(payment: ModelPayment): boolean {
    if (!payment.due || !isOpen(payment)) return false;
    this.close(payment, 'EXPIRED');
    return true;
  }

  private named(order: Order, attempt: Attempt): ModelPayment {
    const payment = this.payments[order]?.[attempt - 1];
    if (!payment) throw new Refusal('PAYMENT_NOT_FOUND');
    return payment;
  }

  private walletOf(number: number): ModelWallet {
    const wallet = this.wallets[number];
    if (!wallet) throw new Error('a payment has a wallet');
    return wallet;
  }
}

export function isRefusal(outcome: Outcome): boolean {
  return /^(PAYMENT|ORDER|WALLET|INVALID|INSUFFICIENT|CANCEL_AMOUNT|IDEMPOTENCY)_/.test(outcome);
}

/** Won that a payment takes from pay money, and from the bank account. */
function parts({ method, topUp, details: { amount } }: ModelPayment): [number, number] {
  return method === 'MONEY' ? [amount - topUp, topUp] : [0, amount];
}

function isOpen({ status }: ModelPayment): boolean {
  return status === 'READY' || status === 'AUTHENTICATED';
}

function isFinished(status: PaymentStatus): status is FinishedStatus {
  return status === 'CANCELLED' || status === 'FAILED' || status === 'EXPIRED';
}

function refuseFinished(status: PaymentStatus): void {
  if (isFinished(status)) throw new Refusal(`PAYMENT_${status}`);
}
