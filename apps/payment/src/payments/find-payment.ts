import { Inject, Injectable } from '@nestjs/common';
import { OneQError } from '@oneq/contracts';
import { Database, GroupRead, type Statement, transposed } from '@oneq/database';
import { DataSource } from 'typeorm';
import { PaymentIds } from '../ids/payment-ids';
import { Payment } from './payment.entity';

/** Reads payments. A payment whose time is over may still be open here: only the statements judge by the clock. */
@Injectable()
export class FindPayment {
  private readonly ofId: GroupRead<number, Payment>;
  private readonly newestOfOrder: GroupRead<readonly unknown[], Payment>;
  private readonly meantByRequest: GroupRead<readonly unknown[], Payment>;

  constructor(
    database: Database,
    private readonly ids: PaymentIds,
    @Inject(DataSource) dataSource: DataSource,
  ) {
    const columns = dataSource.getMetadata(Payment).columns.map(({ databaseName }) => `payments.${databaseName}`);
    /** One payment at most for each query, whose columns come as arrays. */
    const statement = (name: string, query: Record<string, string>, which: string): Statement => ({
      name,
      text: `
        SELECT n::integer, payment.*
        FROM unnest(${Object.values(query).map((type, i) => `$${i + 1}::${type}[]`)})
             WITH ORDINALITY AS query (${Object.keys(query)}, n),
        LATERAL (SELECT ${columns} FROM payments WHERE ${which} LIMIT 1) AS payment`,
    });
    const order = { cid: 'text', order_id: 'text' };
    const ofOrder = 'payments.cid = query.cid AND payments.order_id = query.order_id';
    this.ofId = new GroupRead(database, {
      statement: statement('find-payments', { id: 'bigint' }, 'payments.id = query.id'),
      values: (ids) => [ids],
    });
    this.newestOfOrder = new GroupRead(database, {
      statement: statement('find-newest-payments-of-orders', order, `${ofOrder} ORDER BY attempt DESC`),
      values: transposed,
    });
    const isEnded = `coalesce(closing_reference = reference, false)
           OR EXISTS (SELECT FROM transfers WHERE transfers.reference = query.reference AND payment_id = payments.id)`;
    this.meantByRequest = new GroupRead(database, {
      statement: statement(
        'find-payments-meant-by-requests',
        { ...order, reference: 'uuid' },
        `${ofOrder} ORDER BY ${isEnded} DESC, attempt DESC`,
      ),
      values: transposed,
    });
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byTid(tid: string): Promise<Payment> {
    const id = this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    return this.byId(id);
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byId(id: number): Promise<Payment> {
    const payment = await this.ofId.row(id);
    if (!payment) throw new OneQError('PAYMENT_NOT_FOUND');
    return payment;
  }

  /**
   * The payment of an order that a request means: the newest one, or the one that this very request has ended already,
   * before the order was prepared anew.
   */
  async meantBy(cid: string, order_id: string, reference: string): Promise<Payment | undefined> {
    return this.meantByRequest.row([cid, order_id, reference]);
  }

  /** The newest payment of an order, which is the one that `order_id` means. */
  async newestOf(cid: string, order_id: string): Promise<Payment | undefined> {
    return this.newestOfOrder.row([cid, order_id]);
  }
}
