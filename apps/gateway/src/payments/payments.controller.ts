import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Approved, ApproveRequest, Prepared, PrepareRequest } from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { type Call, MerchantCall } from '../http/commands';
import { SecretKeyGuard } from '../http/secret-key.guard';
import { ForMerchants } from '../http/test-code';
import { Payments } from './payments';

@Controller('pay')
@ForMerchants(SecretKeyGuard)
export class PaymentsController {
  constructor(private readonly payments: Payments) {}

  @Post()
  @HttpCode(200)
  @ApiAnswer('결제 준비 · Prepare a payment: issues its tid and the payer’s two URLs', PrepareRequest, Prepared, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_SUSPENDED',
    'MERCHANT_NOT_FOUND',
    'WALLET_NOT_FOUND',
    'ORDER_ALREADY_EXISTS',
    'IDEMPOTENCY_KEY_IN_USE',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  prepare(@Body() request: PrepareRequest, @MerchantCall() call: Call): Promise<Prepared> {
    return this.payments.prepare(request, call);
  }

  @Post('success')
  @HttpCode(200)
  @ApiAnswer('결제 승인 · Approve a payment that the payer has authenticated', ApproveRequest, Approved, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_SUSPENDED',
    'MERCHANT_NOT_FOUND',
    'PAYMENT_NOT_FOUND',
    'PAYMENT_NOT_AUTHENTICATED',
    'PAYMENT_MISMATCH',
    'PAYMENT_CANCELLED',
    'PAYMENT_FAILED',
    'PAYMENT_EXPIRED',
    'IDEMPOTENCY_KEY_IN_USE',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  approve(@Body() request: ApproveRequest, @MerchantCall() call: Call): Promise<Approved> {
    return this.payments.approve(request, call);
  }
}
