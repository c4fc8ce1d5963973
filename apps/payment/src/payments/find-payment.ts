import { Inject, Injectable } from '@nestjs/common';
import { OneQError } from '@oneq/contracts';
import { Database, type Statement } from '@oneq/service-kit';
import { DataSource } from 'typeorm';
import { PaymentIds } from '../ids/payment-ids';
import { Payment } from './payment.entity';

/** Reads payments. A payment whose time is over may still be open here: only the statements judge by the clock. */
@Injectable()
export class FindPayment {
  private readonly byIdStatement: Statement;
  private readonly newestStatement: Statement;
  private readonly meantStatement: Statement;

  constructor(
    private readonly database: Database,
    private readonly ids: PaymentIds,
    @Inject(DataSource) dataSource: DataSource,
  ) {
    const columns = dataSource.getMetadata(Payment).columns.map(({ databaseName }) => databaseName);
    const select = `SELECT ${columns.join(', ')} FROM payments`;
    this.byIdStatement = { name: 'find-payment', text: `${select} WHERE id = $1` };
    this.newestStatement = {
      name: 'find-newest-payment-of-order',
      text: `${select} WHERE cid = $1 AND order_id = $2 ORDER BY attempt DESC LIMIT 1`,
    };
    this.meantStatement = {
      name: 'find-payment-meant-by-request',
      text: `${select} WHERE cid = $1 AND order_id = $2
        ORDER BY coalesce(closing_reference = $3, false)
              OR EXISTS (SELECT FROM transfers WHERE reference = $3 AND payment_id = payments.id) DESC, attempt DESC
        LIMIT 1`,
    };
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byTid(tid: string): Promise<Payment> {
    const id = this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    return this.byId(id);
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byId(id: number): Promise<Payment> {
    const [payment] = await this.database.run<Payment>(this.byIdStatement, [id]);
    if (!payment) throw new OneQError('PAYMENT_NOT_FOUND');
    return payment;
  }

  /**
   * The payment of an order that a request means: the newest one, or the one that this very request has ended already,
   * before the order was prepared anew.
   */
  async meantBy(cid: string, order_id: string, reference: string): Promise<Payment | undefined> {
    const [payment] = await this.database.run<Payment>(this.meantStatement, [cid, order_id, reference]);
    return payment;
  }

  /** The newest payment of an order, which is the one that `order_id` means. */
  async newestOf(cid: string, order_id: string): Promise<Payment | undefined> {
    const [payment] = await this.database.run<Payment>(this.newestStatement, [cid, order_id]);
    return payment;
  }
}
