import { Inject, Injectable } from '@nestjs/common';
import {
  FindStore,
  hashCredential,
  newSecretKey,
  type RotatedKey,
  RotateKey,
  type RotateKeyRequest,
  type Store,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { Redirects } from '../checkout/redirects';
import { CONFIG, type GatewayConfig } from '../config';
import { type Call, Commands, holderOf } from '../http/commands';

/** A merchant's own record and keys. */
@Injectable()
export class Stores {
  constructor(
    private readonly client: MessageClient,
    private readonly commands: Commands,
    private readonly redirects: Redirects,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** The merchant's record, also while it is suspended: it tells so. @param keyHolder the merchant's own cid */
  async find(keyHolder: string): Promise<Store> {
    const { cid, status, ...record } = await this.client.ask(FindStore, { cid: keyHolder });
    return { cid, status, redirect_secret: this.redirects.secretOf(cid), ...record };
  }

  /**
   * A new key, which is made here, so that the key itself goes nowhere but to the merchant.
   * @param presented_key_hash SHA-256 (hex) of the key that asks for it
   * @throws {OneQError} BUILT_IN_MERCHANT, MERCHANT_SUSPENDED, SECRET_KEY_INVALID
   */
  async rotateKey(request: RotateKeyRequest, call: Call, presented_key_hash: string): Promise<RotatedKey> {
    const secret_key = newSecretKey(this.config.MODE);
    const cid = holderOf(call);
    const command = { ...request, cid, presented_key_hash, secret_key_hash: hashCredential(secret_key) };
    const { answer, replayed } = await this.commands.send(call, RotateKey, request, command);
    // What is answered again holds no secret, and this key of a moment ago is nobody's.
    return replayed ? answer : { secret_key, ...answer };
  }
}
