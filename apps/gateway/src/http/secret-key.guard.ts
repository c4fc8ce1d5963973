import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { hashCredential, OneQError } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Merchants } from '../affiliation/merchants';
import { CONFIG, type GatewayConfig } from '../config';
import { MerchantLimit } from './rate-limit';
import { secretKey } from './secret-key';

/** Whose key came with a request, and its SHA-256, hex. */
interface Presented {
  readonly cid: string;
  readonly keyHash: string;
}

const presented = new WeakMap<FastifyRequest, Presented>();

/**
 * Checks the merchant's secret key before the fields. Without MERCHANT_AUTH=required a request may come without a
 * key, so that a client written from the specification alone works; a key that is sent is always checked.
 */
@Injectable()
export class SecretKeyGuard implements CanActivate {
  protected readonly required: boolean;

  constructor(
    private readonly merchants: Merchants,
    private readonly limit: MerchantLimit,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {
    this.required = config.MERCHANT_AUTH === 'required';
  }

  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const key = secretKey(request.headers.authorization, this.config.MODE);
    if (key !== undefined) {
      const { cid } = await this.merchants.ofKey(key);
      presented.set(request, { cid, keyHash: hashCredential(key) });
    } else if (this.required) throw new OneQError('SECRET_KEY_REQUIRED');
    this.limit.take(keyHolderOf(request), request, reply);
    return true;
  }
}

/** For what is beyond the specification: nothing of it without a key. */
@Injectable()
export class RequiredSecretKeyGuard extends SecretKeyGuard {
  protected override readonly required = true;
}

/** cid of the merchant whose key was sent; undefined when none was. */
export function keyHolderOf(request: FastifyRequest): string | undefined {
  return presented.get(request)?.cid;
}

/** Hands {@link keyHolderOf} to a handler. */
export const KeyHolder = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | undefined => ofRequest(context)?.cid,
);

/** SHA-256 (hex) of the key that was sent; undefined when none was. */
export const KeyHash = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | undefined => ofRequest(context)?.keyHash,
);

function ofRequest(context: ExecutionContext): Presented | undefined {
  return presented.get(context.switchToHttp().getRequest<FastifyRequest>());
}
