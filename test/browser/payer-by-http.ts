import { randomBytes } from 'node:crypto';
import type { BrowserContext } from 'playwright-core';
import type { Answer, Fields } from '../e2e/shop';
import { type CheckoutWorld, type Ordered, PASSWORD } from './checkout';

const FORM = '/pay/checkout';

/** What is agreed to before the password. */
export interface Agreed {
  readonly method?: 'MONEY' | '계좌';
  readonly topUp?: number;
}

/**
 * A payer without a browser, who brings a payment to where a test begins by the pages' own forms; a browser that is
 * given the cookie goes on from there.
 */
export class Payer {
  readonly cookie = randomBytes(16).toString('base64url');

  constructor(
    private readonly world: CheckoutWorld,
    private readonly via?: 'qr',
  ) {}

  /** Lets a browser be this payer's. */
  async lend(context: BrowserContext): Promise<void> {
    await context.addCookies([{ name: 'oneq_session', value: this.cookie, url: this.world.shop.url }]);
  }

  look(url: string, headers: Fields = {}): Promise<Answer> {
    return this.world.shop.get(url.replace(this.world.shop.url, ''), { ...this.cookies, ...headers });
  }

  /** Sends one of the pages' forms. */
  async send(form: 'begin' | 'cancel' | 'release' | 'password', url: string, fields: Fields = {}): Promise<Answer> {
    const csrf = /name="csrf" value="([\w-]+)"/.exec((await this.look(url)).text)?.[1] ?? '';
    const token = new URL(url).searchParams.get('token') ?? '';
    const via = this.via && { via: this.via };
    return this.world.shop.form(`${FORM}/${form}`, { csrf, token, ...via, ...fields }, this.cookies);
  }

  /** Presses 다음: this phone has the payment from now on. */
  async begin({ phoneUrl }: Ordered): Promise<void> {
    await this.send('begin', phoneUrl);
  }

  /** Address of the phone's page in the state that `query` asks for. */
  at({ phoneUrl }: Ordered, query: Fields = {}): string {
    return `${phoneUrl}&${new URLSearchParams({ ...(this.via && { via: this.via }), ...query })}`;
  }

  passwordUrl(ordered: Ordered, { method = 'MONEY', topUp = 0 }: Agreed = {}, more: Fields = {}): string {
    return this.at(ordered, {
      step: 'password',
      payment_method_type: method,
      top_up_amount: String(topUp),
      ...more,
    });
  }

  /** Enters a password on a new keypad. */
  async enter(ordered: Ordered, digits: string, agreed: Agreed = {}, first?: string): Promise<Answer> {
    const { text } = await this.look(this.passwordUrl(ordered, agreed, first ? { first } : {}));
    const dataOf = (name: string) => new RegExp(`data-${name}="([^"]*)"`).exec(text)?.[1] ?? '';
    const attempt = dataOf('attempt');
    const codes = this.world.codesOf(attempt, dataOf('purpose'));
    const keys = [...digits].map((digit) => codes[Number(digit)]).join('');
    const fields = JSON.parse(dataOf('fields').replaceAll('&quot;', '"')) as Fields;
    return this.world.shop.form(`${FORM}/password`, { ...fields, attempt, keys }, this.cookies);
  }

  /** Enters a new password for the first time. @returns the attempt, which the second time names */
  async enterFirst(ordered: Ordered): Promise<string> {
    return this.firstOf(await this.enter(ordered, PASSWORD));
  }

  /** Pays; a wallet without a password gets it. */
  async pay(ordered: Ordered, agreed: Agreed = {}): Promise<void> {
    await this.begin(ordered);
    let answer = await this.enter(ordered, PASSWORD, agreed);
    if (answer.body.outcome === 'repeat') {
      answer = await this.enter(ordered, PASSWORD, agreed, this.firstOf(answer));
    }
    if (answer.body.outcome !== 'authenticated') throw new Error(`not paid: ${answer.text}`);
  }

  private firstOf({ body }: Answer): string {
    return new URL(String(body.next), this.world.shop.url).searchParams.get('first') ?? '';
  }

  private get cookies(): Fields {
    return { cookie: `oneq_session=${this.cookie}` };
  }
}
