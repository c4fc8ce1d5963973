/**
 * The payment service against a model of it: random sequences of all its commands, one after the other and at once.
 * A failure prints its seed and path; `MODEL_SEED=… MODEL_PATH=… npx jest apps/payment/test/model.spec.ts -t '…'` runs
 * just that sequence again.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { DrivenService, type State, stateOf } from './driven-service';
import { type Command, detailsOf, Model, OPENING, type Order, type Outcome, type Variant, WALLETS } from './model';
import { PaymentService } from './service';

const DEFAULT_SEED = 20_161_115;
const SEED = Number(process.env.MODEL_SEED ?? DEFAULT_SEED);
const PATH = process.env.MODEL_PATH;

/** A command before it is known what it meets: amounts are parts of what was prepared, attempts are newest or first. */
type Template =
  | { do: 'prepare'; order: Order; variant: Variant; key?: string }
  | { do: 'authenticate'; order: Order; at: Which; method?: '계좌' | 'MONEY'; topUp: number }
  | { do: 'end by payer'; order: Order; at: Which; how: 'cancel' | 'fail' }
  | { do: 'expire now'; order: Order; at: Which }
  | { do: 'run out of time' | 'let an hour pass'; order: Order }
  | { do: 'approve'; order: Order; at?: Which; other?: 'amount' | 'item' | 'tradeName'; key?: string }
  | { do: 'cancel'; order: Order; at?: Which; part?: number; key?: string }
  | { do: 'net-cancel'; order: Order; wrong: boolean; key?: string }
  | { do: 'charge'; wallet: number; amount: number }
  | { do: 'send again'; back: number };
type Which = 'newest' | 'first' | 'none';

const which: fc.Arbitrary<Which> = fc.constantFrom('newest', 'newest', 'newest', 'newest', 'first', 'none');
/** Absent once in `freq` times. */
const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 2) => fc.option(arbitrary, { nil: undefined, freq });
const key = fc.constantFrom(undefined, undefined, 'a', 'b');
const part = maybe(fc.constantFrom(1, 1 / 3, 1 / 3, 1 / 2, 1.001));

function templates(order: fc.Arbitrary<Order>): Record<string, fc.Arbitrary<Template>> {
  return {
    prepare: fc.record({ do: fc.constant('prepare'), order, variant: fc.constantFrom(0, 0, 0, 1), key }),
    authenticate: fc.record({
      do: fc.constant('authenticate'),
      order,
      at: which,
      method: maybe(fc.constantFrom('계좌', 'MONEY')),
      topUp: fc.constantFrom(0, 0, 0, 1_000, 4_000, 20_000),
    }),
    approve: fc.record({
      do: fc.constant('approve'),
      order,
      at: maybe(which),
      other: fc.constantFrom(undefined, undefined, undefined, undefined, 'amount', 'item', 'tradeName'),
      key,
    }),
    cancel: fc.record({ do: fc.constant('cancel'), order, at: maybe(which), part, key }),
    netCancel: fc.record({ do: fc.constant('net-cancel'), order, wrong: fc.constantFrom(false, false, true), key }),
    endByPayer: fc.record({
      do: fc.constant('end by payer'),
      order,
      at: which,
      how: fc.constantFrom('cancel', 'fail'),
    }),
    expireNow: fc.record({ do: fc.constant('expire now'), order, at: which }),
    charge: fc.record({
      do: fc.constant('charge'),
      wallet: fc.nat({ max: WALLETS - 1 }),
      amount: fc.constantFrom(1, 3_000, 10_000),
    }),
    clock: fc.record({ do: fc.constantFrom('run out of time', 'let an hour pass'), order }),
    again: fc.record({ do: fc.constant('send again'), back: fc.nat({ max: 3 }) }),
  };
}

const WEIGHTS: Record<string, number> = { prepare: 5, authenticate: 5, approve: 5, cancel: 3, netCancel: 2, again: 2 };

function anyOf(order: fc.Arbitrary<Order>): fc.Arbitrary<Template> {
  const all = Object.entries(templates(order));
  return fc.oneof(...all.map(([name, arbitrary]) => ({ arbitrary, weight: WEIGHTS[name] ?? 1 })));
}

/** Sends templates to the model and to the service, as commands that fit what the model is in. */
class Run {
  private readonly sent: Array<{ command: Command; target: string | undefined }> = [];

  constructor(
    readonly model: Model,
    readonly real: DrivenService,
  ) {}

  /** undefined when there is nothing to send again. */
  resolve(template: Template): Command | undefined {
    if (template.do === 'send again') {
      const { command, target } = this.sent.at(-1 - template.back) ?? {};
      // A message is delivered twice within seconds, while its order still means the same payment.
      return command && target === this.targetOf(command) ? command : undefined;
    }
    const command = this.fitted(template, String(this.sent.length));
    this.sent.push({ command, target: this.targetOf(command) });
    return command;
  }

  private fitted(template: Exclude<Template, { do: 'send again' }>, reference: string): Command {
    switch (template.do) {
      case 'prepare':
      case 'run out of time':
      case 'let an hour pass':
        return template;
      case 'charge':
        return { ...template, reference };
    }
    const { order } = template;
    const attempts = this.model.payments[order]?.length ?? 0;
    const amount = detailsOf(order, this.model.newest(order)?.variant ?? 0).amount;
    const attempt = (at: Which) => (at === 'newest' ? attempts : at === 'first' ? Math.min(1, attempts) : 0);
    switch (template.do) {
      case 'authenticate': {
        const { at, ...rest } = template;
        return { ...rest, attempt: attempt(at) };
      }
      case 'end by payer': {
        const { at, ...rest } = template;
        return { ...rest, attempt: attempt(at), reference };
      }
      case 'expire now':
        return { do: 'expire now', order, attempt: attempt(template.at) };
      case 'approve': {
        const { at, other, key } = template;
        return {
          do: 'approve',
          order,
          attempt: at && attempt(at),
          amount: other === 'amount' ? amount + 1 : amount,
          item: other === 'item' ? '감자피자' : undefined,
          tradeName: other === 'tradeName' ? '다른 상호' : undefined,
          key,
        };
      }
      case 'cancel': {
        const { at, part, key } = template;
        return {
          do: 'cancel',
          order,
          attempt: at && attempt(at),
          amount: part && Math.ceil(amount * part),
          reference,
          key,
        };
      }
      case 'net-cancel': {
        const { wrong, key } = template;
        return { do: 'net-cancel', order, amount: wrong ? amount + 1 : amount, reference, key };
      }
    }
  }

  private targetOf(command: Command): string | undefined {
    return 'order' in command ? this.model.newest(command.order)?.name : undefined;
  }
}

/**
 * Every success and refusal that the sequences below must have met, so that the model is not merely agreed with about
 * nothing. `first` and `later` are attempts at an order, `again` is a replayed answer.
 */
const OUTCOMES: Record<Command['do'], readonly string[]> = {
  prepare: ['first', 'first again', 'later', 'IDEMPOTENCY_KEY_REUSED', 'ORDER_ALREADY_EXISTS'],
  authenticate: [
    ...['AUTHENTICATED', 'APPROVED', 'PARTIALLY_CANCELLED', 'INVALID_PARAMETER', 'INSUFFICIENT_FUNDS'],
    ...['PAYMENT_NOT_FOUND', 'PAYMENT_CANCELLED', 'PAYMENT_FAILED', 'PAYMENT_EXPIRED'],
  ],
  'end by payer': [
    ...['CANCELLED', 'FAILED', 'PAYMENT_NOT_CANCELLABLE', 'PAYMENT_NOT_FOUND'],
    ...['PAYMENT_CANCELLED', 'PAYMENT_EXPIRED'],
  ],
  'expire now': ['EXPIRED', 'APPROVED', 'CANCELLED', 'FAILED', 'PAYMENT_NOT_FOUND'],
  'run out of time': ['done'],
  approve: [
    ...['first', 'first again', 'later', 'IDEMPOTENCY_KEY_REUSED', 'PAYMENT_MISMATCH'],
    ...['PAYMENT_NOT_FOUND', 'PAYMENT_NOT_AUTHENTICATED', 'PAYMENT_CANCELLED', 'PAYMENT_FAILED', 'PAYMENT_EXPIRED'],
  ],
  'let an hour pass': ['done'],
  cancel: [
    ...['cancelled', 'cancelled again', 'IDEMPOTENCY_KEY_REUSED'],
    ...['PAYMENT_NOT_FOUND', 'PAYMENT_NOT_CANCELLABLE', 'CANCEL_AMOUNT_EXCEEDED'],
  ],
  'net-cancel': [
    ...['CANCELLED', 'CANCELLED again', 'ALREADY_CANCELLED', 'NOT_APPROVED', 'NOT_APPROVED again', 'NOT_APPROVED null'],
    ...['NOT_APPROVED null again', 'IDEMPOTENCY_KEY_REUSED', 'PAYMENT_MISMATCH', 'PAYMENT_NOT_CANCELLABLE'],
  ],
  charge: ['charged', 'WALLET_NOT_FOUND'],
};

/** Sequences that run side by side, each lane with a seed of its own. */
const LANES = 4;

describe('the payment service against its model', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start({ SANDBOX_BANK_BALANCE: String(OPENING.bank) });
  });
  afterAll(() => service.stop());

  it(`answers and does the same in 1,000 random sequences of commands (seed ${SEED})`, async () => {
    const met = new Map<string, Set<string>>();
    const order = fc.constantFrom<Order>('0/0', '0/0', '0/0', '0/1', '0/1', '1/0', '0/2', '1/1', '1/2');
    const paid = order.map((order): Template[] => [
      { do: 'prepare', order, variant: 0 },
      { do: 'authenticate', order, at: 'newest', topUp: 0 },
      { do: 'approve', order },
    ]);
    const single = anyOf(order).map((template) => [template]);
    const sequences = fc
      .array(fc.oneof({ arbitrary: single, weight: 9 }, { arbitrary: paid, weight: 1 }), { maxLength: 20, size: 'max' })
      .map((chunks) => chunks.flat());
    const property = fc.asyncProperty(sequences, async (sequence) => {
      const run = new Run(Model.empty(), await DrivenService.on(service));
      for (const template of sequence) {
        const command = run.resolve(template);
        if (!command) continue;
        const expected = run.model.run(command);
        const outcome = await run.real.run(command);
        if (outcome !== expected)
          throw new Error(`${JSON.stringify(command)} was answered ${outcome}, not ${expected}`);
        met.set(command.do, (met.get(command.do) ?? new Set()).add(kindOf(expected)));
      }
      expect(await run.real.state()).toEqual(stateOf(run.model));
    });
    if (PATH !== undefined) return fc.assert(property, { seed: SEED, path: PATH });
    const lanes = Array.from({ length: LANES }, (_, lane) => SEED + lane);
    await Promise.all(lanes.map((seed) => fc.assert(property, { seed, numRuns: 1_000 / LANES })));
    const missed = Object.entries(OUTCOMES).flatMap(([command, outcomes]) =>
      outcomes.filter((outcome) => !met.get(command)?.has(outcome)).map((outcome) => `${command}: ${outcome}`),
    );
    if (SEED === DEFAULT_SEED) expect(missed).toEqual([]);
  }, 180_000);

  it(`is in a state that some order of the commands explains, answers included, when they come at once (seed ${SEED})`, async () => {
    const one = anyOf(fc.constant('0/0'));
    const rounds = fc.record({
      before: fc.array(one, { maxLength: 3 }),
      atOnce: fc.array(one, { minLength: 3, maxLength: 6, size: 'max' }),
    });
    const property = fc.asyncProperty(rounds, async ({ before, atOnce }) => {
      const run = new Run(Model.empty(), await DrivenService.on(service));
      for (const template of [PREPARED, ...before]) {
        const command = run.resolve(template);
        if (command) expect(await run.real.run(command)).toBe(run.model.run(command));
      }
      const commands = atOnce.map((template) => run.resolve(template)).filter((command) => command !== undefined);
      const answered = await Promise.all(
        commands.map(async (command) => ({ command, outcome: await run.real.run(command) })),
      );
      const state = await run.real.state();
      if (!isExplained(run.model, answered, state)) {
        throw new Error(`no order explains ${JSON.stringify({ answered, state }, null, 1)}`);
      }
    });
    // What happens at once happens differently each time, so there is nothing to shrink.
    await fc.assert(property, { seed: SEED, path: PATH, numRuns: 200, endOnFailure: true });
  }, 120_000);
});

const PREPARED: Template = { do: 'prepare', order: '0/0', variant: 0 };

interface Answered {
  readonly command: Command;
  readonly outcome: Outcome;
}

/** Whether the commands, one after the other in some order, are answered like this and lead to this state. */
function isExplained(model: Model, answered: readonly Answered[], state: State): boolean {
  if (answered.length === 0) return isDeepStrictEqual(plain(stateOf(model)), plain(state));
  return answered.some(({ command, outcome }, index) => {
    const after = model.copy();
    // A key that another request was using meanwhile: nothing was done.
    const explained = outcome === 'IDEMPOTENCY_KEY_IN_USE' || after.run(command) === outcome;
    return explained && isExplained(after, answered.toSpliced(index, 1), state);
  });
}

/** Without prototypes, which are those of another realm in what was cloned. */
function plain(state: State): unknown {
  return JSON.parse(JSON.stringify(state));
}

/** An outcome without what differs from run to run. */
function kindOf(outcome: Outcome): string {
  return outcome.replace(/^.\/.#(\d+)/, (_name, attempt) => (attempt === '1' ? 'first' : 'later'));
}
