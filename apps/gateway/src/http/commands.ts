import { createHash, randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import { type Executed, invalidParameter, type Message, OneQError } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { keyHolderOf } from './secret-key.guard';

/** A merchant's POST: who sent it, and under which Idempotency-Key. */
export interface Call {
  /** cid of the merchant whose key came with the request; undefined when none did. */
  readonly keyHolder: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Hands the {@link Call} to a handler. @throws {OneQError} INVALID_PARAMETER for an Idempotency-Key that is none */
export const MerchantCall = createParamDecorator((_data: unknown, context: ExecutionContext): Call => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const reply = context.switchToHttp().getResponse<FastifyReply>();
  return {
    keyHolder: keyHolderOf(request),
    idempotencyKey: idempotencyKeyOf(request.headers['idempotency-key']),
    request,
    reply,
  };
});

/** cid of the merchant of a call that needs the key. @throws {OneQError} SECRET_KEY_REQUIRED */
export function holderOf({ keyHolder }: Call): string {
  if (keyHolder === undefined) throw new OneQError('SECRET_KEY_REQUIRED');
  return keyHolder;
}

/** UUID that names a request: the same one for the same Idempotency-Key of a merchant at a route. */
export function referenceOf(call: Call): string {
  if (call.idempotencyKey === undefined) return randomUUID();
  const hex = scopeOf(holderOf(call), call, call.idempotencyKey).slice(0, 32);
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-8$3-8$4-$5'); // a custom UUID (RFC 9562, version 8)
}

/** SHA-256, hex, of the scope of an Idempotency-Key: merchant, method, route. */
function scopeOf(cid: string, { request }: Call, key: string): string {
  return sha256(cid, request.method, request.routeOptions.url, key);
}

/** Sends merchants' commands to the services, each executed once for its Idempotency-Key. */
@Injectable()
export class Commands {
  constructor(private readonly client: MessageClient) {}

  /**
   * The command's answer; `Idempotent-Replayed: true` tells that it is the first one again.
   * @param fields what the merchant sent, validated and normalised: the same fields are the same request, whether they
   * came as form or JSON
   */
  async send<Command extends object, Answer>(
    call: Call,
    message: Message<Command, Executed<Answer>>,
    fields: object,
    command: Command,
  ): Promise<Executed<Answer>> {
    const { keyHolder, idempotencyKey, request, reply } = call;
    // The scope of a key is a merchant's, so without a merchant there is none.
    const idempotency =
      idempotencyKey !== undefined && keyHolder !== undefined
        ? `${scopeOf(keyHolder, call, idempotencyKey)}.${sha256(request.params, fields)}`
        : undefined;
    const executed = await this.client.ask(message, command, undefined, idempotency);
    if (executed.replayed) reply.header('idempotent-replayed', 'true');
    return executed;
  }
}

/** 1 to 255 visible ASCII characters, in quotes (a structured field, RFC 9651) or bare: both are the same key. */
function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const [, quoted, bare] = /^(?:"([!-~]{1,255})"|([!-~]{1,255}))$/.exec([header].flat().join(', ')) ?? [];
  const key = quoted ?? bare;
  if (key !== undefined) return key;
  const format = { ko: '공백 없는 ASCII 문자 1-255자', en: '1 to 255 visible ASCII characters' };
  throw invalidParameter({ field: 'Idempotency-Key', code: 'INVALID_FORMAT', params: { format } });
}

/** Hex; the order of an object's fields is that of its class, so equal requests have equal hashes. */
function sha256(...parts: unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
