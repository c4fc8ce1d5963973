import { Body, Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { Approved, ApproveRequest, Prepared, PrepareRequest } from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { KeyHolder, SecretKeyGuard } from '../http/secret-key.guard';
import { Payments } from './payments';

@Controller('pay')
@ApiBearerAuth('secret_key')
@UseGuards(SecretKeyGuard)
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
  ])
  prepare(@Body() request: PrepareRequest, @KeyHolder() keyHolder: string | undefined): Promise<Prepared> {
    return this.payments.prepare(request, keyHolder);
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
  ])
  approve(@Body() request: ApproveRequest, @KeyHolder() keyHolder: string | undefined): Promise<Approved> {
    return this.payments.approve(request, keyHolder);
  }
}
