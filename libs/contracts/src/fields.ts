/**
 * Field decorators: one line says what a field may hold, and from that line come its normalisation
 * (class-transformer), its validation (class-validator) and its place in the OpenAPI document.
 */
import { Expose, Transform } from 'class-transformer';
import {
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  Min,
  ValidateBy,
  ValidationOptions,
} from 'class-validator';
import type { FieldErrorCode, Parameters, Words } from './error';
import { codePoints, isBlank, isPlainText, normaliseText } from './text';

/** `sandbox` practises with play money, `live` moves real money; some rules hold in live mode only. */
export type Mode = 'sandbox' | 'live';

/** What the OpenAPI document says of a field. */
export interface FieldDescription {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'object';
  readonly required: boolean;
  readonly nullable: boolean;
  readonly description: string;
  readonly example?: string | number | boolean | null;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly values?: readonly string[];
  /** What a list or an object holds. */
  readonly of?: { readonly type: abstract new () => object; readonly list: boolean };
}

/** A form that text must have beyond its length. */
export interface TextForm {
  /** What is expected, for the error's sentence. */
  readonly expected: Words;
  test(text: string): boolean;
  /** The form that is stored and compared: what counts as the same value becomes the same text. */
  canonical?(text: string): string;
}

interface FieldOptions {
  readonly description: string;
  readonly example?: string | number;
  /** An optional field may be missing, null or blank. */
  readonly optional?: boolean;
}

/** Carried by a failed check: the error code of the field and the values of its sentence. */
export interface CheckContext {
  readonly code: FieldErrorCode;
  readonly params?: Parameters;
}

const descriptions = new Map<object, Map<string, FieldDescription>>();

/** The described fields of a message class, inherited ones first, in the order of declaration. */
export function fieldsOf(type: abstract new () => object): readonly FieldDescription[] {
  const fields = new Map<string, FieldDescription>();
  const chain: object[] = [];
  for (let proto = type.prototype; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
    chain.unshift(proto);
  }
  for (const proto of chain) for (const [name, field] of descriptions.get(proto) ?? []) fields.set(name, field);
  return [...fields.values()];
}

function describe(target: object, field: FieldDescription): void {
  const fields = descriptions.get(target) ?? new Map<string, FieldDescription>();
  fields.set(field.name, field);
  descriptions.set(target, fields);
}

function failing(code: FieldErrorCode, params?: Parameters): ValidationOptions {
  return { context: { code, params } satisfies CheckContext };
}

/** A check of a string; what is not a string has failed `IsString` already. */
function check(name: string, test: (text: string) => boolean, options: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value) => typeof value !== 'string' || test(value),
        defaultMessage: () => name, // class-validator drops the context of a check that has no message
      },
    },
    options,
  );
}

const TEXT: Words = { ko: '제어 문자를 포함하지 않는 문자열', en: 'text without control characters' };
const INTEGER: Words = { ko: '숫자(0-9)로 된 정수', en: 'an integer in digits (0-9)' };

/** Text of at most `max` code points, trimmed and in NFC. */
export function Text(options: FieldOptions & { max: number; form?: TextForm }): PropertyDecorator {
  const { max, form } = options;
  return declare(options, { type: 'string', maxLength: max }, [
    Transform(({ obj, key }) => toText(obj[key], options), { toClassOnly: true }),
    IsString(failing('INVALID_FORMAT', { format: TEXT })),
    check('maxCodePoints', (text) => codePoints(text) <= max, failing('TOO_LONG', { max })),
    check('plainText', isPlainText, failing('INVALID_FORMAT', { format: TEXT })),
    ...(form ? [check('form', (text) => form.test(text), failing('INVALID_FORMAT', { format: form.expected }))] : []),
  ]);
}

/** An integer between `min` and `max`: ASCII digits, or a JSON number that is an integer. */
export function Integer(options: FieldOptions & { min: number; max: number }): PropertyDecorator {
  const { min, max } = options;
  return declare(options, { type: 'integer', minimum: min, maximum: max }, [
    Transform(({ obj, key }) => toInteger(obj[key]), { toClassOnly: true }),
    IsInt(failing('INVALID_FORMAT', { format: INTEGER })),
    Min(min, failing('OUT_OF_RANGE', { min, max })),
    Max(max, failing('OUT_OF_RANGE', { min, max })),
  ]);
}

/** One of a few words. */
export function OneOf(options: FieldOptions & { values: readonly string[]; max: number }): PropertyDecorator {
  const { values, max } = options;
  const format = { ko: values.join(', '), en: values.join(', ') };
  return declare(options, { type: 'string', maxLength: max, values }, [
    Transform(({ obj, key }) => toText(obj[key]), { toClassOnly: true }),
    IsString(failing('INVALID_FORMAT', { format })),
    check('maxCodePoints', (text) => codePoints(text) <= max, failing('TOO_LONG', { max })),
    IsIn(values, failing('INVALID_FORMAT', { format })),
  ]);
}

/** Yes or no: `true` or `false`, as a word or as JSON has it. */
export function Flag(options: Omit<FieldOptions, 'example'>): PropertyDecorator {
  const format = { ko: 'true, false', en: 'true, false' };
  return declare(options, { type: 'boolean' }, [
    Transform(({ obj, key }) => toFlag(obj[key]), { toClassOnly: true }),
    IsBoolean(failing('INVALID_FORMAT', { format })),
  ]);
}

/** A check that holds in live mode only. */
export function LiveOnly(form: TextForm): PropertyDecorator {
  return check('live', (text) => form.test(text), {
    ...failing('INVALID_FORMAT', { format: form.expected }),
    groups: ['live' satisfies Mode],
  });
}

/** A field of an answer that holds another answer, or a list of such. */
export function Holds(
  type: abstract new () => object,
  options: { description: string; list?: boolean; nullable?: boolean; optional?: boolean },
): PropertyDecorator {
  const { list = false, optional, nullable = false, description } = options;
  return (target, property) =>
    describe(target, {
      name: String(property),
      type: 'object',
      of: { type, list },
      required: !optional,
      nullable,
      description,
    });
}

/** A field of an answer: described, not validated. */
export function Answered(options: {
  type: FieldDescription['type'];
  description: string;
  example?: string | number | boolean | null;
  nullable?: boolean;
  optional?: boolean;
  values?: readonly string[];
}): PropertyDecorator {
  const { optional, nullable, ...rest } = options;
  return (target, property) =>
    describe(target, { ...rest, name: String(property), required: !optional, nullable: nullable ?? false });
}

function declare(
  options: FieldOptions,
  shape: Pick<FieldDescription, 'type' | 'maxLength' | 'minimum' | 'maximum' | 'values'>,
  checks: PropertyDecorator[],
): PropertyDecorator {
  const presence = options.optional ? IsOptional() : IsDefined(failing('REQUIRED'));
  return (target, property) => {
    for (const decorate of [Expose(), presence, ...checks]) decorate(target, property);
    describe(target, {
      name: String(property),
      required: !options.optional,
      nullable: false,
      description: options.description,
      example: options.example,
      ...shape,
    });
  };
}

/** Blank and null become undefined (absent); what is not a string stays as it is and fails its type check. */
function toText(
  value: unknown,
  { max = Number.POSITIVE_INFINITY, form }: { max?: number; form?: TextForm } = {},
): unknown {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') return value;
  const text = normaliseText(value);
  if (isBlank(text)) return undefined;
  // Length counts what was sent, so only what is short enough is brought to its canonical form.
  return form?.canonical && codePoints(text) <= max && form.test(text) ? form.canonical(text) : text;
}

function toFlag(value: unknown): unknown {
  const word = toText(value);
  return word === 'true' || (word === 'false' ? false : word);
}

function toInteger(value: unknown): unknown {
  const text = toText(value);
  if (typeof text === 'number') return text + 0; // of two noughts one: JSON has a -0
  if (typeof text !== 'string') return text;
  // Any number of digits: what is beyond the safe integers is out of every field's range anyway.
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : text;
}
