import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { RotatedKey, RotateKeyRequest, Store } from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { type Call, MerchantCall } from '../http/commands';
import { KeyHash, KeyHolder, RequiredSecretKeyGuard } from '../http/secret-key.guard';
import { ForMerchants } from '../http/test-code';
import { Stores } from './stores';

/** What a merchant sees and changes of itself; beyond the specification, so the key is always needed. */
@Controller('pay/store')
@ForMerchants(RequiredSecretKeyGuard)
export class StoreController {
  constructor(private readonly stores: Stores) {}

  @Get()
  @ApiAnswer('가맹점 조회 · The merchant’s record', undefined, Store, ['SECRET_KEY_REQUIRED', 'SECRET_KEY_INVALID'])
  find(@KeyHolder() keyHolder: string): Promise<Store> {
    return this.stores.find(keyHolder);
  }

  @Post('key')
  @HttpCode(200)
  @ApiAnswer('시크릿 키 교체 · A new secret key; older ones end later', RotateKeyRequest, RotatedKey, [
    'SECRET_KEY_REQUIRED',
    'SECRET_KEY_INVALID',
    'MERCHANT_SUSPENDED',
    'BUILT_IN_MERCHANT',
    'IDEMPOTENCY_KEY_IN_USE',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  rotateKey(
    @Body() request: RotateKeyRequest,
    @MerchantCall() call: Call,
    @KeyHash() keyHash: string,
  ): Promise<RotatedKey> {
    return this.stores.rotateKey(request, call, keyHash);
  }
}
