import { randomUUID } from 'node:crypto';
import { Body, Controller, HttpCode, Inject, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import {
  BeginCheckout,
  CancelCheckout,
  type Message,
  OneQError,
  type PasswordOutcome,
  ReleaseCheckout,
  SubmitPassword,
} from '@oneq/contracts';
import { LOGGER, type Logger, MessageClient } from '@oneq/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PageAddress } from './address';
import { PageErrors } from './page-errors';
import { Pages } from './pages';
import { CancelForm, CheckoutForm, PasswordForm } from './requests';
import { Sessions } from './session';

/** Answer to an entered password: what came of it, and the page of ours that shows it. */
export interface PasswordAnswer {
  readonly outcome: PasswordOutcome;
  readonly next: string;
}

/**
 * What payers do. Each form is answered with a redirect to a page of ours, which shows how the payment stands then,
 * never to the shop: browsers do not let a form end at another site.
 */
@Controller('pay/checkout')
@ApiExcludeController()
export class ActionsController {
  constructor(
    private readonly client: MessageClient,
    private readonly sessions: Sessions,
    private readonly pages: Pages,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  @Post('begin')
  @UseFilters(PageErrors)
  async begin(@Body() form: CheckoutForm, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { token, via = 'direct' } = form;
    const page = new PageAddress('phone', token, via);
    const session = this.sessions.ofForm(request, form.csrf);
    if (!session) return this.pages.sendForbidden(request, reply, page);
    await this.tell(BeginCheckout, { token, page: 'phone', session: session.hash, via });
    see(reply, page.url({ step: 'method' }));
  }

  @Post('cancel')
  @UseFilters(PageErrors)
  async cancel(@Body() form: CancelForm, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { token, via = 'direct' } = form;
    const page = new PageAddress(form.page, token, via);
    const session = this.sessions.ofForm(request, form.csrf);
    if (!session) return this.pages.sendForbidden(request, reply, page);
    const reference = randomUUID(); // made once a request, so that a message sent twice is known again
    await this.tell(CancelCheckout, { token, page: form.page, session: session.hash, via, reference });
    see(reply, page.url({ go: 1 }));
  }

  @Post('release')
  @UseFilters(PageErrors)
  async release(@Body() form: CheckoutForm, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { token } = form;
    const page = new PageAddress('pc', token);
    const session = this.sessions.ofForm(request, form.csrf);
    if (!session) return this.pages.sendForbidden(request, reply, page);
    await this.tell(ReleaseCheckout, { token, page: 'pc', session: session.hash });
    see(reply, page.url());
  }

  /**
   * Called by the keypad's script. The keys go on undecoded.
   * @throws {OneQError} what SubmitPassword throws
   */
  @Post('password')
  @HttpCode(200)
  async password(@Body() form: PasswordForm, @Req() request: FastifyRequest): Promise<PasswordAnswer> {
    const { csrf, via = 'direct', ...entry } = form;
    const { token, payment_method_type, top_up_amount, mode, attempt } = entry;
    const page = new PageAddress('phone', token, via);
    const again = { step: 'password', payment_method_type, top_up_amount, mode };
    const session = this.sessions.ofForm(request, csrf);
    const client = this.sessions.clientOf(request);
    const { outcome } = session
      ? await this.client.ask(SubmitPassword, { ...entry, page: 'phone', session: session.hash, client })
      : { outcome: 'stale' as const };
    switch (outcome) {
      case 'authenticated':
        return { outcome, next: page.url({ go: 1 }) };
      case 'repeat':
        return { outcome, next: page.url({ ...again, first: attempt }) };
      default:
        return { outcome, next: page.url({ ...again, notice: outcome }) };
    }
  }

  /** The page that follows shows what is true then, also when the service refused or did not answer. */
  private async tell<Request extends object>(message: Message<Request, unknown>, request: Request): Promise<void> {
    try {
      await this.client.ask(message, request);
    } catch (error) {
      if (!(error instanceof OneQError)) throw error;
      const level = error.definition.status >= 500 ? 'warn' : 'debug';
      this.log[level]({ code: error.code, outcome: error.outcome, err: error.cause }, 'refused');
    }
  }
}

function see(reply: FastifyReply, url: string): void {
  const headers = {
    location: url,
    'cache-control': 'no-store',
    // As on the pages: browsers cut the shop's window off at a redirect, too.
    'cross-origin-opener-policy': 'unsafe-none',
  };
  reply.status(303).headers(headers).send();
}
