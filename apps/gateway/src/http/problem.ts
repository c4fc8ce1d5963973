import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import { type ErrorCode, FIELD_ERRORS, type Language, OneQError, phrase } from '@oneq/contracts';
import { LOGGER, type Logger, traceId } from '@oneq/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Negotiator from 'negotiator';
import { CONFIG, type GatewayConfig } from '../config';
import { pathOf } from './routes';

/** What Fastify itself refuses while it reads a request. */
const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  403: 'NOT_FOUND', // a path that climbs out of the documents' folder
  404: 'NOT_FOUND',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
};

/** Every error leaves the gateway as a problem document (RFC 9457) in the caller's language. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(CONFIG) private readonly config: GatewayConfig,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = this.asOneQError(exception);
    const level = error.definition.status >= 500 ? 'warn' : 'debug';
    this.log[level]({ code: error.code, outcome: error.outcome, err: error.cause }, 'refused');
    sendProblem(error, request, reply, this.config.PUBLIC_URL);
  }

  private asOneQError(exception: unknown): OneQError {
    if (exception instanceof OneQError) return exception;
    const status = statusOf(exception);
    if (status !== undefined && status < 500) {
      const code = BY_STATUS[status];
      if (code) return new OneQError(code, {}, { cause: exception });
      // The rest of what Fastify refuses is a body that ended early or a length that is wrong.
      const format = { ko: '올바른 HTTP 요청', en: 'a complete HTTP request' };
      return new OneQError('INVALID_PARAMETER', {
        errors: [{ field: '', code: 'INVALID_FORMAT', params: { format } }],
      });
    }
    this.log.error({ err: exception }, 'a bug: this error is none of ours');
    return new OneQError('INTERNAL_ERROR');
  }
}

/** Answers with the problem document of an error. */
export function sendProblem(error: OneQError, request: FastifyRequest, reply: FastifyReply, publicUrl: string): void {
  const { code, definition, extras } = error;
  const language = preferredLanguage(request.headers['accept-language']);
  if (extras.retryAfterSeconds !== undefined) reply.header('retry-after', extras.retryAfterSeconds);
  if (code === 'SECRET_KEY_REQUIRED' || code === 'SECRET_KEY_INVALID') reply.header('www-authenticate', 'Bearer');
  reply
    .status(definition.status)
    .header('content-type', 'application/problem+json')
    .header('content-language', language)
    .header('cache-control', 'no-store')
    // Also where a request ends before anything else sees it.
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    .header('x-frame-options', 'DENY')
    .header('referrer-policy', 'no-referrer')
    .send(Buffer.from(JSON.stringify(problem(error, publicUrl, request.url, language)))); // bytes: no charset is added
}

/** HTTP status that a framework's error asks for. */
function statusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  const given = exception instanceof Error && 'statusCode' in exception ? exception.statusCode : undefined;
  return typeof given === 'number' ? given : undefined;
}

/** Korean unless the caller prefers English. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  const [language] = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).languages(['ko', 'en']);
  return language === 'en' ? 'en' : 'ko';
}

/** @param url path of the request; a query is left out, since it can hold a token */
function problem(error: OneQError, publicUrl: string, url: string, language: Language) {
  const { code, definition, outcome, extras } = error;
  return {
    type: `${publicUrl}/docs/errors#${code}`,
    title: definition.title[language],
    status: definition.status,
    detail: phrase(error.detail, language, extras.params),
    instance: pathOf(url),
    code,
    outcome,
    retryable: definition.retryable,
    trace_id: traceId(),
    attempts_left: extras.params?.attempts_left,
    errors: extras.errors?.map((fault) => ({
      field: fault.field,
      code: fault.code,
      detail: phrase(FIELD_ERRORS[fault.code], language, fault.params),
    })),
  };
}
