import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { OneQError } from '@oneq/contracts';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';
import { bearerCredential } from './secret-key';

/**
 * In live mode a business affiliates by an operator's invitation (`Authorization: Bearer inv_…`). As long as operators
 * cannot issue any, none can be valid, so live mode takes none.
 */
@Injectable()
export class InvitationGuard implements CanActivate {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  canActivate(context: ExecutionContext): true {
    if (this.config.MODE === 'sandbox') return true;
    const { authorization } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    throw new OneQError(bearerCredential(authorization) === undefined ? 'SECRET_KEY_REQUIRED' : 'SECRET_KEY_INVALID');
  }
}
