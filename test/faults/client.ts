import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export type Fields = Readonly<Record<string, string>>;

export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** ms from sending to the last byte. */
  readonly ms: number;
}

/** No answer came: nobody knows what happened. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    message: string,
    /** Whether the other side can have got the request. */
    readonly taken: boolean,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 10_000;
const SETTLE_MS = 60_000;

/** A merchant's program: sends forms, and sends them again until it knows. */
export class MerchantClient {
  /** Requests sent more than once, because their outcome was unknown or nobody could answer. */
  resent = 0;
  private readonly agent = new Agent({ keepAlive: true });

  /** @param url the gateway, or what stands before it */
  constructor(
    private readonly url: string,
    private readonly headers: Fields = {},
  ) {}

  /** @throws {NoAnswer} */
  post(path: string, fields: Fields = {}, headers: Fields = {}): Promise<Reply> {
    return this.send('POST', path, new URLSearchParams(fields).toString(), headers);
  }

  get(path: string): Promise<Reply> {
    return this.send('GET', path, undefined, {});
  }

  /**
   * What becomes of a request that is sent again, unchanged, until it is settled: by a 2xx, or a refusal that is final.
   * @throws {Error} when it is not settled within a minute
   */
  async settled(path: string, fields: Fields = {}, headers: Fields = {}): Promise<Reply> {
    const end = Date.now() + SETTLE_MS;
    for (;;) {
      const reply = await this.post(path, fields, headers).catch((error: unknown) => {
        if (error instanceof NoAnswer) return undefined;
        throw error;
      });
      if (reply && isSettled(reply)) return reply;
      if (Date.now() > end) throw new Error(`${path} was not settled in a minute: ${reply?.text ?? 'no answer'}`);
      this.resent += 1;
      await delay(50 + Math.random() * 150);
    }
  }

  /**
   * As {@link post}, but what was never taken is sent again: where nobody listened, and where the other side closed an
   * idle connection at the very moment, which every HTTP client has to do.
   * @throws {NoAnswer}
   */
  async delivered(path: string, fields: Fields = {}): Promise<Reply> {
    for (const end = Date.now() + SETTLE_MS; ; await delay(20)) {
      try {
        return await this.post(path, fields);
      } catch (error) {
        if (!(error instanceof NoAnswer) || error.taken || Date.now() > end) throw error;
      }
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private send(method: string, path: string, body: string | undefined, headers: Fields): Promise<Reply> {
    const type = { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' };
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      const sent = request(this.url + path, {
        method,
        agent: this.agent,
        headers: { ...(body !== undefined && type), ...this.headers, ...headers },
      });
      const lost = (why: string, taken = true) => reject(new NoAnswer(`${method} ${path}: ${why}`, taken));
      const timer = setTimeout(() => sent.destroy(new Error('time-out')), TIMEOUT_MS);
      sent.on('error', (error) => {
        clearTimeout(timer);
        const refused = 'code' in error && error.code === 'ECONNREFUSED';
        lost(error.message, !refused && !sent.reusedSocket);
      });
      sent.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('aborted', () => lost('cut off'));
        response.on('end', () => {
          clearTimeout(timer);
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            text,
            body: parsed(text),
            headers: response.headers,
            ms: performance.now() - begun,
          });
        });
      });
      sent.end(body);
    });
  }
}

function isSettled({ status, body }: Reply): boolean {
  return status < 300 || ([400, 404, 409].includes(status) && body.outcome === 'final');
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Runs `work` for 0 to `count` - 1, so many at a time. After a failure none is begun any more, and those under way end first. */
export async function inParallel(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (next < count && failures.length === 0) {
      const i = next;
      next += 1;
      await work(i).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  if (failures.length > 0) throw failures[0];
}
