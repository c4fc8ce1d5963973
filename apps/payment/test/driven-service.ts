import { createHash, randomUUID } from 'node:crypto';
import { OneQError, type PrepareCommand } from '@oneq/contracts';
import { inTrace } from '@oneq/service-kit';
import { accountNumber, anApproval, aPrepare } from '@oneq/testing';
import { PaymentIds } from '../src/ids/payment-ids';
import { PaymentsController } from '../src/payments/payments.controller';
import { SandboxController } from '../src/sandbox.controller';
import { AccountVault } from '../src/wallets/account-vault';
import {
  type Attempt,
  type Command,
  detailsOf,
  type Model,
  OPENING,
  ORDERS,
  type Order,
  type Outcome,
  type Variant,
  WALLETS,
} from './model';
import type { PaymentService } from './service';

/** A number that no payment has. */
const UNKNOWN_TID = '1';

/** Everything that is known of a model's payments and wallets, in a form that the real one can be brought to. */
export interface State {
  readonly payments: Record<string, object>;
  readonly wallets: Record<string, object>;
  /** Account → sum of its transfers. */
  readonly accounts: Record<string, number>;
  readonly givenUp: readonly string[];
}

let runs = 0;

/** The real payment service under the commands of the model: merchants, orders and wallets of its own in each run. */
export class DrivenService {
  private readonly cids: readonly [string, string];
  private readonly accounts = Array.from({ length: WALLETS }, () => accountNumber());
  private readonly references = new Map<string, string>();
  private readonly tids = new Map<string, string>();
  private readonly names = new Map<string, string>();
  private readonly transactionTimes = new Map<string, string>();
  private approvals = 0;

  private constructor(
    private readonly service: PaymentService,
    private readonly lastTransfer: number,
  ) {
    runs += 1;
    const suffix = runs.toString(36).toUpperCase().padStart(7, '0');
    this.cids = [`TCA${suffix}`, `TCB${suffix}`];
  }

  static async on(service: PaymentService): Promise<DrivenService> {
    const { rows } = await service.admin.query('SELECT coalesce(max(id), 0) AS id FROM transfers');
    return new DrivenService(service, rows[0].id);
  }

  /** Executes a command as the gateway would send it. */
  async run(command: Command): Promise<Outcome> {
    const work = async () => {
      try {
        return await this.execute(command);
      } catch (error) {
        if (error instanceof OneQError && error.definition.status < 500) return error.code;
        throw error;
      }
    };
    return 'key' in command && command.key !== undefined ? this.under(command.key, command, work) : work();
  }

  private under<T>(key: string, command: Command, work: () => Promise<T>): Promise<T> {
    const { key: _key, ...request } = { key, ...command };
    const scope = sha256(this.cids, key, command.do, 'order' in command && command.order[0]);
    const content = sha256({ ...request, reference: undefined });
    return inTrace(undefined, work, undefined, `${scope}.${content}`);
  }

  private async execute(command: Command): Promise<Outcome> {
    const payments = this.service.module.get(PaymentsController);
    const sandbox = this.service.module.get(SandboxController);
    switch (command.do) {
      case 'prepare': {
        const { answer, replayed } = await payments.prepare(this.prepareOf(command.order, command.variant));
        return again(await this.nameOf(answer.tid), replayed);
      }
      case 'authenticate': {
        const tid = this.tidOf(command.order, command.attempt);
        const { method: payment_method_type, topUp: top_up_amount } = command;
        return (await sandbox.authenticate({ tid, payment_method_type, top_up_amount })).status;
      }
      case 'end by payer': {
        const request = { tid: this.tidOf(command.order, command.attempt), reference: this.uuid(command.reference) };
        const end = command.how === 'cancel' ? sandbox.cancelByPayer(request) : sandbox.failByPayer(request);
        return (await end).status;
      }
      case 'expire now':
        return (await sandbox.expireNow({ tid: this.tidOf(command.order, command.attempt) })).status;
      case 'run out of time':
        return this.move(command.order, 'expires_at', '1 second', ['READY', 'AUTHENTICATED']);
      case 'let an hour pass':
        return this.move(command.order, 'approved_at', '61 minutes', ['APPROVED', 'PARTIALLY_CANCELLED']);
      case 'approve': {
        const { answer, replayed } = await payments.approve(this.approvalOf(command));
        const name = await this.nameOf(answer.tid);
        // The first approval's, in every answer.
        const first = this.transactionTimes.get(name) ?? answer.tran_dt;
        if (first !== answer.tran_dt) throw new Error(`${name} was answered with another tran_dt`);
        this.transactionTimes.set(name, first);
        return again(name, replayed);
      }
      case 'cancel': {
        const { order, attempt, amount } = command;
        const { cid, order_id } = this.placeOf(order);
        const named = attempt === undefined ? { order_id } : { tid: this.tidOf(order, attempt) };
        const reference = this.uuid(command.reference);
        const { replayed } = await payments.cancel({ cid, ...named, cancel_amount: amount, reference });
        return again('cancelled', replayed);
      }
      case 'net-cancel': {
        const { answer, replayed } = await payments.netCancel({
          ...this.placeOf(command.order),
          amount: command.amount,
          reference: this.uuid(command.reference),
        });
        return again(answer.payment ? answer.result : `${answer.result} null`, replayed);
      }
      case 'charge': {
        const bank_acct_num = this.account(command.wallet);
        const charge = { bank_acct_num, amount: command.amount, reference: this.uuid(command.reference) };
        await this.service.module.get(SandboxController).charge(charge);
        return 'charged';
      }
    }
  }

  /** How the payments, wallets and transfers of this run stand in the database. */
  async state(): Promise<State> {
    const { admin, module } = this.service;
    const payments = await admin.query(
      `SELECT cid, order_id, attempt, status, payment_method_type AS method, top_up_amount AS "topUp",
              cancelled_amount AS cancelled, sequence,
              ARRAY(SELECT sequence || ' ' || type || ' ' || amount FROM events WHERE payment_id = p.id ORDER BY sequence) AS events,
              (SELECT coalesce(sum(amount), 0) FROM transfers WHERE payment_id = p.id AND kind = 'capture')::bigint AS captured,
              (SELECT coalesce(sum(amount), 0) FROM transfers WHERE payment_id = p.id AND kind = 'refund')::bigint AS refunded,
              EXISTS (SELECT FROM expiry_checks WHERE payment_id = p.id) AS watched
       FROM payments p WHERE cid = ANY ($1)`,
      [this.cids],
    );
    const wallets = await admin.query(
      `SELECT id, account_index, money_balance AS money, money_held AS "moneyHeld", bank_balance AS bank, bank_held AS "bankHeld"
       FROM wallets WHERE account_index = ANY ($1)`,
      [this.accounts.map((account) => module.get(AccountVault).index(account))],
    );
    const givenUp = await admin.query('SELECT cid, order_id FROM given_up_orders WHERE cid = ANY ($1)', [this.cids]);
    const numberOf = new Map<number, number>();
    for (const { id, account_index } of wallets.rows) {
      const index = this.accounts.findIndex((each) => module.get(AccountVault).index(each).equals(account_index));
      numberOf.set(id, index);
    }
    const transfers = await admin.query(
      `SELECT account, sum(side.amount)::bigint AS sum
       FROM transfers t, LATERAL (VALUES (debit_account, -amount), (credit_account, amount)) AS side (account, amount)
       WHERE t.id > $1 AND account = ANY ($2) GROUP BY account`,
      [
        this.lastTransfer,
        [
          ...this.cids.map((cid) => `merchant/${cid}`),
          ...[...numberOf.keys()].flatMap((id) => [`wallet/${id}/money`, `wallet/${id}/bank`]),
        ],
      ],
    );
    const accountName = (account: string) =>
      account
        .replace(/^wallet\/(\d+)/, (_all, id) => `wallet/${numberOf.get(Number(id))}`)
        .replace(/^merchant\/(.*)/, (_all, cid) => `merchant/${this.cids.indexOf(cid)}`);
    return {
      payments: byName(
        payments.rows.map(({ cid, order_id, attempt, ...rest }) => [`${this.orderOf(cid, order_id)}#${attempt}`, rest]),
      ),
      wallets: byName(wallets.rows.map(({ id, account_index: _, ...pots }) => [`${numberOf.get(id)}`, pots])),
      accounts: byName(
        transfers.rows.filter(({ sum }) => sum !== 0).map(({ account, sum }) => [accountName(account), sum]),
      ),
      givenUp: givenUp.rows.map(({ cid, order_id }) => this.orderOf(cid, order_id)).sort(),
    };
  }

  private prepareOf(order: Order, variant: Variant): PrepareCommand {
    const { amount, wallet, permitted } = detailsOf(order, variant);
    return aPrepare({
      ...this.placeOf(order),
      amount,
      payment_method_type: permitted ?? undefined,
      bank_acct_num: this.account(wallet),
      balance: OPENING.money,
    });
  }

  private approvalOf({ order, attempt, amount, item, tradeName }: Command & { do: 'approve' }) {
    this.approvals += 1;
    const seconds = String(this.approvals % 60).padStart(2, '0');
    const minutes = String(Math.floor(this.approvals / 60) % 60).padStart(2, '0');
    return anApproval(this.prepareOf(order, 0), {
      amount,
      ...(item && { item_name: item }),
      opponent_name: tradeName,
      tid: attempt === undefined ? undefined : this.tidOf(order, attempt),
      tran_dt: `2016.11.15 21:${minutes}:${seconds}`,
    });
  }

  /** Moves a time of the order's newest payment to the past, if it is in one of these states. */
  private async move(order: Order, column: string, interval: string, statuses: readonly string[]): Promise<Outcome> {
    const { cid, order_id } = this.placeOf(order);
    await this.service.admin.query(
      `UPDATE payments SET ${column} = now() - interval '${interval}'
       WHERE cid = $1 AND order_id = $2 AND status = ANY ($3)
         AND attempt = (SELECT max(attempt) FROM payments WHERE cid = $1 AND order_id = $2)`,
      [cid, order_id, statuses],
    );
    return 'done';
  }

  /** `ORDER#ATTEMPT`, as the database has it. */
  private async nameOf(tid: string): Promise<string> {
    const known = this.names.get(tid);
    if (known !== undefined) return known;
    const { rows } = await this.service.admin.query('SELECT cid, order_id, attempt FROM payments WHERE id = $1', [
      this.service.module.get(PaymentIds).toId(tid),
    ]);
    const [{ cid, order_id, attempt }] = rows;
    const name = `${this.orderOf(cid, order_id)}#${attempt}`;
    this.names.set(tid, name);
    this.tids.set(name, tid);
    return name;
  }

  private tidOf(order: Order, attempt: Attempt): string {
    return this.tids.get(`${order}#${attempt}`) ?? UNKNOWN_TID;
  }

  private placeOf(order: Order) {
    const [merchant, number] = order.split('/');
    return { cid: this.cids[Number(merchant)] ?? '', order_id: `order-${number}` };
  }

  private orderOf(cid: string, orderId: string): Order {
    return `${this.cids.indexOf(cid)}/${orderId.slice('order-'.length)}` as Order;
  }

  private account(wallet: number): string {
    return this.accounts[wallet] ?? '';
  }

  private uuid(reference: string): string {
    const known = this.references.get(reference) ?? randomUUID();
    this.references.set(reference, known);
    return known;
  }
}

/** The state of a model, as {@link DrivenService.state} tells that of the database. */
export function stateOf(model: Model): State {
  const payments = ORDERS.flatMap((order) => model.payments[order] ?? []);
  const accounts: Array<[string, number]> = [
    ...Object.entries(model.wallets).flatMap(
      ([number, { money, bank }]): Array<[string, number]> => [
        [`wallet/${number}/money`, money],
        [`wallet/${number}/bank`, bank],
      ],
    ),
    ...Object.entries(model.owed).map(([merchant, sum]): [string, number] => [`merchant/${merchant}`, sum]),
  ];
  return {
    payments: byName(
      payments.map(({ name, status, method, topUp, cancelled, events, details }) => [
        name,
        {
          status,
          method,
          topUp,
          cancelled,
          sequence: events.length,
          events: events.map((event, index) => `${index + 1} ${event}`),
          captured: events.some((event) => event.startsWith('payment.approved')) ? details.amount : 0,
          refunded: cancelled,
          watched: true,
        },
      ]),
    ),
    wallets: byName(Object.entries(model.wallets).map(([number, pots]) => [number, { ...pots }])),
    accounts: byName(accounts.filter(([, sum]) => sum !== 0)),
    givenUp: Object.keys(model.givenUp).sort(),
  };
}

function byName<T>(entries: ReadonlyArray<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function again(outcome: Outcome, replayed: boolean): Outcome {
  return replayed ? `${outcome} again` : outcome;
}

function sha256(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
