import { Answered, Integer, LiveOnly, OneOf, Text } from '../fields';
import { BANK_ACCT_NUM, CID, REDIRECT_URL, SECURE_REDIRECT_URL, SEOUL_TIME, TID } from '../forms';
import { Health, HealthQuery } from '../health';
import { type Executed, message } from '../message';
import { PAYMENT_METHOD_TYPES, PAYMENT_STATUSES, PaymentMethodType, PaymentStatus } from './state';

/** Largest value of the specification's Integer (32 bits signed); amounts are in won. */
export const INTEGER_MAX = 2_147_483_647;
const CATEGORY_MAX = 999_999;

const categoryCd = { min: 1, max: CATEGORY_MAX, description: '업종 분류 코드 · business category', example: 552101 };
const amount = { min: 1, max: INTEGER_MAX, description: '전체 결제 금액(원) · amount in won', example: 16000 };

/** `POST /pay` (specification, 결제 준비 및 요청). */
export class PrepareRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code', example: 'TC0ONETIME' })
  readonly cid!: string;

  @Integer(categoryCd)
  readonly category_cd!: number;

  @Text({ max: 100, description: '상호 · trade name', example: '원큐피자' })
  readonly opponent_name!: string;

  @Text({ max: 200, description: '상품명 · goods', example: '고구마피자' })
  readonly item_name!: string;

  @Text({ max: 100, optional: true, description: '상품 코드 · goods code', example: 'PIZZA-01' })
  readonly item_code?: string;

  @Text({ max: 100, description: "가맹점 회원 id · the merchant's member id", example: 'member_id' })
  readonly member_id!: string;

  @Text({ max: 100, description: "가맹점 주문번호 · the merchant's order number", example: 'order_id' })
  readonly order_id!: string;

  @Integer({ min: 1, max: INTEGER_MAX, description: '상품 수량 · quantity', example: 1 })
  readonly quantity!: number;

  @Integer(amount)
  readonly amount!: number;

  @OneOf({
    max: 10,
    values: PAYMENT_METHOD_TYPES,
    optional: true,
    description: '사용 허가할 결제 수단 · permitted method; absent: the payer chooses',
    example: 'MONEY',
  })
  readonly payment_method_type?: PaymentMethodType;

  @Text({ max: 12, form: BANK_ACCT_NUM, description: '등록된 계좌번호 · account number', example: '110123456789' })
  readonly bank_acct_num!: string;

  @Text({ max: 50, optional: true, description: '등록된 계좌명 · account alias', example: '월급통장' })
  readonly bank_acct_alias?: string;

  @Integer({ min: 0, max: INTEGER_MAX, description: '보유중인 페이머니 잔액 · pay money balance', example: 50000 })
  readonly balance!: number;

  @Text({
    max: 255,
    form: REDIRECT_URL,
    description: '결제 성공 시 redirect url · where the payer returns after authenticating',
    example: 'http://localhost:3000/approval',
  })
  @LiveOnly(SECURE_REDIRECT_URL)
  readonly approval_url!: string;

  @Text({
    max: 255,
    form: REDIRECT_URL,
    description: '결제 취소 시 redirect url · where the payer returns after cancelling',
    example: 'http://localhost:3000/cancel',
  })
  @LiveOnly(SECURE_REDIRECT_URL)
  readonly cancel_url!: string;

  @Text({
    max: 255,
    form: REDIRECT_URL,
    description: '결제 실패 시 redirect url · where the payer returns after a failure',
    example: 'http://localhost:3000/fail',
  })
  @LiveOnly(SECURE_REDIRECT_URL)
  readonly fail_url!: string;
}

/** Prepares a payment; `cid` is the merchant's own, never an alias. */
export class PrepareCommand extends PrepareRequest {
  @Text({ max: 100, description: 'registered name of the merchant, shown to the payer' })
  readonly merchant_name!: string;
}

/** What the gateway makes the answer of `POST /pay` from. */
export interface PreparedPayment {
  readonly tid: string;
  /** Opens the PC's page (QR code) of this payment. */
  readonly pc_token: string;
  /** Opens the phone's page of this payment. */
  readonly phone_token: string;
}

/** Answer of `POST /pay`. */
export class Prepared {
  @Answered({ type: 'string', description: '결제 고유번호 · payment number, a decimal integer', example: '12345' })
  readonly tid!: string;

  @Answered({
    type: 'string',
    description: 'PC 웹 결제 화면 · page for the PC (QR code)',
    example: 'http://localhost:8080/pay/showQRCode?token=…',
  })
  readonly next_redirect_url!: string;

  @Answered({
    type: 'string',
    description: '모바일 결제 화면 · page for the phone',
    example: 'http://localhost:8080/pay/oneq/transfer?token=…',
  })
  readonly android_app_scheme!: string;

  @Answered({
    type: 'string',
    description: "제휴 승인 시각 · time of the merchant's affiliation approval, not of this payment",
    example: '2016.11.15 21:18:22',
  })
  readonly approved_at!: string;
}

/** `POST /pay/success` (specification, 결제 승인). */
export class ApproveRequest {
  @Text({ max: 10, form: CID, description: '가맹점 코드 · merchant code', example: 'TC0ONETIME' })
  readonly cid!: string;

  @Text({ max: 100, description: "가맹점 주문번호 · the merchant's order number", example: 'order_id' })
  readonly order_id!: string;

  @Integer(categoryCd)
  readonly category_cd!: number;

  @Text({ max: 100, optional: true, description: '상호 · trade name', example: '원큐피자' })
  readonly opponent_name?: string;

  @Text({ max: 200, description: '상품명 · goods', example: '고구마피자' })
  readonly item_name!: string;

  @Text({ max: 100, description: "가맹점 회원 id · the merchant's member id", example: 'member_id' })
  readonly member_id!: string;

  @Integer(amount)
  readonly amount!: number;

  @Text({
    max: 20,
    form: SEOUL_TIME,
    description: "결제 승인 일시 · the merchant's time of approval, stored and echoed",
    example: '2016.11.15 21:18:22',
  })
  readonly tran_dt!: string;

  @Text({
    max: 16,
    form: TID,
    optional: true,
    description: '결제 고유번호 · pins the approval to this payment of the order (not in the specification)',
    example: '12345',
  })
  readonly tid?: string;
}

/** Answer of `POST /pay/success`. */
export class Approved {
  @Answered({ type: 'string', description: '결제 고유번호 · payment number', example: '12345' })
  readonly tid!: string;

  @Answered({ type: 'string', description: '가맹점 코드 · merchant code', example: 'TC00NETIME' })
  readonly cid!: string;

  @Answered({ type: 'string', description: '가맹점 주문번호 · order number', example: 'order_id' })
  readonly order_id!: string;

  @Answered({ type: 'string', description: '가맹점 회원 id · member id', example: 'member_id' })
  readonly member_id!: string;

  @Answered({
    type: 'string',
    description: '결제한 수단 · method that paid',
    values: PAYMENT_METHOD_TYPES,
    example: 'MONEY',
  })
  readonly payment_method_type!: PaymentMethodType;

  @Answered({ type: 'string', description: '상품명 · goods', example: '고구마피자' })
  readonly item_name!: string;

  @Answered({ type: 'integer', description: '전체 결제 금액(원) · amount in won', example: 16000 })
  readonly amount!: number;

  @Answered({ type: 'string', description: '결제 승인 일시 · time of approval', example: '2016.11.15 21:18:22' })
  readonly tran_dt!: string;
}

/** What the payer does in the sandbox helper. */
export const PAYER_OUTCOMES = ['success', 'cancel', 'fail'] as const;
export type PayerOutcome = (typeof PAYER_OUTCOMES)[number];

/** `POST /sandbox/payments/{tid}/authenticate`: acts as the payer. */
export class ActAsPayerRequest {
  @OneOf({
    max: 10,
    values: PAYMENT_METHOD_TYPES,
    optional: true,
    description: '결제 수단 · method; absent: the permitted one, else MONEY',
    example: 'MONEY',
  })
  readonly payment_method_type?: PaymentMethodType;

  @OneOf({
    max: 10,
    values: PAYER_OUTCOMES,
    optional: true,
    description: '구매자의 행동 · what the payer does (success)',
    example: 'success',
  })
  readonly outcome?: PayerOutcome;
}

/** Names one payment. */
export class PaymentQuery {
  @Text({ max: 16, form: TID, description: '결제 고유번호 · payment number' })
  readonly tid!: string;
}

/** Ends a payment on the payer's behalf; the reference is what makes the same request known again. */
export class EndByPayerCommand extends PaymentQuery {
  @Text({ max: 36, description: 'UUID of this request' })
  readonly reference!: string;
}

/** Authenticates a payment and holds its amount. */
export class AuthenticateCommand extends PaymentQuery {
  @OneOf({
    max: 10,
    values: PAYMENT_METHOD_TYPES,
    optional: true,
    description: 'method; absent: permitted one, else MONEY',
  })
  readonly payment_method_type?: PaymentMethodType;

  @Integer({
    min: 0,
    max: INTEGER_MAX,
    optional: true,
    description: 'won that the linked account adds to the pay money; absent: none',
  })
  readonly top_up_amount?: number;
}

/** How the payer's part ended, as told to the merchant's redirect URL. */
export type RedirectResult = 'authenticated' | 'cancelled' | 'failed' | 'expired';

/** A payment after the payer's part: what the gateway signs and builds the redirect from. */
export interface PayerPartDone {
  readonly tid: string;
  readonly cid: string;
  readonly order_id: string;
  readonly amount: number;
  readonly status: PaymentStatus;
  readonly result: RedirectResult;
  /** The merchant's URL for this result, as it was prepared. */
  readonly merchant_url: string;
}

/** Answer of the sandbox's authenticate. */
export class PayerActed {
  @Answered({ type: 'string', description: '결제 고유번호 · payment number', example: '12345' })
  readonly tid!: string;

  @Answered({ type: 'string', description: '결제 상태 · status', values: PAYMENT_STATUSES, example: 'AUTHENTICATED' })
  readonly status!: PaymentStatus;

  @Answered({
    type: 'string',
    nullable: true,
    description: '구매자가 돌아갈 주소 · where the payer is sent',
    example: 'http://localhost:3000/approval?tid=12345&order_id=order_id&result=authenticated&signature=…',
  })
  readonly redirect_url!: string | null;
}

export class FindWalletQuery {
  @Text({ max: 12, form: BANK_ACCT_NUM, description: '계좌번호 · account number' })
  readonly bank_acct_num!: string;
}

/** `POST /sandbox/wallets/{bank_acct_num}/charge`: adds pay money. */
export class ChargeRequest {
  @Integer({ ...amount, description: '충전 금액(원) · amount to add in won', example: 10000 })
  readonly amount!: number;
}

export class ChargeWalletCommand extends FindWalletQuery {
  @Integer({ ...amount, description: '충전 금액(원) · amount to add in won' })
  readonly amount!: number;

  @Text({ max: 36, description: 'UUID of this charge: the same one is booked once, however often it arrives' })
  readonly reference!: string;
}

/** Answer of the sandbox's wallet calls; amounts in won, a balance includes what is held. */
export class Wallet {
  @Answered({ type: 'string', description: '계좌번호 · account number', example: '110123456789' })
  readonly bank_acct_num!: string;

  @Answered({ type: 'integer', description: '페이머니 잔액 · pay money', example: 50000 })
  readonly money_balance!: number;

  @Answered({ type: 'integer', description: '승인 대기 중인 페이머니 · pay money on hold', example: 16000 })
  readonly money_held!: number;

  @Answered({ type: 'integer', description: '계좌 잔액 · bank account', example: 10000000 })
  readonly bank_balance!: number;

  @Answered({ type: 'integer', description: '승인 대기 중인 계좌 금액 · bank account on hold', example: 0 })
  readonly bank_held!: number;
}

/** @throws ORDER_ALREADY_EXISTS, WALLET_NOT_FOUND */
export const Prepare = message<Executed<PreparedPayment>>()('payment.prepare', PrepareCommand);
/** @throws PAYMENT_NOT_FOUND, PAYMENT_NOT_AUTHENTICATED, PAYMENT_MISMATCH, PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED */
export const Approve = message<Executed<Approved>>()('payment.approve', ApproveRequest);
/** @throws PAYMENT_NOT_FOUND, INVALID_PARAMETER, INSUFFICIENT_FUNDS, PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED */
export const Authenticate = message<PayerPartDone>()('payment.authenticate', AuthenticateCommand);
/** The payer gives up. @throws PAYMENT_NOT_FOUND, PAYMENT_NOT_CANCELLABLE, PAYMENT_CANCELLED, PAYMENT_FAILED, PAYMENT_EXPIRED */
export const CancelByPayer = message<PayerPartDone>()('payment.cancel-by-payer', EndByPayerCommand);
/** The payer's part failed. @throws as CancelByPayer */
export const FailByPayer = message<PayerPartDone>()('payment.fail-by-payer', EndByPayerCommand);
/** Lets an open payment's time run out now; any other stays as it is. @throws PAYMENT_NOT_FOUND */
export const ExpireNow = message<PayerPartDone>()('payment.expire-now', PaymentQuery);
/** @throws WALLET_NOT_FOUND */
export const FindWallet = message<Wallet>()('payment.wallet.find', FindWalletQuery);
/** @throws WALLET_NOT_FOUND */
export const ChargeWallet = message<Wallet>()('payment.wallet.charge', ChargeWalletCommand);
export const PaymentHealth = message<Health>()('payment.health', HealthQuery);
