import {
  applyDecorators,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
  type Type,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { ERRORS, type ErrorCode, type ErrorExtras, invalidParameter, OneQError } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
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
    const code = testCode(context, this.config);
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

/** Sandbox: `OneQ-Test-Code: TIMEOUT_AFTER_COMMIT`. Work that fails answers its failure. */
@Injectable()
class TimeoutAfterCommit implements NestInterceptor {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (testCode(context, this.config) !== TIMEOUT_AFTER_COMMIT) return next.handle();
    return next.handle().pipe(
      map(() => {
        throw new OneQError('UPSTREAM_TIMEOUT');
      }),
    );
  }
}

function testCode(context: ExecutionContext, { MODE }: GatewayConfig): string | undefined {
  const { method, headers } = context.switchToHttp().getRequest<FastifyRequest>();
  if (MODE !== 'sandbox' || method !== 'POST') return undefined;
  return headers[HEADER] === undefined ? undefined : String(headers[HEADER]).trim();
}

/**
 * Marks a controller of merchants' calls: test codes first, then the credential.
 * @param credential the guard that checks it
 */
export function ForMerchants(credential: Type<CanActivate>): ClassDecorator {
  return applyDecorators(
    ApiBearerAuth('secret_key'),
    UseGuards(TestCodeGuard, credential),
    UseInterceptors(TimeoutAfterCommit),
  );
}
