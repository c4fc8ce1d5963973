import { Controller, Get, Headers, HttpStatus, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { CheckoutPage } from '@oneq/contracts';
import type { FastifyReply } from 'fastify';
import { preferredLanguage } from '../http/problem';
import { Checkout } from './checkout';

/** The payer's two pages (specification: next_redirect_url and android_app_scheme). */
@Controller('pay')
@ApiExcludeController()
export class CheckoutController {
  constructor(private readonly checkout: Checkout) {}

  @Get('showQRCode')
  pc(
    @Query('token') token: unknown,
    @Headers('accept-language') language: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.show('pc', token, language, reply);
  }

  @Get('oneq/transfer')
  phone(
    @Query('token') token: unknown,
    @Headers('accept-language') language: string | undefined,
    @Res() reply: FastifyReply,
  ) {
    return this.show('phone', token, language, reply);
  }

  private async show(
    page: CheckoutPage,
    token: unknown,
    language: string | undefined,
    reply: FastifyReply,
  ): Promise<void> {
    const { found, html } = await this.checkout.render(page, token, preferredLanguage(language));
    reply
      .status(found ? HttpStatus.OK : HttpStatus.NOT_FOUND)
      .header('content-type', 'text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('referrer-policy', 'no-referrer')
      .header('cross-origin-opener-policy', 'unsafe-none') // the shop's window keeps its hold on this one
      .header(
        'content-security-policy',
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      )
      .send(html);
  }
}
