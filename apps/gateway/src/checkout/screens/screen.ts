import type { CheckoutView, Language, PaymentMethodType } from '@oneq/contracts';
import { type Content, type Html, html } from '../../http/html';
import type { PageAddress } from '../address';
import { countdown, pieces, won } from '../format';
import type { Copy } from '../words';

/** What goes into `<main>`. */
export interface Screen {
  readonly heading: string;
  /** What went wrong with the payer's last step. */
  readonly alert?: string | null;
  readonly body: Html;
}

/** Where, for whom and in which language a screen is shown. */
export interface Place {
  readonly language: Language;
  readonly words: Copy;
  readonly address: PageAddress;
  /** Goes into every form that changes something. */
  readonly csrf: string;
}

/** Focus comes here when what had it is gone. */
export function title(heading: Content): Html {
  return html`<h1 id="heading" tabindex="-1">${heading}</h1>`;
}

/** The way back and the time that is left. */
export function topBar(place: Place, view: CheckoutView, back: string | null): Html {
  const { words } = place;
  return html`<div class="bar">
${back && html`<a class="back" href="${back}"><svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true"><path d="M15 5l-7 7 7 7" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>${words.back}</a>`}
${timeLeft(place, view)}
</div>`;
}

export function timeLeft({ language, words }: Place, view: CheckoutView): Html {
  const time = countdown(view.expires_at - view.now, language);
  return html`<p class="time-left"><span id="timer" role="timer" aria-live="off">${time}</span> ${words.left}</p>`;
}

/** It gets the focus, so that it is read first. */
export function alertBox(text: string | null | undefined): Html | null {
  return text ? html`<div class="alert" role="alert" tabindex="-1" autofocus>${text}</div>` : null;
}

/** A name as its owner writes it, whatever its direction and length. */
export function name(text: string): Html {
  return html`<bdi class="name">${text}</bdi>`;
}

/** A text, each of its sentences on a line of its own. */
export function sentences(text: string): Html[] {
  return text.split(/(?<=\.) /).map((sentence, index) => (index === 0 ? html`${sentence}` : html` <br>${sentence}`));
}

/** A list of what is what; what is not there has no row. */
export function facts(rows: ReadonlyArray<readonly [label: string, value: Content, className?: string] | null>): Html {
  const given = rows.filter((row) => row !== null);
  return html`<dl class="facts">${given.map(
    ([label, value, className]) => html`
<div${className ? html` class="${className}"` : null}><dt>${label}</dt><dd>${value}</dd></div>`,
  )}
</dl>`;
}

/** Shop and goods, as a phone shows them. */
export function shopAndGoods({ language, words }: Place, view: CheckoutView) {
  return [
    [words.labels.shop, name(view.merchant_name)],
    [
      words.labels.item,
      html`<span class="goods">${name(view.item_name)} <span class="count">· ${pieces(view.quantity, language)}</span></span>`,
    ],
  ] as const;
}

/** Shop and amount in one line, so that they are always in sight. */
export function summary({ language }: Place, view: CheckoutView): Html {
  return html`<p class="summary">${name(view.merchant_name)}<strong>${won(view.amount, language)}</strong></p>`;
}

export function methodName({ words }: Place, method: PaymentMethodType): string {
  return words.methods[method];
}

/** The linked account by its name and its last digits; those are read as such. */
export function account(
  { words }: Place,
  { bank_acct_alias, account_last4 }: { bank_acct_alias: string | null; account_last4: string },
): Html {
  return html`<span class="account">${bank_acct_alias && html`${name(bank_acct_alias)} `}<span aria-hidden="true">····${account_last4}</span><span class="visually-hidden">${words.accountEnding(account_last4)}</span></span>`;
}

export function hidden(fields: Readonly<Record<string, string | number | undefined>>): Html {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return html`${given.map(([key, value]) => html`<input type="hidden" name="${key}" value="${value}">`)}`;
}

/** What a screen offers, the first thing first. */
export function actions(...content: Content[]): Html {
  return html`<div class="actions">${content}</div>`;
}

export function primaryLink(text: string, url: string): Html {
  return html`<a class="button" href="${url}">${text}</a>`;
}

export function quietLink(text: string, url: string): Html {
  return html`<a class="quiet" href="${url}">${text}</a>`;
}

export function cancelLink({ words, address }: Place): Html {
  return quietLink(words.cancel, address.url({ step: 'cancel' }));
}
