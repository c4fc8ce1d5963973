import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import { OneQError } from '@oneq/contracts';
import { LOGGER, type Logger } from '@oneq/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pageOf } from './address';
import { Pages } from './pages';

/** What goes wrong on a payer's page is told by a page. */
@Catch()
export class PageErrors implements ExceptionFilter {
  constructor(
    private readonly pages: Pages,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const page = pageOf(request.url);
    if (error instanceof OneQError && error.definition.status < 500) {
      this.log.debug({ code: error.code }, 'refused');
      this.pages.sendNotFound(request, reply, page);
      return;
    }
    if (error instanceof OneQError) {
      this.log.warn({ code: error.code, outcome: error.outcome, err: error.cause }, 'refused');
    } else {
      this.log.error({ err: error }, 'a bug: this error is none of ours');
    }
    this.pages.sendTrouble(request, reply, page);
  }
}
