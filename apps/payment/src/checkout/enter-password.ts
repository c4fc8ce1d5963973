import { setTimeout as wait } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import {
  type CheckoutQuery,
  type CheckoutView,
  FINISHED_ERRORS,
  isFinished,
  type KeypadPurpose,
  OneQError,
  type OpenedKeypad,
  type OpenKeypadQuery,
  type PasswordSubmitted,
  type SubmitPasswordCommand,
  unavailable,
} from '@oneq/contracts';
import { brokenConstraint, Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { CONFIG, type PaymentConfig } from '../config';
import { PaymentIds } from '../ids/payment-ids';
import { AuthenticatePayment } from '../payments/authenticate';
import { ClosePayment } from '../payments/close';
import { type Attempt, Keypads } from './keypads';
import { MERCHANT_PARTS, merchantHasTooMany, PasswordFailures, THIS_HOUR } from './password-failures';
import { type HashedPassword, isWeak, PasswordHasher } from './password-hasher';
import { TRIES_MAX, ViewCheckout } from './view-checkout';

/** A keypad is good for this long. */
const KEYPAD_LIFE = `interval '3 minutes'`;

/** The ready payment $1, bound to the session $2, with a keypad made at $3. */
const PAYABLE = `
      SELECT payments.id, wallet_id, cid FROM payments JOIN checkouts ON payment_id = payments.id
      WHERE payments.id = $1 AND status = 'READY' AND expires_at > now() AND bound_session = $2
        AND $3 > now() - ${KEYPAD_LIFE}`;

/** Counts one more for the merchant of `payment`. */
function countOfMerchant(column: 'wrong' | 'correct', payment: string): string {
  return `INSERT INTO password_failures AS known (hour, scope, subject, part, ${column})
    SELECT ${THIS_HOUR}, 'merchant', cid, wallet_id % ${MERCHANT_PARTS}, 1 FROM ${payment}
    ON CONFLICT ON CONSTRAINT one_count_of_each_hour DO UPDATE SET ${column} = known.${column} + 1`;
}

/**
 * Spends an attempt ($4) and takes one of the wallet's tries, before the password is looked at: of simultaneous guesses no
 * more than five get one. The fifth locks the wallet for $5 seconds at once, so that a process that dies while it checks
 * leaves no wallet open; the right password gives all tries back. The try is taken from the client $6 too, who has $7 an
 * hour; the merchant has $8 beside as many as were right. No row comes back when the payment cannot be paid by this
 * session, the wallet is locked, the attempt was spent, or one of the two has none left.
 */
const TAKE_TRY: Statement = {
  name: 'take-password-try',
  text: `
    WITH payment AS (${PAYABLE}
    ), client AS (
      INSERT INTO password_failures AS known (hour, scope, subject, part, wrong)
      SELECT ${THIS_HOUR}, 'address', $6, 0, 1 FROM payment JOIN passwords USING (wallet_id)
      WHERE (locked_until IS NULL OR locked_until <= now())
        AND NOT EXISTS (SELECT FROM password_attempts WHERE password_attempts.id = $4)
        AND NOT ${merchantHasTooMany('payment.cid', '$8')}
      ON CONFLICT ON CONSTRAINT one_count_of_each_hour DO UPDATE SET wrong = known.wrong + 1 WHERE known.wrong < $7
      RETURNING wrong
    ), password AS (
      UPDATE passwords SET
        tries_taken = CASE WHEN locked_until IS NULL THEN tries_taken + 1 ELSE 1 END,
        locked_until = CASE WHEN locked_until IS NULL AND tries_taken + 1 = ${TRIES_MAX} THEN now() + make_interval(secs => $5) END
      FROM payment, client
      WHERE passwords.wallet_id = payment.wallet_id AND (locked_until IS NULL OR locked_until <= now())
        AND NOT EXISTS (SELECT FROM password_attempts WHERE password_attempts.id = $4)
      RETURNING hash, salt, pepper_version, tries_taken
    ), attempt AS (
      INSERT INTO password_attempts (id, payment_id, purpose, try)
      SELECT $4, payment.id, 'enter', tries_taken FROM payment, password
    )
    SELECT hash, salt, pepper_version FROM password`,
};

/**
 * The password was right: all tries are given back, the one of the client $2 too, and the merchant may have one more.
 * The client's count comes first, as where a try is taken, so that the two never wait for each other.
 */
const RIGHT: Statement = {
  name: 'password-was-right',
  text: `
    WITH attempt AS (
      UPDATE password_attempts SET outcome = 'right' WHERE id = $1 AND outcome IS NULL RETURNING payment_id, claimed_at
    ), client AS (
      UPDATE password_failures SET wrong = wrong - 1 FROM attempt
      WHERE hour = date_trunc('hour', claimed_at) AND scope = 'address' AND subject = $2 AND part = 0 AND wrong > 0
      RETURNING wrong
    ), payment AS (
      SELECT cid, wallet_id FROM attempt JOIN payments ON payments.id = payment_id WHERE (SELECT count(*) FROM client) >= 0
    ), password AS (
      UPDATE passwords SET tries_taken = 0, locked_until = NULL FROM payment
      WHERE passwords.wallet_id = payment.wallet_id
      RETURNING payment.*
    )
    ${countOfMerchant('correct', 'password')}`,
};

/** It was wrong; the fifth in a row has locked the wallet, unless a right one came in between. The merchant's count grows. */
const WRONG: Statement = {
  name: 'password-was-wrong',
  text: `
    WITH password AS (
      SELECT tries_taken, locked_until > now() AS locked
      FROM password_attempts attempt JOIN payments ON payments.id = payment_id JOIN passwords USING (wallet_id)
      WHERE attempt.id = $1
    ), attempt AS (
      UPDATE password_attempts SET
        outcome = CASE WHEN try = ${TRIES_MAX} AND locked THEN 'locked' ELSE 'wrong' END,
        attempts_left = CASE WHEN try = ${TRIES_MAX} AND locked THEN NULL ELSE ${TRIES_MAX} - tries_taken END
      FROM password WHERE id = $1 AND outcome IS NULL
      RETURNING payment_id
    ), payment AS (
      SELECT cid, wallet_id FROM attempt JOIN payments ON payments.id = payment_id
    )
    ${countOfMerchant('wrong', 'payment')}`,
};

/** Keeps a new password that was entered once, until it is entered again. Not for a wallet that has one. */
const KEEP_FIRST: Statement = {
  name: 'keep-first-password',
  text: `
    WITH payment AS (${PAYABLE}
        AND NOT EXISTS (SELECT FROM passwords WHERE passwords.wallet_id = payments.wallet_id)
    )
    INSERT INTO password_attempts (id, payment_id, purpose, outcome, hash, salt, pepper_version)
    SELECT $4, id, 'set1', 'repeat', $5, $6, $7 FROM payment
    RETURNING id`,
};

/** The new password that was entered first, by the attempt $2. */
const FIRST: Statement = {
  name: 'first-password',
  text: `
    SELECT hash, salt, pepper_version FROM password_attempts
    WHERE payment_id = $1 AND id = $2 AND outcome = 'repeat' AND hash IS NOT NULL
      AND claimed_at > now() - ${KEYPAD_LIFE}`,
};

/** Gives the wallet the password of the attempt $5, which $4 has repeated. Not to a wallet that has one. */
const SET: Statement = {
  name: 'set-password',
  text: `
    WITH payment AS (${PAYABLE}
    ), first AS (
      SELECT id, hash, salt, pepper_version FROM password_attempts WHERE id = $5 AND hash IS NOT NULL
    ), password AS (
      INSERT INTO passwords (wallet_id, hash, salt, pepper_version)
      SELECT wallet_id, hash, salt, pepper_version FROM payment, first
      ON CONFLICT (wallet_id) DO NOTHING
      RETURNING wallet_id
    ), forgotten AS (
      UPDATE password_attempts SET hash = NULL, salt = NULL, pepper_version = NULL
      FROM first, password WHERE password_attempts.id = first.id
    )
    INSERT INTO password_attempts (id, payment_id, purpose, outcome)
    SELECT $4, payment.id, 'set2', 'right' FROM payment, password
    RETURNING id`,
};

const SPENT: Statement = {
  name: 'spent-attempt',
  text: `
    SELECT outcome, attempts_left, claimed_at > now() - ${KEYPAD_LIFE} AS fresh
    FROM password_attempts WHERE id = $1`,
};

interface SpentAttempt {
  /** null while it is being looked at, or for ever when the process that did so is gone. */
  readonly outcome: 'right' | 'wrong' | 'locked' | 'repeat' | null;
  readonly attempts_left: number | null;
  readonly fresh: boolean;
}

/** How often and how long, ms, one waits for the outcome of an attempt that another request is looking at. */
const LOOKS_MAX = 20;
const LOOK_PAUSE_MS = 100;

/** 결제 비밀번호: opens keypads, and checks or sets the password that is entered on them. */
@Injectable()
export class EnterPassword {
  constructor(
    private readonly database: Database,
    private readonly checkout: ViewCheckout,
    private readonly keypads: Keypads,
    private readonly hasher: PasswordHasher,
    private readonly authenticating: AuthenticatePayment,
    private readonly failures: PasswordFailures,
    private readonly close: ClosePayment,
    private readonly ids: PaymentIds,
    @Inject(CONFIG) private readonly config: PaymentConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /**
   * A keypad for the chosen method, or none when this browser cannot pay that way now; the view tells why.
   * @throws {OneQError} PAYMENT_NOT_FOUND
   */
  async open(query: OpenKeypadQuery): Promise<OpenedKeypad> {
    const view = await this.checkout.view(phone(query));
    const purpose = this.purposeOf(view, query);
    return { view, keypad: purpose && this.keypads.make(query, purpose, view.now) };
  }

  /**
   * Checks the password and, if it is right, authenticates the payment. The same attempt again answers the same.
   * @throws {OneQError} PAYMENT_NOT_FOUND; PIN_INVALID; WALLET_LOCKED, which has failed the payment if this was the
   * fifth wrong one; TOO_MANY_REQUESTS when too many were wrong from this address or for this merchant: this one was not
   * looked at; INSUFFICIENT_FUNDS; PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED
   */
  async submit(command: SubmitPasswordCommand): Promise<PasswordSubmitted> {
    const id = this.checkout.idOf(phone(command));
    const attempt = this.keypads.open(command.attempt, command);
    const password = attempt && this.keypads.read(attempt, command.keys);
    if (!attempt || !password) return { outcome: 'stale' };
    const entry = { id, attempt, password, command };
    return (await this.hasher.inTurn(() => this.look(entry))) ?? this.settle(entry);
  }

  private purposeOf(
    { paying, locked_until }: CheckoutView,
    { payment_method_type, top_up_amount, first }: OpenKeypadQuery,
  ): KeypadPurpose | null {
    const method = paying?.methods.find((each) => each.payment_method_type === payment_method_type);
    if (!paying || !method?.permitted || locked_until !== null) return null;
    if (method.short > 0 ? method.top_up_amount === 0 || top_up_amount !== method.top_up_amount : top_up_amount !== 0) {
      return null;
    }
    if (paying.password === 'set') return 'enter';
    if (this.config.MODE === 'live') return null;
    return first === undefined ? 'set1' : 'set2';
  }

  /** Spends the attempt, if it can be, and looks at the password; answers what is refused without being spent. */
  private look(entry: Entry): Promise<PasswordSubmitted | undefined> {
    switch (entry.attempt.purpose) {
      case 'enter':
        return this.check(entry);
      case 'set1':
        return this.setFirst(entry);
      case 'set2':
        return this.setSecond(entry);
    }
  }

  private async check(entry: Entry): Promise<undefined> {
    const { client } = entry.command;
    const limits = [this.config.PIN_LOCK_SECONDS, client, ...this.failures.limits];
    const taken = await this.spend<HashedPassword>(TAKE_TRY, entry, ...limits);
    if (!taken) return;
    const right = await this.hasher.matches(entry.password, taken);
    await (right ? this.database.run(RIGHT, [entry.attempt.id, client]) : this.database.run(WRONG, [entry.attempt.id]));
  }

  private async setFirst(entry: Entry): Promise<PasswordSubmitted | undefined> {
    if (isWeak(entry.password)) return { outcome: 'weak' };
    const { hash, salt, pepper_version } = await this.hasher.hash(entry.password);
    await this.spend(KEEP_FIRST, entry, hash, salt, pepper_version);
    return undefined;
  }

  private async setSecond(entry: Entry): Promise<PasswordSubmitted | undefined> {
    const { id, password, command } = entry;
    const first = command.first && this.keypads.open(command.first, { ...command, first: undefined });
    if (!first) return { outcome: 'stale' };
    const [kept] = await this.database.run<HashedPassword>(FIRST, [id, first.id]);
    if (!kept) return undefined;
    if (!(await this.hasher.matches(password, kept))) return { outcome: 'different' };
    const set = await this.spend(SET, entry, first.id);
    if (set) this.log.info({ tid: this.ids.toTid(id), event: 'password.set' }, 'password set');
    return undefined;
  }

  /** Runs the statement that spends an attempt; undefined when it did not, or another request did so just now. */
  private async spend<Row extends object>(
    statement: Statement,
    { id, attempt, command }: Entry,
    ...values: unknown[]
  ): Promise<Row | undefined> {
    const session = Buffer.from(command.session, 'hex');
    try {
      const [row] = await this.database.run<Row>(statement, [id, session, attempt.issued_at, attempt.id, ...values]);
      return row;
    } catch (error) {
      if (brokenConstraint(error) === 'password_attempts_pkey') return undefined;
      throw error;
    }
  }

  /** What the attempt came to, or why it was not spent. */
  private async settle(entry: Entry): Promise<PasswordSubmitted> {
    const spent = await this.outcomeOf(entry.attempt);
    const { id, command, attempt } = entry;
    const tid = this.ids.toTid(id);
    switch (spent?.outcome) {
      case 'right':
        if (!spent.fresh) break;
        await this.authenticating.authenticate({
          tid,
          payment_method_type: command.payment_method_type,
          top_up_amount: command.top_up_amount,
        });
        return { outcome: 'authenticated' };
      case 'wrong':
        this.log.info({ tid, event: 'password.wrong', attempts_left: spent.attempts_left }, 'wrong password');
        throw new OneQError('PIN_INVALID', { params: { attempts_left: spent.attempts_left ?? 0 } });
      case 'locked':
        this.log.warn({ tid, event: 'wallet.locked' }, 'wallet locked');
        await this.close.whileReady(id, 'fail', attempt.id);
        throw this.locked(await this.checkout.view(phone(command)));
      case 'repeat':
        return { outcome: 'repeat' };
    }
    return this.notSpent(entry, await this.checkout.view(phone(command)));
  }

  /** The outcome of a spent attempt, waited for while another request looks at it; undefined when it is not spent. */
  private async outcomeOf(attempt: Attempt): Promise<SpentAttempt | undefined> {
    for (let look = 1; ; look += 1) {
      const [spent] = await this.database.run<SpentAttempt>(SPENT, [attempt.id]);
      if (!spent || spent.outcome !== null) return spent;
      if (look === LOOKS_MAX) throw unavailable('unknown', 'the attempt is being looked at, or was left half done');
      await wait(LOOK_PAUSE_MS);
    }
  }

  private async notSpent({ id, attempt, command }: Entry, view: CheckoutView): Promise<PasswordSubmitted> {
    const { status, locked_until } = view;
    if (isFinished(status)) throw new OneQError(FINISHED_ERRORS[status]);
    if (status === 'READY' && locked_until !== null) throw this.locked(view);
    if (status === 'READY' && attempt.purpose === 'enter') await this.failures.requireFew(id, command.client);
    return { outcome: status === 'READY' ? 'stale' : 'authenticated' };
  }

  private locked({ locked_until, now }: CheckoutView): OneQError {
    const retryAfterSeconds = Math.max(1, Math.ceil(((locked_until ?? now) - now) / 1_000));
    return new OneQError('WALLET_LOCKED', { retryAfterSeconds });
  }
}

/** A password entered on a keypad of this agreement. */
interface Entry {
  /** Id of the payment. */
  readonly id: number;
  readonly attempt: Attempt;
  readonly password: string;
  readonly command: SubmitPasswordCommand;
}

/** Passwords are entered on the phone's page alone. */
function phone({ token, session }: CheckoutQuery): CheckoutQuery {
  return { token, session, page: 'phone' };
}
