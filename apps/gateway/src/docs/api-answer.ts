import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiExtraModels,
  ApiHeader,
  ApiOperation,
  ApiProduces,
  ApiProperty,
  type ApiPropertyOptions,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';
import { ERRORS, type ErrorCode, FIELD_ERRORS, fieldsOf, phrase } from '@oneq/contracts';

/** Errors that any call with a body can meet. */
const ALWAYS: readonly ErrorCode[] = [
  'INVALID_PARAMETER',
  'METHOD_NOT_ALLOWED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
];

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  required: false,
  description:
    '같은 키의 같은 요청은 한 번만 처리되고 첫 응답을 다시 받습니다(15일) · the same request under the same key is executed once and gets the first answer again, for 15 days',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const documented = new Set<Type>();

/** Documents one call from the very classes that validate it: request, answer (without one: 204) and every error. */
export function ApiAnswer(
  summary: string,
  request: Type | undefined,
  answer: Type | undefined,
  errors: ErrorCode[],
  query?: Type,
): MethodDecorator {
  for (const type of [request, query, answer, Problem]) if (type) document(type);
  const codes = [...ALWAYS, ...errors];
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))].sort();
  return applyDecorators(
    ApiOperation({ summary }),
    ApiExtraModels(Problem),
    ...(request
      ? [ApiConsumes('application/x-www-form-urlencoded', 'application/json'), ApiBody({ type: request })]
      : []),
    ...(errors.includes('IDEMPOTENCY_KEY_REUSED') ? [ApiHeader(IDEMPOTENCY_KEY)] : []),
    ApiProduces('application/json'),
    ApiResponse(answer ? { status: 200, type: answer } : { status: 204, description: '' }),
    ...statuses.map((status) =>
      problemResponse(
        status,
        codes.filter((code) => ERRORS[code].status === status),
      ),
    ),
  );
}

function problemResponse(status: number, codes: readonly ErrorCode[]): MethodDecorator {
  const examples = Object.fromEntries(codes.map((code) => [code, { summary: code, value: exampleOf(code) }]));
  return ApiResponse({
    status,
    description: codes.join(', '),
    content: { 'application/problem+json': { schema: { $ref: getSchemaPath(Problem) }, examples } },
  });
}

function exampleOf(code: ErrorCode) {
  const { status, title, detail, outcome, retryable } = ERRORS[code];
  const withFields = code === 'INVALID_PARAMETER' || code === 'PAYMENT_MISMATCH';
  const fault = code === 'PAYMENT_MISMATCH' ? 'MISMATCH' : 'REQUIRED';
  return {
    type: `http://localhost:8080/docs/errors#${code}`,
    title: title.ko,
    status,
    detail: phrase(detail, 'ko'),
    instance: '/pay',
    code,
    outcome,
    retryable,
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    ...(withFields && { errors: [{ field: 'amount', code: fault, detail: FIELD_ERRORS[fault].ko }] }),
  };
}

/** Hands the fields of a message class over to the OpenAPI document. */
function document(type: Type): void {
  if (documented.has(type)) return;
  documented.add(type);
  for (const { name, type: fieldType, values, of, ...field } of fieldsOf(type)) {
    if (of) {
      document(of.type as Type);
      ApiProperty({ ...field, type: of.type as Type, isArray: of.list })(type.prototype, name);
    } else {
      ApiProperty({ ...field, type: fieldType, enum: values && [...values] } as ApiPropertyOptions)(
        type.prototype,
        name,
      );
    }
  }
}

class FieldFault {
  @ApiProperty({ description: 'name of the field; empty for a fault of the whole body', example: 'amount' })
  readonly field!: string;

  @ApiProperty({ enum: Object.keys(FIELD_ERRORS), example: 'REQUIRED' })
  readonly code!: string;

  @ApiProperty({ example: FIELD_ERRORS.REQUIRED.ko })
  readonly detail!: string;
}

/** Problem document (RFC 9457). */
class Problem {
  @ApiProperty({ example: 'http://localhost:8080/docs/errors#PAYMENT_NOT_FOUND' })
  readonly type!: string;

  @ApiProperty()
  readonly title!: string;

  @ApiProperty({ example: 404 })
  readonly status!: number;

  @ApiProperty({ description: 'Korean, or English by Accept-Language' })
  readonly detail!: string;

  @ApiProperty({ description: 'path of the request', example: '/pay/success' })
  readonly instance!: string;

  @ApiProperty({ description: 'what clients branch on', enum: Object.keys(ERRORS) })
  readonly code!: string;

  @ApiProperty({
    description: 'final: it did not and will not happen; unknown: it may have',
    enum: ['final', 'unknown'],
  })
  readonly outcome!: string;

  @ApiProperty({ description: 'whether the same request can succeed later' })
  readonly retryable!: boolean;

  @ApiProperty({ description: 'names this request in our logs' })
  readonly trace_id!: string;

  @ApiProperty({ type: [FieldFault], required: false, description: 'every faulty field' })
  readonly errors?: FieldFault[];
}
