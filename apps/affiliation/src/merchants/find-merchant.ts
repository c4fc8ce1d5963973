import { Inject, Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type MerchantFacts, type Mode, OneQError, toSeoulTime } from '@oneq/contracts';
import { IsNull, Raw, Repository } from 'typeorm';
import { CidAlias, Merchant, SecretKey } from './entities';

/** Injection token of the mode the process runs in. */
export const MODE = Symbol('mode');

/** Finds merchants by cid or key. */
@Injectable()
export class FindMerchant {
  constructor(
    @InjectRepository(Merchant) private readonly merchants: Repository<Merchant>,
    @InjectRepository(CidAlias) private readonly aliases: Repository<CidAlias>,
    @InjectRepository(SecretKey) private readonly keys: Repository<SecretKey>,
    @Inject(MODE) private readonly mode: Mode,
  ) {}

  /** @throws {OneQError} MERCHANT_NOT_FOUND */
  async byCid(cid: string): Promise<MerchantFacts> {
    const merchant = (await this.merchants.findOneBy({ cid })) ?? (await this.aliases.findOneBy({ cid }))?.merchant;
    if (!merchant || !this.exists(merchant)) throw new OneQError('MERCHANT_NOT_FOUND');
    return facts(merchant);
  }

  /**
   * The merchant whose key has this SHA-256 (hex).
   * @throws {OneQError} SECRET_KEY_INVALID
   */
  async byKey(hash: string): Promise<MerchantFacts> {
    const unexpired = [{ expires_at: IsNull() }, { expires_at: Raw((column) => `${column} > now()`) }];
    const key = await this.keys.findOneBy(unexpired.map((validity) => ({ hash, ...validity })));
    if (!key || !this.exists(key.merchant)) throw new OneQError('SECRET_KEY_INVALID');
    return facts(key.merchant);
  }

  /** The built-in merchant, its key being public, does not exist in live mode. */
  private exists(merchant: Merchant): boolean {
    return this.mode === 'sandbox' || !merchant.built_in;
  }
}

function facts(merchant: Merchant): MerchantFacts {
  return {
    cid: merchant.cid,
    registered_name: merchant.opponent_name,
    category_cd: merchant.category_cd,
    status: merchant.status,
    approved_at: toSeoulTime(merchant.approved_at),
  };
}
