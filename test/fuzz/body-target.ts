import 'reflect-metadata';
import * as contracts from '@oneq/contracts';
import { fieldsOf, type MessageClass, type Mode, OneQError, parse, type RawFields } from '@oneq/contracts';
import { CancelForm, CheckoutForm, PasswordForm } from '../../apps/gateway/src/checkout/requests';
import { readForm, readJson } from '../../apps/gateway/src/http/body';
import { parseByDecorators } from './parse-reference';

/** Every class that a body or a message between the services is parsed as. */
export const REQUESTS: ReadonlyArray<MessageClass<object>> = [
  ...Object.values(contracts)
    .filter(
      (value): value is MessageClass<object> =>
        typeof value === 'function' && /(Request|Command|Query)$/.test(value.name),
    )
    .filter((type) => fieldsOf(type).length > 0),
  CheckoutForm,
  CancelForm,
  PasswordForm,
];

/** Longest time to read and parse a body, CPU ms. */
const PARSE_MAX_MS = 50;
/** What is slow by its body is slow each time; what a busy machine or a collection of garbage made slow is not. */
const TRIES = 5;

/**
 * The first byte chooses a request class and a mode, the rest is a body of it: it is read as a form and as JSON. A
 * coverage-guided fuzzer can call this as it is: whatever it throws is a bug. A body is taken or refused with a 4xx; what
 * is taken holds declared fields alone, and written again, as a form or as JSON, it is taken as the same.
 * @returns how often it was taken
 */
export function fuzzBody(data: Buffer): number {
  const [choice = 0] = data;
  const type = REQUESTS[choice % REQUESTS.length];
  if (!type) throw new Error('there are request classes');
  const mode = choice < 2 * REQUESTS.length ? 'sandbox' : 'live';
  let taken = 0;
  for (const read of [readForm, readJson]) {
    const raw = attempted(() => read(data.subarray(1)));
    if (!raw) continue;
    // A message redeclares what a request leaves open, which class-validator does not know of.
    if (/(Request|Form)$/.test(type.name)) requireAsDecorated(type, raw, mode);
    const parsed = answered(() => parse(type, raw, mode));
    if (!parsed) continue;
    taken += 1;
    requireDeclared(type, parsed);
    requireSame(parsed, parse(type, readJson(Buffer.from(JSON.stringify(parsed))), mode));
    requireSame(parsed, parse(type, readForm(Buffer.from(formOf(parsed))), mode));
  }
  return taken;
}

/** undefined when it is refused. @throws what is no refusal, or comes too late each time */
function answered<T extends object>(work: () => T): T | undefined {
  for (let attempt = 1; ; attempt += 1) {
    const started = process.cpuUsage();
    const result = attempted(work);
    const { user, system } = process.cpuUsage(started);
    const ms = (user + system) / 1_000;
    if (ms <= PARSE_MAX_MS) return result;
    if (attempt === TRIES) throw new Error(`read for ${ms} ms, and no faster ${TRIES} times`);
  }
}

function attempted<T extends object>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OneQError) || error.definition.status >= 500) throw error;
    return undefined;
  }
}

/** What is taken, what is refused, and why, is what class-transformer and class-validator make of the decorators. */
function requireAsDecorated(type: MessageClass<object>, raw: RawFields, mode: Mode): void {
  const outcome = (read: typeof parse) => {
    try {
      return JSON.stringify({ taken: read(type, raw, mode) });
    } catch (error) {
      if (!(error instanceof OneQError)) throw error;
      const errors = [...(error.extras.errors ?? [])].sort((a, b) => (a.field < b.field ? -1 : 1));
      return JSON.stringify({ code: error.code, errors });
    }
  };
  const [ours, decorated] = [outcome(parse), outcome(parseByDecorators)];
  if (ours !== decorated) throw new Error(`${type.name} is read otherwise than decorated: ${ours} ${decorated}`);
}

function requireDeclared(type: MessageClass<object>, parsed: object): void {
  const declared = new Map(fieldsOf(type).map((field) => [field.name, field.type]));
  if (Object.getPrototypeOf(parsed) !== type.prototype) throw new Error(`no ${type.name} came of it`);
  for (const [name, value] of Object.entries(parsed)) {
    const expected = declared.get(name) === 'integer' ? 'number' : declared.get(name);
    if (value !== undefined && typeof value !== expected)
      throw new Error(`${type.name} holds ${name}, a ${typeof value}`);
  }
}

function requireSame(one: object, other: object): void {
  const values = (object: object) => Object.entries(object).filter(([, value]) => value !== undefined);
  const [a, b] = [values(one), values(other)];
  if (a.length !== b.length || !a.every(([name, value], i) => name === b[i]?.[0] && Object.is(value, b[i]?.[1]))) {
    throw new Error(`written again it is another: ${JSON.stringify(one)} ${JSON.stringify(other)}`);
  }
}

function formOf(parsed: object): string {
  const present = Object.entries(parsed).filter(([, value]) => value !== undefined);
  return new URLSearchParams(Object.fromEntries(present.map(([name, value]) => [name, String(value)]))).toString();
}
