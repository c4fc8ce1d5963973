import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { addressesOf, ForbiddenTarget, type Resolve } from './target';

/** Most of an answer that is read, bytes. */
const READ_MAX = 64 * 1024;
/** Most of an answer that is kept, bytes. */
const KEPT_MAX = 1024;

/** What came of one attempt. */
export interface Outcome {
  /** null when there was no answer. */
  readonly http_status: number | null;
  readonly duration_ms: number;
  /** The beginning of the answer, or why there was none. */
  readonly response: string;
}

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether the URL may lead into a private network. */
  readonly privateAllowed: boolean;
  /** For all of it, name resolution included, ms. */
  readonly timeoutMs: number;
}

/**
 * Posts to an address that a stranger chose. It goes to no private network, follows no redirect, reads little, and never
 * takes longer than it may. Whatever happens is an outcome; this never rejects.
 */
export async function post(
  { url, headers, body, privateAllowed, timeoutMs }: Post,
  resolve: Resolve,
): Promise<Outcome> {
  const started = performance.now();
  const signal = AbortSignal.timeout(timeoutMs);
  const outcome = (http_status: number | null, response: string): Outcome => ({
    http_status,
    duration_ms: Math.round(performance.now() - started),
    response,
  });
  try {
    const target = new URL(url);
    const addresses = await addressesOf(target, privateAllowed, resolve, signal);
    const answer = await answerOf(
      (target.protocol === 'https:' ? httpsRequest : httpRequest)(target, {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        lookup: pinnedTo(addresses),
        signal,
      }),
      body,
    );
    return outcome(answer.statusCode ?? null, readable(await beginningOf(answer)));
  } catch (error) {
    return outcome(null, reasonOf(error));
  }
}

/** Gives the connection the addresses that were checked, whatever the name leads to by now. */
function pinnedTo(addresses: ReadonlyArray<{ address: string; family: number }>): LookupFunction {
  return (_hostname, { all }, found) => {
    const [first] = addresses;
    if (!first) found(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '');
    else if (all) found(null, [...addresses]);
    else found(null, first.address, first.family);
  };
}

function answerOf(request: ClientRequest, body: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    // Also after the answer has come, so that a connection that breaks late ends nothing else.
    request.on('error', reject);
    request.end(body);
  });
}

/** What an answer begins with; that it breaks off or never ends does not matter, for its status has come. */
async function beginningOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of answer) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= READ_MAX) break;
    }
  } catch {
    // its beginning will do
  }
  answer.destroy();
  return Buffer.concat(chunks).subarray(0, KEPT_MAX);
}

/** Text that harms neither a log nor a screen nor the database. */
function readable(bytes: Buffer): string {
  // A character that the cut has broken is left out.
  const text = new TextDecoder().decode(bytes, { stream: true });
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, ' ').trim();
}

const REASONS: ReadonlyArray<[RegExp, string]> = [
  [/^(ENOTFOUND|ENODATA|EAI_.*|ESERVFAIL|EREFUSED|ETIMEOUT|ECANCELLED|EBADNAME|ENONAME)$/, 'host name not resolved'],
  [/^ECONNREFUSED$/, 'connection refused'],
  [/^(ECONNRESET|EPIPE)$/, 'connection broken'],
  [/^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)$/, 'host not reachable'],
  [/^(ERR_TLS_.*|.*CERT.*|EPROTO|ERR_SSL_.*|UNABLE_TO_.*|SELF_SIGNED_.*|HOSTNAME_MISMATCH)$/, 'TLS failed'],
  [/^HPE_.*$/, 'not an HTTP answer'],
];

/** In a few words of ours: an error's own message would tell addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenTarget) return 'address not allowed';
  const { name, code } = error as { name?: string; code?: unknown };
  if (name === 'TimeoutError' || code === 'ABORT_ERR') return 'timed out';
  return REASONS.find(([pattern]) => pattern.test(String(code)))?.[1] ?? 'connection failed';
}
