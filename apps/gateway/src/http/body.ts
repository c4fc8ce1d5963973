import { type FieldError, invalidParameter, OneQError, type RawFields } from '@oneq/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { visit } from 'jsonc-parser';

/** Largest request body, bytes. */
export const BODY_LIMIT_BYTES = 16_384;

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
/** Longest Content-Type that is read, characters. */
const CONTENT_TYPE_MAX = 256;
/**
 * A Content-Type (RFC 9110): media type, then parameters whose values may be quoted. Each character can be matched in
 * one way only, so that no text makes the match slow.
 */
const CONTENT_TYPE = /^([^\s;,"/]+\/[^\s;,"/]+)((?:\s*;\s*[^\s;=",]+=(?:"(?:[^"\\]|\\.)*"|[^\s;",]+))*)\s*;?$/;
const PARAMETER = /;\s*([^\s;=",]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;",]+))/g;
/** Names worth repeating to the caller; anything else that was sent as a name is not echoed. */
const NAME = /^[A-Za-z0-9_]{1,40}$/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads form and JSON bodies into {@link RawFields}. */
export function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  const reader = (read: (body: Buffer) => RawFields) => async (_request: FastifyRequest, body: Buffer) => read(body);
  server.addContentTypeParser(FORM, { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES }, reader(readForm));
  server.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES }, reader(readJson));
}

/**
 * A body must be form or JSON in UTF-8, not compressed.
 * @throws {OneQError} UNSUPPORTED_MEDIA_TYPE
 */
export function requireReadableType(request: FastifyRequest): void {
  const { headers } = request;
  const length = headers['content-length'];
  const type = headers['content-type'];
  if (headers['transfer-encoding'] === undefined && (length === undefined || length === '0') && type === undefined) {
    return; // no body at all: its missing fields are told one by one
  }
  const plain =
    (headers['content-encoding'] ?? 'identity').trim().toLowerCase() === 'identity' &&
    (headers['transfer-encoding'] ?? 'chunked').trim().toLowerCase() === 'chunked';
  if (!plain || !isReadableType(type?.trim() ?? '')) throw new OneQError('UNSUPPORTED_MEDIA_TYPE');
}

function isReadableType(type: string): boolean {
  if (type.length > CONTENT_TYPE_MAX) return false;
  const [, mediaType = '', parameters = ''] = CONTENT_TYPE.exec(type) ?? [];
  const charsets = [...parameters.matchAll(PARAMETER)]
    .filter(([, name]) => name?.toLowerCase() === 'charset')
    .map(([, , quoted, token]) => (quoted ?? token ?? '').toLowerCase());
  return (
    [FORM, JSON_TYPE].includes(mediaType.toLowerCase()) &&
    charsets.every((charset) => charset === 'utf-8' || charset === 'utf8')
  );
}

/**
 * The fields of a form (WHATWG URL, application/x-www-form-urlencoded), read strictly: what the standard would repair
 * is refused, because a repaired amount or order number is another one.
 * @throws {OneQError} INVALID_PARAMETER for broken percent-encoding and bytes that are not UTF-8
 */
export function readForm(body: Buffer): RawFields {
  return formFields(body.toString('latin1'));
}

const queries = new WeakMap<object, () => RawFields>();

/** What a page sees of a query: the value of each name, a list where it came twice. {@link queryFields} tells what is wrong. */
export function readQuery(text: string): Record<string, unknown> {
  if (text === '') return Object.create(null);
  const parameters = new URLSearchParams(text);
  const query: Record<string, unknown> = Object.create(null);
  for (const name of parameters.keys()) {
    const values = parameters.getAll(name);
    query[name] = values.length > 1 ? values : values[0];
  }
  queries.set(query, () => formFields(text));
  return query;
}

/**
 * The fields of a query, read as strictly as a form's.
 * @throws {OneQError} INVALID_PARAMETER for broken percent-encoding and bytes that are not UTF-8
 */
export function queryFields(query: object): RawFields {
  return queries.get(query)?.() ?? { values: {}, duplicated: [] };
}

/** @param text form text, one character a byte */
function formFields(text: string): RawFields {
  const pairs: Array<readonly [string, unknown]> = [];
  const faults: FieldError[] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decodeFormText(equals < 0 ? pair : pair.slice(0, equals));
    const value = decodeFormText(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === null || value === null) faults.push(undecodable(name));
    else pairs.push([name, value]);
  }
  if (faults.length > 0) throw invalidParameter(...faults);
  return collect(pairs);
}

/**
 * The fields of a JSON object.
 * @throws {OneQError} INVALID_PARAMETER when the body is not UTF-8, not JSON, or not an object
 */
export function readJson(body: Buffer): RawFields {
  if (body.length === 0) return collect([]);
  const names: string[] = [];
  let parsed: unknown;
  try {
    const text = utf8.decode(body);
    parsed = JSON.parse(text);
    // JSON.parse keeps the last of several equal names without a word, so names are read by a second look.
    visit(text, {
      onObjectProperty: (name, _offset, _length, _line, _column, path) => {
        if (path().length === 0) names.push(name);
      },
    });
  } catch {
    throw invalidParameter(notJson);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalidParameter(notJson);
  const object = parsed;
  return collect(names.map((name) => [name, flat(Object.getOwnPropertyDescriptor(object, name)?.value)]));
}

/** No field takes an object or a list, so what one holds, and how deep, matters to nobody. */
function flat(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? {} : value;
}

const notJson: FieldError = {
  field: '',
  code: 'INVALID_FORMAT',
  params: { format: { ko: 'UTF-8로 인코딩된 JSON 객체', en: 'a JSON object in UTF-8' } },
};

function undecodable(name: string | null): FieldError {
  const format = { ko: '퍼센트 인코딩된 UTF-8', en: 'percent-encoded UTF-8' };
  return { field: name === null ? '' : printable(name), code: 'INVALID_FORMAT', params: { format } };
}

/** One value a name; no name reaches an object's prototype. */
function collect(pairs: ReadonlyArray<readonly [string, unknown]>): RawFields {
  const values: Record<string, unknown> = Object.create(null);
  const duplicated = new Set<string>();
  for (const [name, value] of pairs) {
    if (name in values) duplicated.add(printable(name));
    else values[name] = value;
  }
  return { values, duplicated: [...duplicated] };
}

function printable(name: string): string {
  return NAME.test(name) ? name : '';
}

/** What form text has that does not stand for itself. */
const ENCODED = /[%+\u0080-\uffff]/;

/** @param text form text, one character a byte; null when it is not percent-encoded UTF-8 */
function decodeFormText(text: string): string | null {
  if (!ENCODED.test(text)) return text;
  const bytes = Buffer.allocUnsafe(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charAt(i);
    if (character === '%') {
      const hex = text.slice(i + 1, i + 3);
      if (!/^[0-9A-Fa-f]{2}$/.test(hex)) return null;
      length = bytes.writeUInt8(Number.parseInt(hex, 16), length);
      i += 2;
    } else {
      length = bytes.writeUInt8(character === '+' ? 0x20 : character.charCodeAt(0), length);
    }
  }
  try {
    return utf8.decode(bytes.subarray(0, length));
  } catch {
    return null;
  }
}
