/** What a merchant asks about its payments, and undoes. Beyond the specification; all with the merchant's key. */
import { Answered, Holds, Integer, OneOf, Text } from '../fields';
import { CID, CURSOR, SEOUL_TIME, TID } from '../forms';
import { type Executed, message } from '../message';
import { INTEGER_MAX } from './messages';
import {
  PAYMENT_EVENT_TYPES,
  PAYMENT_METHOD_TYPES,
  PAYMENT_STATUSES,
  type PaymentEventType,
  type PaymentMethodType,
  type PaymentStatus,
} from './state';

/** One change of a payment's state. */
export class PaymentEvent {
  @Answered({ type: 'string', description: '종류 · type', values: PAYMENT_EVENT_TYPES, example: 'payment.approved' })
  readonly type!: PaymentEventType;

  @Answered({ type: 'string', description: '시각 · time', example: '2016.11.15 21:18:25' })
  readonly at!: string;

  @Answered({
    type: 'integer',
    description: '금액(원); 취소는 취소 금액 · won; of a cancellation what it cancelled',
    example: 16000,
  })
  readonly amount!: number;

  @Answered({ type: 'integer', description: '결제별 순번, 1부터 · counts from 1 in each payment', example: 2 })
  readonly sequence!: number;
}

/** A payment as its merchant sees it in a list. */
export class PaymentRecord {
  @Answered({ type: 'string', description: '결제 고유번호 · payment number', example: '12345' })
  readonly tid!: string;

  @Answered({ type: 'string', description: '가맹점 코드 · merchant code', example: 'TC0ONETIME' })
  readonly cid!: string;

  @Answered({ type: 'string', description: '결제 상태 · status', values: PAYMENT_STATUSES, example: 'APPROVED' })
  readonly status!: PaymentStatus;

  @Answered({ type: 'integer', description: '업종 분류 코드 · business category', example: 552101 })
  readonly category_cd!: number;

  @Answered({ type: 'string', description: '상호 · trade name', example: '원큐피자' })
  readonly opponent_name!: string;

  @Answered({ type: 'string', description: '상품명 · goods', example: '고구마피자' })
  readonly item_name!: string;

  @Answered({ type: 'string', nullable: true, description: '상품 코드 · goods code', example: 'PIZZA-01' })
  readonly item_code!: string | null;

  @Answered({ type: 'string', description: "가맹점 회원 id · the merchant's member id", example: 'member_id' })
  readonly member_id!: string;

  @Answered({ type: 'string', description: '가맹점 주문번호 · order number', example: 'order_id' })
  readonly order_id!: string;

  @Answered({ type: 'integer', description: '상품 수량 · quantity', example: 1 })
  readonly quantity!: number;

  @Answered({ type: 'integer', description: '전체 결제 금액(원) · amount in won', example: 16000 })
  readonly amount!: number;

  @Answered({
    type: 'string',
    nullable: true,
    description: '결제한 수단, 아직이면 허가한 수단 · method that pays; before it was chosen, the permitted one',
    values: PAYMENT_METHOD_TYPES,
    example: 'MONEY',
  })
  readonly payment_method_type!: PaymentMethodType | null;

  @Answered({
    type: 'string',
    description: '계좌번호, 끝 네 자리만 · account number, the last four alone',
    example: '********6789',
  })
  readonly bank_acct_num!: string;

  @Answered({ type: 'string', nullable: true, description: '등록된 계좌명 · account alias', example: '월급통장' })
  readonly bank_acct_alias!: string | null;

  @Answered({
    type: 'integer',
    description: '준비 때 알려 준 페이머니 잔액 · declared pay money balance',
    example: 50000,
  })
  readonly balance!: number;

  @Answered({ type: 'string', description: '결제 성공 시 redirect url', example: 'http://localhost:3000/approval' })
  readonly approval_url!: string;

  @Answered({ type: 'string', description: '결제 취소 시 redirect url', example: 'http://localhost:3000/cancel' })
  readonly cancel_url!: string;

  @Answered({ type: 'string', description: '결제 실패 시 redirect url', example: 'http://localhost:3000/fail' })
  readonly fail_url!: string;

  @Answered({ type: 'integer', description: '승인 금액(원) · approved amount', example: 16000 })
  readonly approved_amount!: number;

  @Answered({ type: 'integer', description: '승인 후 취소한 금액(원) · refunded so far', example: 0 })
  readonly cancelled_amount!: number;

  @Answered({ type: 'integer', description: '더 취소할 수 있는 금액(원) · what is left to refund', example: 16000 })
  readonly cancel_available_amount!: number;

  @Answered({ type: 'string', description: '결제 준비 시각 · prepared at', example: '2016.11.15 21:18:22' })
  readonly created_at!: string;

  @Answered({
    type: 'string',
    nullable: true,
    description: '구매자 인증 시각 · authenticated at',
    example: '2016.11.15 21:18:24',
  })
  readonly authenticated_at!: string | null;

  @Answered({
    type: 'string',
    nullable: true,
    description: '이 결제의 승인 시각 · approval of this payment (not the affiliation’s)',
    example: '2016.11.15 21:18:25',
  })
  readonly approved_at!: string | null;

  @Answered({
    type: 'string',
    nullable: true,
    description: '만료 시각, 승인되었거나 끝난 결제는 null · when its time is over; null once approved or finished',
    example: null,
  })
  readonly expires_at!: string | null;

  @Answered({
    type: 'string',
    nullable: true,
    description: "가맹점이 보낸 승인 일시 · the merchant's time of approval",
    example: '2016.11.15 21:18:22',
  })
  readonly tran_dt!: string | null;
}

/** A payment with its history. */
export class PaymentDetails extends PaymentRecord {
  @Holds(PaymentEvent, { list: true, description: '상태 변경 이력, 오래된 순 · changes of state, oldest first' })
  readonly events!: readonly PaymentEvent[];
}

/** One of a merchant's payments. */
export class FindPaymentQuery {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  readonly cid!: string;

  @Text({ max: 16, form: TID, description: '결제 고유번호 · payment number' })
  readonly tid!: string;
}

/** Where a merchant need not say who it is. */
const CID_OF_KEY = {
  max: 10,
  form: CID,
  optional: true,
  description: '가맹점 코드, 없으면 시크릿 키의 가맹점 · merchant code; absent: the one of the key',
  example: 'TC0ONETIME',
};

const LIST_MAX = 100;
const LIST_DEFAULT = 20;
const limit = {
  min: 1,
  max: LIST_MAX,
  optional: true,
  description: `한 번에 받을 개수, 기본 ${LIST_DEFAULT} · at most so many`,
};

/** `GET /pay`: a merchant's payments, newest first. */
export class ListPaymentsRequest {
  @Text(CID_OF_KEY)
  readonly cid?: string;

  @Text({ max: 100, optional: true, description: '가맹점 주문번호 · order number', example: 'order_id' })
  readonly order_id?: string;

  @OneOf({ max: 20, values: PAYMENT_STATUSES, optional: true, description: '결제 상태 · status', example: 'APPROVED' })
  readonly status?: PaymentStatus;

  @Text({
    max: 20,
    form: SEOUL_TIME,
    optional: true,
    description: '준비 시각 시작, 포함 · prepared at or after',
    example: '2016.11.15 00:00:00',
  })
  readonly from?: string;

  @Text({
    max: 20,
    form: SEOUL_TIME,
    optional: true,
    description: '준비 시각 끝, 포함 · prepared at or before',
    example: '2016.11.15 23:59:59',
  })
  readonly to?: string;

  @Integer(limit)
  readonly limit?: number;

  @Text({
    max: 100,
    form: CURSOR,
    optional: true,
    description: '앞 응답의 next_cursor · next_cursor of the answer before',
  })
  readonly cursor?: string;
}

export class ListPaymentsQuery extends ListPaymentsRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  override readonly cid!: string;
}

/** Answer of `GET /pay`. */
export class PaymentList {
  @Holds(PaymentRecord, {
    list: true,
    description:
      '결제 목록, 최신순. status로 거르면 limit보다 적을 수 있습니다 · newest first; with a status there can be fewer than limit, and still more to come',
  })
  readonly data!: readonly PaymentRecord[];

  @Answered({ type: 'string', nullable: true, description: '다음 요청의 cursor, 끝이면 null · null at the end' })
  readonly next_cursor!: string | null;
}

/** How many a list has when it is not told. */
export const DEFAULT_LIMIT = LIST_DEFAULT;

/** `POST /pay/cancel`. */
export class CancelRequest {
  @Text(CID_OF_KEY)
  readonly cid?: string;

  @Text({
    max: 16,
    form: TID,
    optional: true,
    description: '결제 고유번호, 또는 order_id · payment number, or order_id',
    example: '12345',
  })
  readonly tid?: string;

  @Text({ max: 100, optional: true, description: '가맹점 주문번호 · order number', example: 'order_id' })
  readonly order_id?: string;

  @Integer({
    min: 1,
    max: INTEGER_MAX,
    optional: true,
    description:
      '취소 금액(원), 없으면 남은 전액. Idempotency-Key 필요 · won; absent: all that is left. Needs an Idempotency-Key',
    example: 5000,
  })
  readonly cancel_amount?: number;

  @Text({ max: 200, optional: true, description: '취소 사유 · reason', example: '고객 변심' })
  readonly cancel_reason?: string;
}

export class CancelCommand extends CancelRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  override readonly cid!: string;

  @Text({ max: 36, description: 'UUID of this request: the same one is booked once, however often it arrives' })
  readonly reference!: string;
}

/** `POST /pay/net-cancel` (망취소): when the merchant does not know whether its approval went through. */
export class NetCancelRequest {
  @Text(CID_OF_KEY)
  readonly cid?: string;

  @Text({ max: 100, description: '가맹점 주문번호 · order number', example: 'order_id' })
  readonly order_id!: string;

  @Integer({ min: 1, max: INTEGER_MAX, description: '전체 결제 금액(원) · amount in won', example: 16000 })
  readonly amount!: number;
}

export class NetCancelCommand extends NetCancelRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code' })
  override readonly cid!: string;

  @Text({ max: 36, description: 'UUID of this request' })
  readonly reference!: string;
}

/** `CANCELLED`: an approval was undone. `NOT_APPROVED`: there was none, and there will be none. */
export const NET_CANCEL_RESULTS = ['CANCELLED', 'NOT_APPROVED', 'ALREADY_CANCELLED'] as const;
export type NetCancelResult = (typeof NET_CANCEL_RESULTS)[number];

/** Answer of `POST /pay/net-cancel`. */
export class NetCancelled {
  @Answered({ type: 'string', description: '결과 · result', values: NET_CANCEL_RESULTS, example: 'CANCELLED' })
  readonly result!: NetCancelResult;

  @Holds(PaymentDetails, {
    nullable: true,
    description: '결제, 준비된 적이 없으면 null · the payment; null when it was never prepared',
  })
  readonly payment!: PaymentDetails | null;
}

/** @throws PAYMENT_NOT_FOUND, also for another merchant's */
export const FindPayment = message<PaymentDetails>()('payment.find', FindPaymentQuery);
export const ListPayments = message<PaymentList>()('payment.list', ListPaymentsQuery);
/** @throws PAYMENT_NOT_FOUND, PAYMENT_NOT_CANCELLABLE, CANCEL_AMOUNT_EXCEEDED */
export const Cancel = message<Executed<PaymentDetails>>()('payment.cancel', CancelCommand);
/** @throws PAYMENT_MISMATCH, PAYMENT_NOT_CANCELLABLE */
export const NetCancel = message<Executed<NetCancelled>>()('payment.net-cancel', NetCancelCommand);
