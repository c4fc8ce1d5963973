import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { OneQError } from '@oneq/contracts';
import type { FastifyReply } from 'fastify';
import { Assets } from './assets';

/** The files of the payer's pages. Their address changes with them, so that a browser need not ask for them again. */
@Controller('pay/assets')
@ApiExcludeController()
export class AssetsController {
  constructor(private readonly assets: Assets) {}

  @Get(':hash/:file')
  file(@Param('hash') hash: string, @Param('file') file: string, @Res() reply: FastifyReply): void {
    const asset = this.assets.get(file);
    if (!asset) throw new OneQError('NOT_FOUND');
    // A page of another deployment gets what there is now, but must not keep it under that address.
    const current = hash === this.assets.hash;
    reply
      .header('content-type', asset.type)
      .header('cache-control', current ? 'public, max-age=31536000, immutable' : 'no-cache')
      .header('x-content-type-options', 'nosniff')
      .send(asset.content);
  }
}
