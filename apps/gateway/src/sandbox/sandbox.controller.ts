import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ActAsPayerRequest, ChargeRequest, PayerActed, Wallet } from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { Sandbox } from './sandbox';

/** Helpers for practice; in live mode these addresses do not exist. */
@Controller('sandbox')
export class SandboxController {
  constructor(private readonly sandbox: Sandbox) {}

  @Post('payments/:tid/authenticate')
  @HttpCode(200)
  @ApiAnswer('구매자 대신 인증 · Acts as the payer', ActAsPayerRequest, PayerActed, [
    'PAYMENT_NOT_FOUND',
    'NOT_FOUND',
    'WALLET_LOCKED',
    'INSUFFICIENT_FUNDS',
    'PAYMENT_NOT_CANCELLABLE',
    'PAYMENT_CANCELLED',
    'PAYMENT_FAILED',
    'PAYMENT_EXPIRED',
  ])
  authenticate(@Param('tid') tid: string, @Body() request: ActAsPayerRequest): Promise<PayerActed> {
    return this.sandbox.actAsPayer(tid, request);
  }

  @Post('payments/:tid/expire')
  @HttpCode(200)
  @ApiAnswer('결제 만료 · Lets the payment’s time run out now', undefined, PayerActed, [
    'PAYMENT_NOT_FOUND',
    'NOT_FOUND',
  ])
  expire(@Param('tid') tid: string): Promise<PayerActed> {
    return this.sandbox.expire(tid);
  }

  @Get('wallets/:bank_acct_num')
  @ApiAnswer('지갑 조회 · A wallet’s balances', undefined, Wallet, ['WALLET_NOT_FOUND'])
  wallet(@Param('bank_acct_num') bank_acct_num: string): Promise<Wallet> {
    return this.sandbox.wallet(bank_acct_num);
  }

  @Post('wallets/:bank_acct_num/charge')
  @HttpCode(200)
  @ApiAnswer('페이머니 충전 · Adds pay money to a wallet', ChargeRequest, Wallet, ['WALLET_NOT_FOUND'])
  charge(@Param('bank_acct_num') bank_acct_num: string, @Body() { amount }: ChargeRequest): Promise<Wallet> {
    return this.sandbox.charge(bank_acct_num, amount);
  }
}
