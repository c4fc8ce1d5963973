import {
  type FieldError,
  type FieldErrorCode,
  type MessageClass,
  type Mode,
  OneQError,
  type RawFields,
} from '@oneq/contracts';
import { plainToInstance } from 'class-transformer';
import { type ValidationError, validateSync } from 'class-validator';
import type { CheckContext } from '../../libs/contracts/src/fields';

/** Which of several faults of one field is told: the first that the caller can act on. */
const PRECEDENCE: readonly FieldErrorCode[] = ['DUPLICATED', 'REQUIRED', 'TOO_LONG', 'INVALID_FORMAT', 'OUT_OF_RANGE'];

/** What the decorators alone say of these fields: class-transformer normalises, class-validator checks. */
export function parseByDecorators<T extends object>(type: MessageClass<T>, raw: RawFields, mode: Mode): T {
  const parsed = plainToInstance(type, raw.values, { excludeExtraneousValues: true });
  const faults = new Map<string, FieldError>();
  for (const error of validateSync(parsed, { groups: [mode], always: true, forbidUnknownValues: false })) {
    faults.set(error.property, firstFault(error));
  }
  for (const field of raw.duplicated) faults.set(field, { field, code: 'DUPLICATED' });
  if (faults.size > 0) throw new OneQError('INVALID_PARAMETER', { errors: [...faults.values()] });
  return parsed;
}

function firstFault(error: ValidationError): FieldError {
  const contexts: CheckContext[] = Object.values(error.contexts ?? {});
  contexts.sort((a, b) => PRECEDENCE.indexOf(a.code) - PRECEDENCE.indexOf(b.code));
  const [first] = contexts;
  return { field: error.property, code: first?.code ?? 'INVALID_FORMAT', params: first?.params };
}
