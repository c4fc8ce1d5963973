import { type ArgumentMetadata, Inject, Injectable, type PipeTransform } from '@nestjs/common';
import { type MessageClass, parse, type RawFields } from '@oneq/contracts';
import { CONFIG, type GatewayConfig } from '../config';
import { queryFields } from './body';

const NOTHING: RawFields = { values: {}, duplicated: [] };

/** Turns a body or a query into the class its handler asks for. @throws {OneQError} INVALID_PARAMETER with every faulty field */
@Injectable()
export class FieldsPipe implements PipeTransform {
  constructor(@Inject(CONFIG) private readonly config: GatewayConfig) {}

  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (!metatype) return value;
    const { MODE } = this.config;
    if (type === 'body')
      return parse(metatype as MessageClass<object>, (value as RawFields | undefined) ?? NOTHING, MODE);
    if (type === 'query') return parse(metatype as MessageClass<object>, queryFields(value as object), MODE);
    return value;
  }
}
