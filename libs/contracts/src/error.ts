/**
 * Every error a caller can meet, in one table: the code clients branch on, its HTTP status, whether the outcome is
 * final or unknown, whether the same request can succeed later, and its words in Korean and English.
 * A code without a row does not compile; `docs/errors.md` is tied to this table by a test.
 */

/** `final`: it did not and will not happen. `unknown`: it may have happened; send the same request again to find out. */
export type Outcome = 'final' | 'unknown';

export type Language = 'ko' | 'en';

export type Words = Readonly<Record<Language, string>>;

export interface ErrorDefinition {
  /** HTTP status of the answer. */
  readonly status: number;
  readonly outcome: Outcome;
  readonly retryable: boolean;
  readonly title: Words;
  /** What to do about it; `{name}` is replaced by the error's parameter of that name. */
  readonly detail: Words;
}

const final = (status: number, title: Words, detail: Words): ErrorDefinition => ({
  status,
  outcome: 'final',
  retryable: false,
  title,
  detail,
});
const retryable = (definition: ErrorDefinition): ErrorDefinition => ({ ...definition, retryable: true });
const unknown = (definition: ErrorDefinition): ErrorDefinition => ({ ...definition, outcome: 'unknown' });

export const ERRORS = {
  INVALID_PARAMETER: final(
    400,
    { ko: '잘못된 요청 값', en: 'Invalid parameter' },
    {
      ko: '요청 값을 확인해 주세요. 수정할 항목은 errors에서 확인할 수 있습니다.',
      en: 'Check the request. errors lists every field to correct.',
    },
  ),
  IDEMPOTENCY_KEY_REQUIRED: final(
    400,
    { ko: 'Idempotency-Key 필요', en: 'Idempotency-Key required' },
    {
      ko: '금액을 지정한 취소에는 Idempotency-Key 헤더가 필요합니다.',
      en: 'A cancellation of a given amount needs an Idempotency-Key header.',
    },
  ),
  SECRET_KEY_REQUIRED: final(
    401,
    { ko: '시크릿 키 필요', en: 'Secret key required' },
    {
      ko: 'Authorization: Bearer <시크릿 키> 헤더를 보내 주세요.',
      en: 'Send the header Authorization: Bearer <secret key>.',
    },
  ),
  SECRET_KEY_INVALID: final(
    401,
    { ko: '유효하지 않은 시크릿 키', en: 'Invalid secret key' },
    {
      ko: '시크릿 키를 확인해 주세요. 형식은 Authorization: Bearer sk_… 입니다.',
      en: 'Check the secret key. The form is Authorization: Bearer sk_….',
    },
  ),
  PIN_INVALID: retryable(
    final(
      401,
      { ko: '결제 비밀번호 불일치', en: 'Wrong payment password' },
      {
        ko: '결제 비밀번호가 다릅니다. {attempts_left}번 더 입력할 수 있습니다.',
        en: 'The payment password is wrong. {attempts_left} attempts are left.',
      },
    ),
  ),
  MERCHANT_SUSPENDED: final(
    403,
    { ko: '이용이 정지된 가맹점', en: 'Merchant suspended' },
    {
      ko: '이용이 정지된 가맹점입니다. 원큐페이에 문의해 주세요.',
      en: 'This merchant is suspended. Contact OneQ Pay.',
    },
  ),
  BUILT_IN_MERCHANT: final(
    403,
    { ko: '기본 제공 가맹점', en: 'Built-in merchant' },
    {
      ko: '테스트용으로 기본 제공되는 가맹점은 변경할 수 없습니다.',
      en: 'The built-in sandbox merchant cannot be changed.',
    },
  ),
  MERCHANT_NOT_FOUND: final(
    404,
    { ko: '존재하지 않는 가맹점', en: 'Merchant not found' },
    {
      ko: 'cid에 해당하는 가맹점이 없습니다. 제휴 응답으로 받은 cid인지 확인해 주세요.',
      en: 'No merchant has this cid. Use the cid from the affiliation answer.',
    },
  ),
  PAYMENT_NOT_FOUND: final(
    404,
    { ko: '존재하지 않는 결제', en: 'Payment not found' },
    {
      ko: '해당하는 결제가 없습니다. cid와 order_id, tid를 확인해 주세요.',
      en: 'There is no such payment. Check cid, order_id and tid.',
    },
  ),
  WALLET_NOT_FOUND: final(
    404,
    { ko: '존재하지 않는 지갑', en: 'Wallet not found' },
    {
      ko: '원큐페이에 등록되지 않은 계좌번호입니다.',
      en: 'This account number is not registered with OneQ Pay.',
    },
  ),
  NOT_FOUND: final(
    404,
    { ko: '존재하지 않는 경로', en: 'Not found' },
    { ko: '요청하신 경로를 찾을 수 없습니다.', en: 'There is nothing at this address.' },
  ),
  METHOD_NOT_ALLOWED: final(
    405,
    { ko: '허용되지 않는 메서드', en: 'Method not allowed' },
    { ko: 'Allow 헤더에 있는 메서드로 보내 주세요.', en: 'Use one of the methods in the Allow header.' },
  ),
  MERCHANT_ALREADY_EXISTS: final(
    409,
    { ko: '이미 제휴된 사업자', en: 'Merchant already exists' },
    {
      ko: '다른 정보로 이미 제휴된 사업자등록번호입니다.',
      en: 'This business number is already affiliated with other details.',
    },
  ),
  ORDER_ALREADY_EXISTS: final(
    409,
    { ko: '이미 있는 주문', en: 'Order already exists' },
    {
      ko: '같은 order_id로 다른 내용의 결제가 진행 중이거나 승인되었습니다.',
      en: 'A payment with other details is open or approved under this order_id.',
    },
  ),
  PAYMENT_NOT_AUTHENTICATED: retryable(
    final(
      409,
      { ko: '인증 전 결제', en: 'Payment not authenticated' },
      {
        ko: '구매자가 아직 결제를 인증하지 않았습니다.',
        en: 'The payer has not authenticated this payment yet.',
      },
    ),
  ),
  PAYMENT_MISMATCH: final(
    409,
    { ko: '결제 준비와 다른 내용', en: 'Payment mismatch' },
    {
      ko: '결제 준비 때와 다른 값이 있습니다. errors의 항목을 준비 때와 같게 보내 주세요.',
      en: 'Some values differ from what was prepared. Send the fields in errors as they were prepared.',
    },
  ),
  PAYMENT_CANCELLED: final(
    409,
    { ko: '취소된 결제', en: 'Payment cancelled' },
    { ko: '이미 취소된 결제입니다.', en: 'This payment was cancelled.' },
  ),
  PAYMENT_FAILED: final(
    409,
    { ko: '실패한 결제', en: 'Payment failed' },
    { ko: '이미 실패한 결제입니다.', en: 'This payment failed.' },
  ),
  PAYMENT_EXPIRED: final(
    409,
    { ko: '만료된 결제', en: 'Payment expired' },
    {
      ko: '결제 시간이 지났습니다. 결제를 다시 준비해 주세요.',
      en: 'The payment ran out of time. Prepare it again.',
    },
  ),
  PAYMENT_NOT_CANCELLABLE: final(
    409,
    { ko: '취소할 수 없는 결제', en: 'Payment not cancellable' },
    { ko: '지금 상태에서는 취소할 수 없는 결제입니다.', en: 'This payment cannot be cancelled in its present state.' },
  ),
  CANCEL_AMOUNT_EXCEEDED: final(
    409,
    { ko: '취소 가능 금액 초과', en: 'Cancel amount exceeded' },
    { ko: '취소할 수 있는 금액보다 큽니다.', en: 'The amount is more than what is left to cancel.' },
  ),
  INSUFFICIENT_FUNDS: retryable(
    final(
      409,
      { ko: '잔액 부족', en: 'Insufficient funds' },
      {
        ko: '선택한 결제 수단의 잔액이 부족합니다.',
        en: 'The chosen payment method does not hold enough money.',
      },
    ),
  ),
  IDEMPOTENCY_KEY_IN_USE: unknown(
    retryable(
      final(
        409,
        { ko: '처리 중인 Idempotency-Key', en: 'Idempotency-Key in use' },
        {
          ko: '같은 Idempotency-Key의 요청을 처리하고 있습니다. 잠시 뒤 다시 보내 주세요.',
          en: 'A request with this Idempotency-Key is still running. Send it again shortly.',
        },
      ),
    ),
  ),
  PAYLOAD_TOO_LARGE: final(
    413,
    { ko: '너무 큰 요청', en: 'Payload too large' },
    { ko: '요청 본문은 16,384바이트까지 보낼 수 있습니다.', en: 'A request body may have at most 16,384 bytes.' },
  ),
  UNSUPPORTED_MEDIA_TYPE: final(
    415,
    { ko: '지원하지 않는 형식', en: 'Unsupported media type' },
    {
      ko: 'application/x-www-form-urlencoded;charset=utf-8 또는 application/json으로, 압축하지 않고 보내 주세요.',
      en: 'Send application/x-www-form-urlencoded;charset=utf-8 or application/json, not compressed.',
    },
  ),
  IDEMPOTENCY_KEY_REUSED: final(
    422,
    { ko: '다른 요청에 사용된 Idempotency-Key', en: 'Idempotency-Key reused' },
    {
      ko: '이 Idempotency-Key는 이미 다른 요청에 사용되었습니다. 새 키로 보내 주세요.',
      en: 'This Idempotency-Key was used for another request. Use a new key.',
    },
  ),
  WALLET_LOCKED: retryable(
    final(
      423,
      { ko: '잠긴 지갑', en: 'Wallet locked' },
      {
        ko: '비밀번호를 여러 번 잘못 입력해 지갑이 잠겼습니다. Retry-After가 지난 뒤 다시 시도할 수 있습니다.',
        en: 'The wallet is locked after too many wrong passwords. Try again after Retry-After.',
      },
    ),
  ),
  TOO_MANY_REQUESTS: retryable(
    final(
      429,
      { ko: '너무 많은 요청', en: 'Too many requests' },
      {
        ko: '요청이 너무 많습니다. Retry-After가 지난 뒤 다시 보내 주세요.',
        en: 'Too many requests. Send it again after Retry-After.',
      },
    ),
  ),
  INTERNAL_ERROR: unknown(
    retryable(
      final(
        500,
        { ko: '내부 오류', en: 'Internal error' },
        {
          ko: '처리 중 오류가 발생했습니다. 결과를 알 수 없으니 같은 요청을 다시 보내 확인해 주세요.',
          en: 'Something went wrong on our side. The outcome is unknown: send the same request again to find out.',
        },
      ),
    ),
  ),
  SERVICE_UNAVAILABLE: retryable(
    final(
      503,
      { ko: '일시적으로 이용할 수 없음', en: 'Service unavailable' },
      {
        ko: '지금은 처리할 수 없습니다. Retry-After가 지난 뒤 같은 요청을 다시 보내 주세요.',
        en: 'The service cannot answer right now. Send the same request again after Retry-After.',
      },
    ),
  ),
  UPSTREAM_TIMEOUT: unknown(
    retryable(
      final(
        504,
        { ko: '응답 시간 초과', en: 'Upstream timeout' },
        {
          ko: '제때 결과를 받지 못했습니다. 처리되었을 수 있으니 같은 요청을 다시 보내 확인해 주세요.',
          en: 'No answer came in time. It may have happened: send the same request again to find out.',
        },
      ),
    ),
  ),
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERRORS;

/** What can be wrong with one field of a request. */
export const FIELD_ERRORS = {
  REQUIRED: { ko: '필수 항목입니다.', en: 'This field is required.' },
  TOO_LONG: { ko: '최대 {max}자까지 입력할 수 있습니다.', en: 'At most {max} characters are allowed.' },
  INVALID_FORMAT: { ko: '형식이 맞지 않습니다: {format}', en: 'The format is wrong: {format}' },
  OUT_OF_RANGE: { ko: '{min} 이상 {max} 이하여야 합니다.', en: 'The value must be between {min} and {max}.' },
  DUPLICATED: { ko: '같은 항목이 두 번 이상 있습니다.', en: 'This field was sent more than once.' },
  MISMATCH: { ko: '결제 준비 때 보낸 값과 다릅니다.', en: 'The value differs from what was prepared.' },
} as const satisfies Record<string, Words>;

export type FieldErrorCode = keyof typeof FIELD_ERRORS;

/** Values for the `{name}` places of a sentence; a pair of words where the value itself is language. */
export type Parameters = Readonly<Record<string, string | number | Words>>;

export interface FieldError {
  /** Name of the field; empty for a fault of the whole body. */
  readonly field: string;
  readonly code: FieldErrorCode;
  readonly params?: Parameters;
}

export interface ErrorExtras {
  /** Overrides the table's outcome, where the same code can mean both (SERVICE_UNAVAILABLE). */
  readonly outcome?: Outcome;
  readonly errors?: readonly FieldError[];
  /** Seconds after which a retry makes sense; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number;
  readonly params?: Parameters;
  /** What to do about it, instead of the table's sentence, where the very mistake is known. */
  readonly detail?: Words;
}

/** An {@link OneQError} as it crosses NATS. */
export interface WireError extends ErrorExtras {
  readonly code: ErrorCode;
}

/** A refusal or failure of the table above. Anything else that is thrown is a bug and answers INTERNAL_ERROR. */
export class OneQError extends Error {
  override readonly name = 'OneQError';

  constructor(
    readonly code: ErrorCode,
    readonly extras: ErrorExtras = {},
    options?: ErrorOptions,
  ) {
    super(code, options);
  }

  get definition(): ErrorDefinition {
    return ERRORS[this.code];
  }

  get outcome(): Outcome {
    return this.extras.outcome ?? this.definition.outcome;
  }

  /** What to do about it; where it may have happened, the words say so. */
  get detail(): Words {
    const unsure = this.outcome === 'unknown' && this.definition.outcome === 'final';
    return unsure ? ERRORS.UPSTREAM_TIMEOUT.detail : (this.extras.detail ?? this.definition.detail);
  }

  toWire(): WireError {
    return { code: this.code, ...this.extras };
  }

  /** The typed error again, or INTERNAL_ERROR when what arrived is none of ours. */
  static fromWire(wire: unknown): OneQError {
    if (typeof wire === 'object' && wire !== null && 'code' in wire && isErrorCode(wire.code)) {
      const { code, ...extras } = wire as WireError;
      return new OneQError(code, extras);
    }
    return new OneQError('INTERNAL_ERROR');
  }
}

/** An INVALID_PARAMETER error with these faulty fields. */
export function invalidParameter(...errors: FieldError[]): OneQError {
  return new OneQError('INVALID_PARAMETER', { errors });
}

/** NOT_FOUND where an address is right and a merchant's webhook is missing, or turned off. */
export function noWebhook(): OneQError {
  const detail = {
    ko: '사용 중인 웹훅이 없습니다. PUT /pay/store/webhook으로 등록하거나 다시 켜 주세요.',
    en: 'No webhook is set, or it is turned off. Set it with PUT /pay/store/webhook.',
  };
  return new OneQError('NOT_FOUND', { detail });
}

/** SERVICE_UNAVAILABLE with the outcome that is true of it: final when nothing was sent or nobody was listening. */
export function unavailable(outcome: Outcome, cause?: unknown): OneQError {
  return new OneQError('SERVICE_UNAVAILABLE', { outcome, retryAfterSeconds: 1 }, { cause });
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code);
}

/** The sentence in one language with its parameters filled in. */
export function phrase(words: Words, language: Language, params: Parameters = {}): string {
  return words[language].replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = params[name];
    if (value === undefined) return place;
    if (typeof value === 'object') return value[language];
    return typeof value === 'number' ? value.toLocaleString('en-US') : value;
  });
}
