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

/** What the decorators of a field say, as functions: {@link parse} runs these, and a test keeps both equal. */
export interface FieldRule {
  /** The form that is checked and kept; undefined when there is nothing. */
  normalise(value: unknown): unknown;
  /** What is wrong with a value that is there, the first that the caller can act on. */
  fault(value: unknown): CheckContext | undefined;
}

/** A field of a message as it is read. */
export interface FieldToRead extends FieldRule {
  readonly name: string;
  readonly required: boolean;
  /** A form that it must have in live mode. */
  readonly live: TextForm | undefined;
}

const descriptions = new Map<object, Map<string, FieldDescription>>();
const rules = new Map<object, Map<string, FieldRule>>();
const liveForms = new Map<object, Map<string, TextForm>>();
const toRead = new Map<object, readonly FieldToRead[]>();

/** The fields of a message class that are read, in the order of {@link fieldsOf}. */
export function fieldsToRead(type: abstract new () => object): readonly FieldToRead[] {
  const known = toRead.get(type);
  if (known) return known;
  const nearest = <T>(kept: Map<object, Map<string, T>>, name: string): T | undefined => {
    for (let proto = type.prototype; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
      const found = kept.get(proto)?.get(name);
      if (found) return found;
    }
    return undefined;
  };
  const fields = fieldsOf(type).flatMap(({ name, required }) => {
    const rule = nearest(rules, name);
    return rule ? [{ ...rule, name, required, live: nearest(liveForms, name) }] : [];
  });
  toRead.set(type, fields);
  return fields;
}

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
  keep(descriptions, target, field.name, field);
}

function keep<T>(kept: Map<object, Map<string, T>>, target: object, name: string, value: T): void {
  const fields = kept.get(target) ?? new Map<string, T>();
  fields.set(name, value);
  kept.set(target, fields);
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
  const notText = { code: 'INVALID_FORMAT', params: { format: TEXT } } as const;
  const tooLong = { code: 'TOO_LONG', params: { max } } as const;
  const misshapen = form && ({ code: 'INVALID_FORMAT', params: { format: form.expected } } as const);
  const rule: FieldRule = {
    normalise: (value) => toText(value, options),
    fault(value) {
      if (typeof value !== 'string') return notText;
      if (isLongerThan(value, max)) return tooLong;
      if (!isPlainText(value)) return notText;
      return form && !form.test(value) ? misshapen : undefined;
    },
  };
  return declare(options, { type: 'string', maxLength: max }, rule, [
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
  const notInteger = { code: 'INVALID_FORMAT', params: { format: INTEGER } } as const;
  const outOfRange = { code: 'OUT_OF_RANGE', params: { min, max } } as const;
  const rule: FieldRule = {
    normalise: toInteger,
    fault(value) {
      if (!Number.isInteger(value)) return notInteger;
      return (value as number) < min || (value as number) > max ? outOfRange : undefined;
    },
  };
  return declare(options, { type: 'integer', minimum: min, maximum: max }, rule, [
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
  const noneOf = { code: 'INVALID_FORMAT', params: { format } } as const;
  const tooLong = { code: 'TOO_LONG', params: { max } } as const;
  const rule: FieldRule = {
    normalise: (value) => toText(value),
    fault(value) {
      if (typeof value === 'string' && isLongerThan(value, max)) return tooLong;
      return typeof value === 'string' && values.includes(value) ? undefined : noneOf;
    },
  };
  return declare(options, { type: 'string', maxLength: max, values }, rule, [
    Transform(({ obj, key }) => toText(obj[key]), { toClassOnly: true }),
    IsString(failing('INVALID_FORMAT', { format })),
    check('maxCodePoints', (text) => codePoints(text) <= max, failing('TOO_LONG', { max })),
    IsIn(values, failing('INVALID_FORMAT', { format })),
  ]);
}

/** Yes or no: `true` or `false`, as a word or as JSON has it. */
export function Flag(options: Omit<FieldOptions, 'example'>): PropertyDecorator {
  const format = { ko: 'true, false', en: 'true, false' };
  const neither = { code: 'INVALID_FORMAT', params: { format } } as const;
  const rule: FieldRule = {
    normalise: toFlag,
    fault: (value) => (typeof value === 'boolean' ? undefined : neither),
  };
  return declare(options, { type: 'boolean' }, rule, [
    Transform(({ obj, key }) => toFlag(obj[key]), { toClassOnly: true }),
    IsBoolean(failing('INVALID_FORMAT', { format })),
  ]);
}

/** A check that holds in live mode only. */
export function LiveOnly(form: TextForm): PropertyDecorator {
  const decorate = check('live', (text) => form.test(text), {
    ...failing('INVALID_FORMAT', { format: form.expected }),
    groups: ['live' satisfies Mode],
  });
  return (target, property) => {
    decorate(target, property);
    keep(liveForms, target, String(property), form);
  };
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
  rule: FieldRule,
  checks: PropertyDecorator[],
): PropertyDecorator {
  const presence = options.optional ? IsOptional() : IsDefined(failing('REQUIRED'));
  return (target, property) => {
    for (const decorate of [Expose(), presence, ...checks]) decorate(target, property);
    keep(rules, target, String(property), rule);
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

/** Whether text has more than `max` code points; it has at most as many as its UTF-16 units. */
function isLongerThan(text: string, max: number): boolean {
  return text.length > max && codePoints(text) > max;
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
