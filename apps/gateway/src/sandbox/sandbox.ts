import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  type ActAsPayerRequest,
  Authenticate,
  BANK_ACCT_NUM,
  CancelByPayer,
  ChargeWallet,
  ExpireNow,
  FailByPayer,
  FindWallet,
  OneQError,
  type PayerActed,
  type PayerPartDone,
  type Wallet,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { Redirects } from '../checkout/redirects';

/** What a payer or a bank would do, for practice. */
@Injectable()
export class Sandbox {
  constructor(
    private readonly client: MessageClient,
    private readonly redirects: Redirects,
  ) {}

  async actAsPayer(tid: string, { outcome, payment_method_type }: ActAsPayerRequest): Promise<PayerActed> {
    const reference = randomUUID(); // made once a request, so that a message sent twice is known again
    switch (outcome) {
      case 'cancel':
        return this.acted(await this.client.ask(CancelByPayer, { tid, reference }));
      case 'fail':
        return this.acted(await this.client.ask(FailByPayer, { tid, reference }));
      default:
        return this.acted(await this.client.ask(Authenticate, { tid, payment_method_type }));
    }
  }

  async expire(tid: string): Promise<PayerActed> {
    return this.acted(await this.client.ask(ExpireNow, { tid }));
  }

  /** @throws {OneQError} WALLET_NOT_FOUND, also for what is no account number */
  async wallet(bank_acct_num: string): Promise<Wallet> {
    return this.client.ask(FindWallet, { bank_acct_num: accountNumber(bank_acct_num) });
  }

  /** @param amount won */
  async charge(bank_acct_num: string, amount: number): Promise<Wallet> {
    const reference = randomUUID(); // made once a request, so that a message sent twice charges once
    return this.client.ask(ChargeWallet, { bank_acct_num: accountNumber(bank_acct_num), amount, reference });
  }

  private acted(done: PayerPartDone): PayerActed {
    return { tid: done.tid, status: done.status, redirect_url: this.redirects.urlFor(done) };
  }
}

function accountNumber(text: string): string {
  if (!BANK_ACCT_NUM.test(text)) throw new OneQError('WALLET_NOT_FOUND');
  return text.replaceAll('-', '');
}
