/** How a merchant hears of its payments: its webhook, the log of deliveries, and the feed of the same events. */
import { Answered, Flag, Holds, Integer, LiveOnly, OneOf, Text, type TextForm } from '../fields';
import { CID, CURSOR, REDIRECT_URL, SECURE_REDIRECT_URL, SEOUL_TIME, TID } from '../forms';
import { type Executed, message } from '../message';
import { PaymentRecord } from './records';
import { PAYMENT_EVENT_TYPES, type PaymentEventType } from './state';

/** Id of an event, as a webhook or the feed gave it. */
const EVENT_ID: TextForm = {
  expected: { ko: '이벤트 id(evt_…)', en: 'the id of an event (evt_…)' },
  test: (text) => /^evt_[0-9]{1,16}$/.test(text),
};

const cid = { max: 10, form: CID, description: '가맹점 코드 · merchant code' };

/** `PUT /pay/store/webhook`. */
export class SetWebhookRequest {
  @Text({
    max: 255,
    form: REDIRECT_URL,
    description: '이벤트를 받을 주소 · where the events go',
    example: 'https://shop.example.com/webhooks/oneq',
  })
  @LiveOnly(SECURE_REDIRECT_URL)
  readonly url!: string;

  @Flag({
    optional: true,
    description:
      'true면 새 시크릿을 발급하고, 이전 시크릿으로도 24시간 서명합니다 · true: a new secret; the old one signs for 24 hours more',
  })
  readonly rotate?: boolean;
}

export class SetWebhookCommand extends SetWebhookRequest {
  @Text(cid)
  readonly cid!: string;

  @Text({ max: 36, description: 'UUID of this request: the same one rotates once, however often it arrives' })
  readonly reference!: string;

  @Flag({ description: 'whether the URL may lead into a private network' })
  readonly private_allowed!: boolean;
}

/** A merchant's webhook, without its secret. */
export class Webhook {
  @Answered({
    type: 'string',
    description: '이벤트를 받을 주소 · where the events go',
    example: 'https://shop.example.com/webhooks/oneq',
  })
  readonly url!: string;

  @Answered({
    type: 'boolean',
    description:
      '보내는 중인지. 410 응답이나 사흘 동안의 실패로 꺼지고, PUT으로 다시 켭니다 · off after a 410 or three days of failures; PUT turns it on',
    example: true,
  })
  readonly enabled!: boolean;

  @Answered({ type: 'string', description: '등록 시각 · set at', example: '2016.11.15 21:18:22' })
  readonly created_at!: string;
}

/** Answer of `PUT /pay/store/webhook`. */
export class WebhookWithSecret extends Webhook {
  @Answered({
    type: 'string',
    description: '서명 검증용 시크릿(Standard Webhooks) · verifies the signatures',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  })
  readonly secret!: string;
}

/** A message about a merchant's own webhook. */
export class WebhookQuery {
  @Text(cid)
  readonly cid!: string;
}

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Type of the event that a merchant sends itself to try its webhook. */
export const TEST_EVENT_TYPE = 'webhook.test';
export type DeliveryType = PaymentEventType | typeof TEST_EVENT_TYPE;

/** One attempt to deliver. */
export class DeliveryAttempt {
  @Answered({ type: 'string', description: '보낸 시각 · sent at', example: '2016.11.15 21:18:25' })
  readonly at!: string;

  @Answered({
    type: 'integer',
    nullable: true,
    description: '응답 상태 코드, 응답이 없었으면 null · null when there was no answer',
    example: 200,
  })
  readonly http_status!: number | null;

  @Answered({ type: 'integer', description: '걸린 시간(ms) · milliseconds', example: 42 })
  readonly duration_ms!: number;

  @Answered({
    type: 'string',
    description: '응답의 처음 1KiB, 응답이 없었으면 그 까닭 · the first KiB of the answer, or why there was none',
    example: 'ok',
  })
  readonly response!: string;
}

/** One event on its way to the merchant. */
export class WebhookDelivery {
  @Answered({ type: 'string', description: '전송 id · id of the delivery', example: 'whd_4503599627370496' })
  readonly id!: string;

  @Answered({
    type: 'string',
    description: '이벤트 id, webhook-id 헤더와 같습니다 · the webhook-id header',
    example: 'evt_2251799813685248',
  })
  readonly event_id!: string;

  @Answered({
    type: 'string',
    description: '종류 · type',
    values: [...PAYMENT_EVENT_TYPES, TEST_EVENT_TYPE],
    example: 'payment.approved',
  })
  readonly type!: DeliveryType;

  @Answered({
    type: 'string',
    nullable: true,
    description: '결제 고유번호, webhook.test는 null · payment number; null of webhook.test',
    example: '12345',
  })
  readonly tid!: string | null;

  @Answered({
    type: 'string',
    description: '보낸 주소 · where it was sent',
    example: 'https://shop.example.com/webhooks/oneq',
  })
  readonly url!: string;

  @Answered({ type: 'string', description: '전송 상태 · status', values: DELIVERY_STATUSES, example: 'delivered' })
  readonly status!: DeliveryStatus;

  @Holds(DeliveryAttempt, { list: true, description: '최근 시도 20건까지, 오래된 순 · the latest 20, oldest first' })
  readonly attempts!: readonly DeliveryAttempt[];

  @Answered({
    type: 'string',
    nullable: true,
    description: '다음 시도 시각, pending이 아니면 null · next attempt; null unless pending',
    example: null,
  })
  readonly next_attempt_at!: string | null;
}

const LIMIT_DEFAULT = 20;
const limit = {
  min: 1,
  max: 100,
  optional: true,
  description: `한 번에 받을 개수, 기본 ${LIMIT_DEFAULT} · at most so many`,
};

/** `GET /pay/webhooks`: the log of deliveries, newest first. */
export class ListDeliveriesRequest {
  @OneOf({ max: 10, values: DELIVERY_STATUSES, optional: true, description: '전송 상태 · status', example: 'failed' })
  readonly status?: DeliveryStatus;

  @Text({ max: 16, form: TID, optional: true, description: '결제 고유번호 · payment number', example: '12345' })
  readonly tid?: string;

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

export class ListDeliveriesQuery extends ListDeliveriesRequest {
  @Text(cid)
  readonly cid!: string;
}

/** Answer of `GET /pay/webhooks`. */
export class DeliveryList {
  @Holds(WebhookDelivery, {
    list: true,
    description:
      '전송 기록, 최신순. limit보다 적을 수 있습니다 · newest first; there can be fewer than limit, and still more to come',
  })
  readonly data!: readonly WebhookDelivery[];

  @Answered({ type: 'string', nullable: true, description: '다음 요청의 cursor, 끝이면 null · null at the end' })
  readonly next_cursor!: string | null;
}

export class RedeliverCommand {
  @Text(cid)
  readonly cid!: string;

  @Text({ max: 40, description: 'id of the delivery' })
  readonly id!: string;
}

/** `POST /pay/webhooks/redeliver`. */
export class RedeliverFailedRequest {
  @Text({
    max: 20,
    form: SEOUL_TIME,
    optional: true,
    description: '이 시각 이후의 전송만, 없으면 전부 · only what came at or after; absent: all',
    example: '2016.11.15 00:00:00',
  })
  readonly since?: string;
}

export class RedeliverFailedCommand extends RedeliverFailedRequest {
  @Text(cid)
  readonly cid!: string;
}

/** Answer of `POST /pay/webhooks/redeliver`. */
export class Redelivered {
  @Answered({ type: 'integer', description: '다시 보내는 전송 수 · how many are sent again', example: 3 })
  readonly redelivered!: number;
}

/** The payment as it was right after an event. */
export class PaymentEventData extends PaymentRecord {
  @Answered({ type: 'integer', description: '결제별 순번, 1부터 · counts from 1 in each payment', example: 2 })
  readonly sequence!: number;
}

/** One event, as the feed gives it and a webhook sends it (there with the id in the header `webhook-id`). */
export class MerchantEvent {
  @Answered({ type: 'string', description: '이벤트 id · id of the event', example: 'evt_2251799813685248' })
  readonly id!: string;

  @Answered({ type: 'string', description: '종류 · type', values: PAYMENT_EVENT_TYPES, example: 'payment.approved' })
  readonly type!: PaymentEventType;

  @Answered({ type: 'string', description: '발생 시각, ISO 8601 UTC · when', example: '2016-11-15T12:18:25.123Z' })
  readonly timestamp!: string;

  @Holds(PaymentEventData, { description: '이벤트 직후의 결제 · the payment right after the event' })
  readonly data!: PaymentEventData;
}

/** `GET /pay/events`: a merchant's events in order. */
export class ListEventsRequest {
  @Text({
    max: 40,
    form: EVENT_ID,
    optional: true,
    description: '마지막으로 받은 이벤트 id, 없으면 처음부터 · the last one you have; absent: from the oldest',
    example: 'evt_2251799813685248',
  })
  readonly after?: string;

  @Integer(limit)
  readonly limit?: number;
}

export class ListEventsQuery extends ListEventsRequest {
  @Text(cid)
  readonly cid!: string;
}

/** Answer of `GET /pay/events`. */
export class EventList {
  @Holds(MerchantEvent, {
    list: true,
    description: '이벤트, 오래된 순. 비어 있을 때까지 이어서 받습니다 · oldest first; go on until it is empty',
  })
  readonly data!: readonly MerchantEvent[];

  @Answered({
    type: 'string',
    nullable: true,
    description: '다음 요청의 after · after of the next request',
    example: 'evt_2251799813685248',
  })
  readonly next_after!: string | null;
}

/** @throws INVALID_PARAMETER for a URL into a private network */
export const SetWebhook = message<WebhookWithSecret>()('payment.webhook.set', SetWebhookCommand);
/** @throws NOT_FOUND when none is set */
export const FindWebhook = message<Webhook>()('payment.webhook.find', WebhookQuery);
/** @throws NOT_FOUND when none is set */
export const DeleteWebhook = message<object>()('payment.webhook.delete', WebhookQuery);
/** @throws NOT_FOUND when none is set */
export const TestWebhook = message<Executed<WebhookDelivery>>()('payment.webhook.test', WebhookQuery);
export const ListDeliveries = message<DeliveryList>()('payment.webhook.deliveries', ListDeliveriesQuery);
/** @throws NOT_FOUND, also for another merchant's, and when no webhook is enabled */
export const Redeliver = message<Executed<WebhookDelivery>>()('payment.webhook.redeliver', RedeliverCommand);
/** @throws NOT_FOUND when no webhook is enabled */
export const RedeliverFailed = message<Executed<Redelivered>>()(
  'payment.webhook.redeliver-failed',
  RedeliverFailedCommand,
);
/** @throws INVALID_PARAMETER for an `after` that no event of this merchant has */
export const ListEvents = message<EventList>()('payment.event.list', ListEventsQuery);
