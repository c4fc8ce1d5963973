import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  CancelRequest,
  ListPaymentsRequest,
  NetCancelled,
  NetCancelRequest,
  PaymentDetails,
  PaymentList,
} from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { type Call, MerchantCall } from '../http/commands';
import { KeyHolder, RequiredSecretKeyGuard } from '../http/secret-key.guard';
import { ForMerchants } from '../http/test-code';
import { Payments } from './payments';

/** What merchants ask and undo after the payment; beyond the specification, so the key is always needed. */
@Controller('pay')
@ForMerchants(RequiredSecretKeyGuard)
export class MerchantPaymentsController {
  constructor(private readonly payments: Payments) {}

  @Get()
  @ApiAnswer(
    '결제 목록 · Payments, newest first',
    undefined,
    PaymentList,
    ['SECRET_KEY_REQUIRED', 'SECRET_KEY_INVALID', 'MERCHANT_SUSPENDED', 'MERCHANT_NOT_FOUND'],
    ListPaymentsRequest,
  )
  list(@Query() request: ListPaymentsRequest, @KeyHolder() keyHolder: string): Promise<PaymentList> {
    return this.payments.list(request, keyHolder);
  }

  @Get(':tid')
  @ApiAnswer('결제 조회 · One payment with its history', undefined, PaymentDetails, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_SUSPENDED',
    'PAYMENT_NOT_FOUND',
    'NOT_FOUND',
  ])
  find(@Param('tid') tid: string, @KeyHolder() keyHolder: string): Promise<PaymentDetails> {
    return this.payments.find(tid, keyHolder);
  }

  @Post('cancel')
  @HttpCode(200)
  @ApiAnswer('결제 취소 · Voids a payment, or refunds all or a part of it', CancelRequest, PaymentDetails, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'IDEMPOTENCY_KEY_REQUIRED',
    'MERCHANT_SUSPENDED',
    'MERCHANT_NOT_FOUND',
    'PAYMENT_NOT_FOUND',
    'PAYMENT_NOT_CANCELLABLE',
    'CANCEL_AMOUNT_EXCEEDED',
    'IDEMPOTENCY_KEY_IN_USE',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  cancel(@Body() request: CancelRequest, @MerchantCall() call: Call): Promise<PaymentDetails> {
    return this.payments.cancel(request, call);
  }

  @Post('net-cancel')
  @HttpCode(200)
  @ApiAnswer('망취소 · Undoes an approval that may have gone through', NetCancelRequest, NetCancelled, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_SUSPENDED',
    'MERCHANT_NOT_FOUND',
    'PAYMENT_MISMATCH',
    'PAYMENT_NOT_CANCELLABLE',
    'IDEMPOTENCY_KEY_IN_USE',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  netCancel(@Body() request: NetCancelRequest, @MerchantCall() call: Call): Promise<NetCancelled> {
    return this.payments.netCancel(request, call);
  }
}
