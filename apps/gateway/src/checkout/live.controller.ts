import { createHash } from 'node:crypto';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OneQError } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Live, type Watcher } from './live';
import { Sessions } from './session';
import type { Snapshot } from './snapshot';

/** The session of a browser without a cookie; nothing is ever bound to it. */
const NOBODY = createHash('sha256').update('').digest('hex');

/** How a payment stands, for the scripts of its open pages. */
@Controller('pay')
@ApiExcludeController()
export class LiveController {
  constructor(
    private readonly live: Live,
    private readonly sessions: Sessions,
  ) {}

  @Get('status')
  status(@Req() request: FastifyRequest): Promise<Snapshot> {
    return this.live.status(this.watcher(request));
  }

  @Get('live')
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.live.open(this.watcher(request), request, reply);
  }

  /** @throws {OneQError} PAYMENT_NOT_FOUND for what cannot name a page */
  private watcher(request: FastifyRequest): Watcher {
    const { token, page, via } = request.query as Record<string, unknown>;
    if (typeof token !== 'string' || (page !== 'pc' && page !== 'phone')) throw new OneQError('PAYMENT_NOT_FOUND');
    const session = this.sessions.of(request)?.hash ?? NOBODY;
    return { token, page, session, via: via === 'qr' ? 'qr' : 'direct' };
  }
}
