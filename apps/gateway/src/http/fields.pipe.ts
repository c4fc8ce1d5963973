import { type ArgumentMetadata, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { type MessageClass, parse, type RawFields } from '@oneq/contracts';
import { CONFIG, type GatewayConfig } from '../config';

const NOTHING: RawFields = { values: {}, duplicated: [] };

/** Turns a body into the class its handler asks for. @throws {OneQError} INVALID_PARAMETER with every faulty field */
@Injectable()
export class FieldsPipe implements PipeTransform {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' || !metatype) return value;
    return parse(metatype as MessageClass<object>, (value as RawFields | undefined) ?? NOTHING, this.config.MODE);
  }
}
