import { Controller, Get, Inject, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { CheckoutPage } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';
import { Checkout } from './checkout';
import { PageErrors } from './page-errors';
import { Pages } from './pages';
import { Sessions } from './session';
import { keypadMode } from './typing';
import { askedOf } from './visit';

/** The payer's two pages (specification: next_redirect_url and android_app_scheme). Looking changes nothing. */
@Controller('pay')
@ApiExcludeController()
@UseFilters(PageErrors)
export class CheckoutController {
  constructor(
    private readonly checkout: Checkout,
    private readonly pages: Pages,
    private readonly sessions: Sessions,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  @Get('showQRCode')
  pc(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.show('pc', request, reply);
  }

  @Get('oneq/transfer')
  phone(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.show('phone', request, reply);
  }

  private async show(page: CheckoutPage, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const asked = askedOf(page, request);
    const language = this.pages.languageOf(request, reply);
    const session = this.sessions.ofOrNew(request, reply);
    const mode = keypadMode(request, asked.mode, reply, this.config.PUBLIC_URL.startsWith('https:'));
    this.pages.send(request, reply, language, await this.checkout.page(asked, { session, language, mode }));
  }
}
