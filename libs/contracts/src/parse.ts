import { type FieldError, OneQError } from './error';
import { fieldsToRead, type Mode } from './fields';
import type { MessageClass } from './message';

/** Fields as they arrived, before any rule was applied. */
export interface RawFields {
  readonly values: Readonly<Record<string, unknown>>;
  /** Names that were sent more than once. */
  readonly duplicated: readonly string[];
}

/**
 * The message that these fields make: known fields only, normalised and valid. It does what class-transformer and
 * class-validator would make of the decorators, without walking their metadata for each message (`parse.spec.ts`).
 * @throws {OneQError} INVALID_PARAMETER with every faulty field.
 */
export function parse<T extends object>(type: MessageClass<T>, raw: RawFields, mode: Mode): T {
  const parsed = new type();
  const fields = parsed as Record<string, unknown>;
  const faults = new Map<string, FieldError>();
  for (const { name, required, live, normalise, fault } of fieldsToRead(type)) {
    const value = normalise(raw.values[name]);
    fields[name] = value;
    if (value === undefined) {
      if (required) faults.set(name, { field: name, code: 'REQUIRED', params: undefined });
      continue;
    }
    const found = fault(value);
    const unfit = mode === 'live' && live !== undefined && typeof value === 'string' && !live.test(value);
    if (unfit && found?.code !== 'TOO_LONG') {
      faults.set(name, { field: name, code: 'INVALID_FORMAT', params: { format: live.expected } });
    } else if (found) {
      faults.set(name, { field: name, code: found.code, params: found.params });
    }
  }
  for (const field of raw.duplicated) faults.set(field, { field, code: 'DUPLICATED' });
  if (faults.size > 0) throw new OneQError('INVALID_PARAMETER', { errors: [...faults.values()] });
  return parsed;
}
