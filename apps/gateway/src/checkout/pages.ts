import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { CheckoutPage, Language } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';
import { pathOf } from '../http/routes';
import { PageAddress } from './address';
import { Assets } from './assets';
import type { ScreenName } from './choose-screen';
import { frame, type MainData } from './frame';
import { languageOf, OTHER_LANGUAGE } from './language';
import { forbidden, notFound, trouble } from './screens/refusals';
import type { Screen } from './screens/screen';
import { askedOf, hereAgain } from './visit';
import { WORDS } from './words';

export interface Page {
  readonly status: number;
  readonly page: CheckoutPage;
  readonly name: ScreenName;
  readonly screen: Screen;
  readonly data: MainData;
  /** What has been told of the payment while nobody looked. */
  readonly told?: string;
}

const NONCE_BYTES = 16;
/** Seconds until the trouble page tries again, as it says. */
const RETRY_SECONDS = 5;

/** Sends pages, each with the headers that keep it to itself. */
@Injectable()
export class Pages {
  constructor(
    private readonly assets: Assets,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /** Remembers a language that the address asks for. */
  languageOf(request: FastifyRequest, reply: FastifyReply): Language {
    const { lang } = request.query as { lang?: unknown };
    const secure = this.config.PUBLIC_URL.startsWith('https:');
    return languageOf(request, typeof lang === 'string' ? lang : undefined, reply, secure);
  }

  /** @param self address of the page; the request's own, unless it was a form */
  send(request: FastifyRequest, reply: FastifyReply, language: Language, page: Page, self = request.url): void {
    const nonce = randomBytes(NONCE_BYTES).toString('base64');
    const { status, ...shown } = page;
    const html = frame({
      ...shown,
      language,
      switchUrl: inOtherLanguage(self, language),
      sandbox: this.config.MODE === 'sandbox',
      nonce,
      asset: (name) => this.assets.url(name),
    });
    reply.status(status).headers(headersOf(nonce)).header('content-language', language).send(html);
  }

  /** The payment service cannot be asked. */
  sendTrouble(request: FastifyRequest, reply: FastifyReply, page: CheckoutPage): void {
    const language = this.languageOf(request, reply);
    const asked = askedOf(page, request);
    const url = hereAgain(new PageAddress(page, asked.token, asked.visit.route), asked);
    const screen = trouble(WORDS[language], url);
    reply.header('retry-after', RETRY_SECONDS);
    this.send(request, reply, language, { status: 503, page, name: 'trouble', screen, data: { url } });
  }

  /** The address opens nothing. */
  sendNotFound(request: FastifyRequest, reply: FastifyReply, page: CheckoutPage): void {
    const language = this.languageOf(request, reply);
    const screen = notFound(WORDS[language]);
    this.send(request, reply, language, { status: 404, page, name: 'not-found', screen, data: {} });
  }

  /** A form that none of this browser's own pages sent. @param from the page that it would have been on */
  sendForbidden(request: FastifyRequest, reply: FastifyReply, from: PageAddress): void {
    const language = this.languageOf(request, reply);
    const { page } = from;
    const screen = forbidden(WORDS[language], from.url());
    this.send(request, reply, language, { status: 403, page, name: 'forbidden', screen, data: {} }, from.url());
  }
}

/** The same address, asking for the other language. */
function inOtherLanguage(url: string, language: Language): string {
  const query = new URLSearchParams(url.split('?')[1]);
  query.set('lang', OTHER_LANGUAGE[language]);
  return `${pathOf(url)}?${query}`;
}

function headersOf(nonce: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    vary: 'Accept-Language, Cookie',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    // The shop's window keeps its hold on this one, so that it sees when the payer comes back.
    'cross-origin-opener-policy': 'unsafe-none',
    'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()',
    // A script that the nonce lets run brings its own imports along.
    'content-security-policy': [
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      "style-src 'self'",
      "font-src 'self'",
      "img-src 'self' data:",
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  };
}
