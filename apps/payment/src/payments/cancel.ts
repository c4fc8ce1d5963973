import { Injectable } from '@nestjs/common';
import { type CancelCommand, invalidParameter, OneQError, type PaymentDetails } from '@oneq/contracts';
import { ClosePayment } from './close';
import { FindPayment } from './find-payment';
import type { Payment } from './payment.entity';
import { PaymentRecords } from './payment-records';
import { RefundPayment } from './refund';

const RUNS_MAX = 5;

/** 취소 by the merchant: before the approval it voids the whole payment, after it, it refunds. */
@Injectable()
export class CancelPayment {
  constructor(
    private readonly payments: FindPayment,
    private readonly records: PaymentRecords,
    private readonly close: ClosePayment,
    private readonly refunds: RefundPayment,
  ) {}

  /**
   * Without an amount a cancelled payment stays as it is.
   * @param command its `cid` is the merchant's own
   * @throws {OneQError} INVALID_PARAMETER when neither tid nor order_id is given; PAYMENT_NOT_FOUND;
   * PAYMENT_NOT_CANCELLABLE; CANCEL_AMOUNT_EXCEEDED
   */
  async cancel(command: CancelCommand): Promise<PaymentDetails> {
    let payment = await this.find(command);
    for (let run = 0; run < RUNS_MAX; run += 1) {
      if (await this.cancelled(payment, command)) return this.records.detailsAfterChange(payment.id);
      // Its state changed between the look and the statement: look again.
      payment = await this.payments.byId(payment.id);
    }
    throw new Error('the payment changed its state too often while it was to be cancelled');
  }

  /** Whether it is cancelled as asked; false when it is worth another look. */
  private async cancelled(payment: Payment, command: CancelCommand): Promise<boolean> {
    const { id, status, amount } = payment;
    const { cancel_amount, cancel_reason, reference } = command;
    switch (status) {
      case 'READY':
      case 'AUTHENTICATED':
        if (await this.close.expireIfDue(id)) return false;
        if (cancel_amount !== undefined && cancel_amount !== amount) throw new OneQError('PAYMENT_NOT_CANCELLABLE');
        return this.close.byMerchant(id, reference, cancel_reason);
      case 'APPROVED':
      case 'PARTIALLY_CANCELLED': {
        if (await this.refunds.refund({ id, reference, amount: cancel_amount, reason: cancel_reason })) return true;
        const now = await this.payments.byId(id);
        if (now.status !== status && now.status !== 'PARTIALLY_CANCELLED') return false;
        if (cancel_amount === undefined || now.cancelled_amount !== payment.cancelled_amount) return false;
        throw new OneQError('CANCEL_AMOUNT_EXCEEDED');
      }
      case 'CANCELLED': {
        const asAsked = cancel_amount === undefined || payment.closing_reference === reference;
        if (asAsked || (await this.refunds.refund({ id, reference, amount: cancel_amount }))) return true;
        throw new OneQError('CANCEL_AMOUNT_EXCEEDED');
      }
      case 'FAILED':
      case 'EXPIRED':
        throw new OneQError('PAYMENT_NOT_CANCELLABLE');
    }
  }

  /** The payment that is meant; another merchant's is not there. */
  private async find({ cid, tid, order_id, reference }: CancelCommand): Promise<Payment> {
    if (tid === undefined && order_id === undefined) {
      throw invalidParameter({ field: 'tid', code: 'REQUIRED' }, { field: 'order_id', code: 'REQUIRED' });
    }
    const payment =
      tid !== undefined ? await this.payments.byTid(tid) : await this.payments.meantBy(cid, order_id ?? '', reference);
    if (!payment || payment.cid !== cid || (order_id !== undefined && payment.order_id !== order_id)) {
      throw new OneQError('PAYMENT_NOT_FOUND');
    }
    return payment;
  }
}
