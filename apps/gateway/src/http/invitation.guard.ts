import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { CheckInvitation, hashCredential } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';
import { invitation } from './secret-key';

const invitations = new WeakMap<FastifyRequest, string>();

/**
 * In live mode a business affiliates by an operator's invitation (`Authorization: Bearer inv_…`). It is looked at before
 * the fields, as any key is; affiliation decides once more when it uses it.
 */
@Injectable()
export class InvitationGuard implements CanActivate {
  constructor(
    private readonly client: MessageClient,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    if (this.config.MODE === 'sandbox') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const invitation_hash = hashCredential(invitation(request.headers.authorization));
    await this.client.ask(CheckInvitation, { invitation_hash });
    invitations.set(request, invitation_hash);
    return true;
  }
}

/** SHA-256 (hex) of the invitation that was sent; undefined in sandbox mode, which needs none. */
export const InvitationHash = createParamDecorator((_data: unknown, context: ExecutionContext): string | undefined =>
  invitations.get(context.switchToHttp().getRequest<FastifyRequest>()),
);
