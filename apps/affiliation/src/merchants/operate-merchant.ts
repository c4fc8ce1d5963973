import { Inject, Injectable } from '@nestjs/common';
import {
  type LimitCommand,
  type Mode,
  OneQError,
  type OperatedMerchant,
  type ReissueKeyCommand,
} from '@oneq/contracts';
import { Database, type Statement } from '@oneq/database';
import { LOGGER, type Logger } from '@oneq/service-kit';
import { FindMerchant, MODE, recordOf } from './find-merchant';
import { MerchantChanges } from './merchant-changes';
import { RotateKey } from './rotate-key';

const SET_STATUS: Statement = {
  name: 'set-merchant-status',
  text: 'UPDATE merchants SET status = $2 WHERE cid = $1 AND NOT built_in RETURNING cid',
};

const SET_LIMIT: Statement = {
  name: 'set-payment-max',
  text: 'UPDATE merchants SET payment_max = $2 WHERE cid = $1 AND NOT built_in RETURNING cid',
};

const COUNT_KEYS: Statement = {
  name: 'count-keys',
  text: `
    SELECT count(*) AS keys FROM secret_keys JOIN merchants ON merchants.id = merchant_id
    WHERE cid = $1 AND (expires_at IS NULL OR expires_at > now())`,
};

/** What operators do to merchants; each command again changes nothing more. */
@Injectable()
export class OperateMerchant {
  constructor(
    private readonly database: Database,
    private readonly merchants: FindMerchant,
    private readonly keys: RotateKey,
    private readonly changes: MerchantChanges,
    @Inject(MODE) private readonly mode: Mode,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  /** @throws {OneQError} MERCHANT_NOT_FOUND */
  async show(cid: string): Promise<OperatedMerchant> {
    const merchant = await this.merchants.merchant(cid);
    const [counted] = await this.database.run<{ keys: number }>(COUNT_KEYS, [merchant.cid]);
    const { built_in, payment_max } = merchant;
    return { ...recordOf(merchant), built_in, payment_max, keys: counted?.keys ?? 0, mode: this.mode };
  }

  /** A suspended merchant is refused everything but a look at its record. @throws {OneQError} MERCHANT_NOT_FOUND, BUILT_IN_MERCHANT */
  suspend(cid: string): Promise<OperatedMerchant> {
    return this.change(SET_STATUS, cid, 'suspended', 'merchant.suspended');
  }

  /** @throws {OneQError} as {@link suspend} */
  resume(cid: string): Promise<OperatedMerchant> {
    return this.change(SET_STATUS, cid, 'active', 'merchant.resumed');
  }

  /** @throws {OneQError} as {@link suspend} */
  limit({ cid, payment_max }: LimitCommand): Promise<OperatedMerchant> {
    return this.change(SET_LIMIT, cid, payment_max ?? null, 'merchant.limited');
  }

  /** @throws {OneQError} as {@link suspend} */
  async reissueKey(command: ReissueKeyCommand): Promise<OperatedMerchant> {
    await this.keys.reissue(command);
    return this.show(command.cid);
  }

  private async change(
    statement: Statement,
    cid: string,
    value: string | number | null,
    event: string,
  ): Promise<OperatedMerchant> {
    if ((await this.merchants.merchant(cid)).built_in) throw new OneQError('BUILT_IN_MERCHANT');
    await this.database.run(statement, [cid, value]);
    this.log.warn({ cid, event }, 'changed by an operator');
    this.changes.tell(cid);
    return this.show(cid);
  }
}
