import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { ERRORS, type ErrorCode, type ErrorExtras, invalidParameter, OneQError } from '@oneq/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';

const HEADER = 'oneq-test-code';
/** Does the work, and then answers as if the reply had been lost. */
const TIMEOUT_AFTER_COMMIT = 'TIMEOUT_AFTER_COMMIT';

/** What comes with some errors whenever they are real. */
const EXTRAS: Partial<Record<ErrorCode, ErrorExtras>> = {
  INVALID_PARAMETER: {
    errors: [{ field: '', code: 'INVALID_FORMAT', params: { format: { ko: HEADER, en: HEADER } } }],
  },
  PIN_INVALID: { params: { attempts_left: 4 } },
  PAYMENT_MISMATCH: { errors: [{ field: 'amount', code: 'MISMATCH' }] },
  IDEMPOTENCY_KEY_IN_USE: { retryAfterSeconds: 1 },
  WALLET_LOCKED: { retryAfterSeconds: 1_800 },
  TOO_MANY_REQUESTS: { retryAfterSeconds: 1 },
  SERVICE_UNAVAILABLE: { retryAfterSeconds: 1, outcome: 'final' },
};

/** Sandbox: `OneQ-Test-Code: <CODE>` answers that error, without doing or keeping anything. */
@Injectable()
class TestCodeGuard implements CanActivate {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  canActivate(context: ExecutionContext): true {
    const code = testCode(context.switchToHttp().getRequest<FastifyRequest>(), this.config);
    if (code === undefined || code === TIMEOUT_AFTER_COMMIT) return true;
    if (!Object.hasOwn(ERRORS, code)) {
      const format = { ko: '오류 코드', en: 'an error code' };
      throw invalidParameter({ field: 'OneQ-Test-Code', code: 'INVALID_FORMAT', params: { format } });
    }
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    if (code === 'METHOD_NOT_ALLOWED') reply.header('allow', 'POST');
    throw new OneQError(code as ErrorCode, EXTRAS[code as ErrorCode]);
  }
}

/**
 * Sandbox: `OneQ-Test-Code: TIMEOUT_AFTER_COMMIT` loses the reply of work that was done; work that fails answers its failure.
 * A hook, because an interceptor would take every request through RxJS.
 */
export function loseReplies(server: FastifyInstance, config: GatewayConfig): void {
  server.addHook('preSerialization', (request, reply, payload, done) => {
    const isDone = reply.statusCode === 200 && request.routeOptions.url?.startsWith('/pay');
    const isLost = isDone && testCode(request, config) === TIMEOUT_AFTER_COMMIT;
    if (isLost) done(new OneQError('UPSTREAM_TIMEOUT'));
    else done(null, payload);
  });
}

function testCode({ method, headers }: FastifyRequest, { MODE }: GatewayConfig): string | undefined {
  if (MODE !== 'sandbox' || method !== 'POST') return undefined;
  return headers[HEADER] === undefined ? undefined : String(headers[HEADER]).trim();
}

/**
 * Marks a controller of merchants' calls: test codes first, then the credential.
 * @param credential the guard that checks it
 */
export function ForMerchants(credential: Type<CanActivate>): ClassDecorator {
  return applyDecorators(ApiBearerAuth('secret_key'), UseGuards(TestCodeGuard, credential));
}
