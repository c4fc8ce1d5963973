import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import {
  DeliveryList,
  type ErrorCode,
  EventList,
  ListDeliveriesRequest,
  ListEventsRequest,
  OneQError,
  Redelivered,
  RedeliverFailedRequest,
  SetWebhookRequest,
  Webhook,
  WebhookDelivery,
  WebhookWithSecret,
} from '@oneq/contracts';
import { ApiAnswer } from '../docs/api-answer';
import { type Call, MerchantCall } from '../http/commands';
import { KeyHolder, RequiredSecretKeyGuard } from '../http/secret-key.guard';
import { ForMerchants } from '../http/test-code';
import { Webhooks } from './webhooks';

const REFUSED: ErrorCode[] = ['SECRET_KEY_REQUIRED', 'SECRET_KEY_INVALID', 'MERCHANT_SUSPENDED'];
const REFUSED_OR_NONE: ErrorCode[] = [...REFUSED, 'NOT_FOUND'];
const REFUSED_TO_SEND: ErrorCode[] = [...REFUSED_OR_NONE, 'IDEMPOTENCY_KEY_IN_USE', 'IDEMPOTENCY_KEY_REUSED'];

/** How a merchant hears of its payments; beyond the specification, so the key is always needed. */
@Controller('pay')
@ForMerchants(RequiredSecretKeyGuard)
export class WebhooksController {
  constructor(private readonly webhooks: Webhooks) {}

  @Put('store/webhook')
  @ApiAnswer('웹훅 등록·변경 · Sets the webhook and turns it on', SetWebhookRequest, WebhookWithSecret, REFUSED)
  set(@Body() request: SetWebhookRequest, @MerchantCall() call: Call): Promise<WebhookWithSecret> {
    return this.webhooks.set(request, call);
  }

  @Get('store/webhook')
  @ApiAnswer('웹훅 조회 · The webhook', undefined, Webhook, REFUSED_OR_NONE)
  find(@KeyHolder() keyHolder: string): Promise<Webhook> {
    return this.webhooks.find(keyHolder);
  }

  @Delete('store/webhook')
  @HttpCode(204)
  @ApiAnswer('웹훅 삭제 · Removes the webhook; what is pending ends as failed', undefined, undefined, REFUSED_OR_NONE)
  delete(@KeyHolder() keyHolder: string): Promise<void> {
    return this.webhooks.delete(keyHolder);
  }

  @Post('store/webhook/test')
  @HttpCode(200)
  @ApiAnswer('웹훅 시험 전송 · Sends webhook.test at once', undefined, WebhookDelivery, REFUSED_TO_SEND)
  test(@MerchantCall() call: Call): Promise<WebhookDelivery> {
    return this.webhooks.test(call);
  }

  @Get('webhooks')
  @ApiAnswer('웹훅 전송 기록 · Deliveries, newest first', undefined, DeliveryList, REFUSED, ListDeliveriesRequest)
  deliveries(@Query() request: ListDeliveriesRequest, @KeyHolder() keyHolder: string): Promise<DeliveryList> {
    return this.webhooks.deliveries(request, keyHolder);
  }

  @Post('webhooks/redeliver')
  @HttpCode(200)
  @ApiAnswer(
    '실패한 웹훅 모두 다시 전송 · Sends all failed deliveries again',
    undefined,
    Redelivered,
    REFUSED_TO_SEND,
    RedeliverFailedRequest,
  )
  redeliverFailed(
    @Query() query: RedeliverFailedRequest,
    @Body() body: RedeliverFailedRequest,
    @MerchantCall() call: Call,
  ): Promise<Redelivered> {
    return this.webhooks.redeliverFailed({ since: query.since ?? body.since }, call);
  }

  @Post('webhooks/:delivery/redeliver')
  @HttpCode(200)
  @ApiAnswer('웹훅 다시 전송 · Sends one delivery again', undefined, WebhookDelivery, REFUSED_TO_SEND)
  redeliver(@Param('delivery') id: string, @MerchantCall() call: Call): Promise<WebhookDelivery> {
    if (!/^whd_[0-9]{1,16}$/.test(id)) throw new OneQError('NOT_FOUND');
    return this.webhooks.redeliver(id, call);
  }

  @Get('events')
  @ApiAnswer('이벤트 · Events in order, the same as the webhooks', undefined, EventList, REFUSED, ListEventsRequest)
  events(@Query() request: ListEventsRequest, @KeyHolder() keyHolder: string): Promise<EventList> {
    return this.webhooks.events(request, keyHolder);
  }
}
