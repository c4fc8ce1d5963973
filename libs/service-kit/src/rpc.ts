import { ArgumentMetadata, ArgumentsHost, Catch, PipeTransform, RpcExceptionFilter } from '@nestjs/common';
import { MessagePattern, NatsContext } from '@nestjs/microservices';
import { type Message, type MessageClass, type Mode, OneQError, parse } from '@oneq/contracts';
import { Observable, throwError } from 'rxjs';
import type { Logger } from './log';

/** Marks the method that answers a message. */
export function Answers<Request extends object, Answer>(message: Message<Request, Answer>) {
  return (
    target: object,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<(request: Request) => Promise<Answer>>,
  ): void => {
    MessagePattern(message.subject)(target, method, descriptor);
  };
}

/** Validates what arrives over NATS by the same classes that the gateway validates with. */
export class MessagePipe implements PipeTransform {
  constructor(private readonly mode: Mode) {}

  transform(value: unknown, { metatype, type }: ArgumentMetadata): unknown {
    if (type !== 'body' || !metatype) return value;
    const values = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
    return parse(metatype as MessageClass<object>, { values, duplicated: [] }, this.mode);
  }
}

/** Errors cross NATS as `{ code, … }`: refusals as they are, what is away as 503, bugs as INTERNAL_ERROR. */
@Catch()
export class WireErrorFilter implements RpcExceptionFilter {
  /** @param known what an error means to who asked; undefined for a bug */
  constructor(
    private readonly log: Logger,
    private readonly known: (exception: unknown) => OneQError | undefined,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): Observable<never> {
    const subject = host.switchToRpc().getContext<NatsContext>().getSubject();
    const error = exception instanceof OneQError ? exception : this.known(exception);
    if (!error) this.log.error({ err: exception, subject }, 'a bug: this error is none of ours');
    else if (error.code === 'SERVICE_UNAVAILABLE') this.log.warn({ err: error.cause, subject }, 'unavailable');
    else this.log.info({ subject, code: error.code }, 'refused');
    return throwError(() => (error ?? new OneQError('INTERNAL_ERROR')).toWire());
  }
}
