/** A payer without a browser: what the pages' forms and scripts send, over plain HTTP. For tests and benchmarks. */
import { Agent, get } from 'node:http';

/** What a page's stream says of its payment. */
export interface LiveState {
  readonly phase: string;
  readonly redirect_url: string | null;
}

/** What the password's form answers. */
export interface Entered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

/** One browser with its cookies. */
export class Payer {
  private readonly cookies = new Map<string, string>();

  /**
   * @param gateway its URL, under which the pages' own addresses are reached
   * @param headers sent with every request
   */
  constructor(
    private readonly gateway: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  /** A page, with the cookies that this browser has. */
  async open(url: string): Promise<{ status: number; html: string }> {
    const response = await this.send(url, {});
    return { status: response.status, html: await response.text() };
  }

  /** Sends the form of a page; answers where it leads. */
  async post(path: string, fields: Record<string, string>): Promise<Response> {
    return this.send(this.gateway + path, {
      method: 'POST',
      headers: { 'content-type': FORM },
      body: new URLSearchParams(fields).toString(),
    });
  }

  /** 다음: this phone pays. @param url android_app_scheme, with `&via=qr` as the QR code has it */
  async begin(url: string): Promise<void> {
    const { html } = await this.open(url);
    const { searchParams } = new URL(url);
    await this.post('/pay/checkout/begin', {
      token: searchParams.get('token') ?? '',
      via: searchParams.get('via') ?? 'direct',
      csrf: hiddenField(html, 'csrf'),
    });
  }

  /** Enters the password in the field to type in, twice if it is a new one. */
  async enter(url: string, digits: string, choice: Record<string, string> = {}): Promise<Entered> {
    const { html } = await this.open(keypadUrl(url, choice));
    const answer = await this.submit(html, digits);
    if (answer.body.outcome !== 'repeat') return answer;
    return this.enter(url, digits, { ...choice, first: attribute(html, 'attempt') });
  }

  /** Submits the password with the keypad that a page holds. */
  async submit(html: string, digits: string): Promise<Entered> {
    const codes = attribute(html, 'codes').split(' ');
    const fields = JSON.parse(attribute(html, 'fields')) as Record<string, string | number>;
    const response = await this.post('/pay/checkout/password', {
      ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
      attempt: attribute(html, 'attempt'),
      keys: [...digits].map((digit) => codes[Number(digit)]).join(''),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  private async send(url: string, init: RequestInit): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      redirect: 'manual',
      ...init,
      headers: { ...this.headers, ...init.headers, cookie },
    });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }
}

/** Each stream has a connection of its own, as each browser has. */
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });

/** An open live page. @param url the page's own address */
export async function follow(url: string, hear: (state: LiveState) => void): Promise<{ close(): void }> {
  const page = new URL(url);
  const kind = page.pathname.endsWith('showQRCode') ? 'pc' : 'phone';
  const request = get(new URL(`/pay/live${page.search}&page=${kind}`, page), { agent });
  await new Promise<void>((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`the stream was refused with ${response.statusCode}`));
        return;
      }
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const messages = (text + chunk).split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) {
          const data = /^data: (\{.+\})$/m.exec(message)?.[1];
          if (data && !message.includes('event:')) hear(JSON.parse(data));
        }
        resolve();
      });
      response.once('error', () => {}); // closed by us
    });
  });
  return { close: () => request.destroy() };
}

function keypadUrl(url: string, choice: Record<string, string>): string {
  const address = new URL(url);
  const asked = { step: 'password', payment_method_type: 'MONEY', top_up_amount: '0', mode: 'type', ...choice };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  return address.toString();
}

/** A `data-` attribute of the keypad's form. @throws {Error} when the page has no such keypad */
function attribute(html: string, name: string): string {
  const value = new RegExp(`<form id="password"[^>]* data-${name}="([^"]*)"`).exec(html)?.[1];
  if (value === undefined) throw new Error('this page has no keypad to type on');
  return value.replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

function hiddenField(html: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(html)?.[1] ?? '';
}
