import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { OneQError } from '@oneq/contracts';
import { Repository } from 'typeorm';
import { PaymentIds } from '../ids/payment-ids';
import { Payment } from './payment.entity';

/** Reads payments. A payment whose time is over may still be open here: only the statements judge by the clock. */
@Injectable()
export class FindPayment {
  constructor(
    @InjectRepository(Payment) private readonly payments: Repository<Payment>,
    private readonly ids: PaymentIds,
  ) {}

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byTid(tid: string): Promise<Payment> {
    const id = this.ids.toId(tid);
    if (id === null) throw new OneQError('PAYMENT_NOT_FOUND');
    return this.byId(id);
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND */
  async byId(id: number): Promise<Payment> {
    const payment = await this.payments.findOneBy({ id });
    if (!payment) throw new OneQError('PAYMENT_NOT_FOUND');
    return payment;
  }

  /** The newest payment of an order, which is the one that `order_id` means. */
  async newestOf(cid: string, order_id: string): Promise<Payment | null> {
    return this.payments.findOne({ where: { cid, order_id }, order: { attempt: 'DESC' } });
  }
}
