import type { CheckoutPage, CheckoutRoute } from '@oneq/contracts';

const PATHS: Readonly<Record<CheckoutPage, string>> = { pc: '/pay/showQRCode', phone: '/pay/oneq/transfer' };

export type Query = Readonly<Record<string, string | number | undefined>>;

/** Where a page of ours is: everything that its links and forms carry on. */
export class PageAddress {
  constructor(
    readonly page: CheckoutPage,
    readonly token: string,
    readonly route: CheckoutRoute = 'direct',
  ) {}

  /** Fields of every link and form of this page, by name. */
  get fields(): Readonly<Record<string, string>> {
    return { token: this.token, ...(this.page === 'phone' && this.route === 'qr' && { via: 'qr' }) };
  }

  /** Path and query of this page, in the state that `query` asks for. */
  url(query: Query = {}): string {
    return address(PATHS[this.page], { ...this.fields, ...query });
  }

  /** What tells the page's script of changes: a stream of events. */
  get live(): string {
    return address('/pay/live', { page: this.page, ...this.fields });
  }

  /** The same to be asked for once. */
  get status(): string {
    return address('/pay/status', { page: this.page, ...this.fields });
  }
}

function address(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return `${path}?${given.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

/** Which page a request's address is of; what is not the PC's is a phone's. */
export function pageOf(url: string): CheckoutPage {
  return url.startsWith(PATHS.pc) ? 'pc' : 'phone';
}
