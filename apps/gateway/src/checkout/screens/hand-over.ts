/** The PC's page while the payment waits: the QR code, and what becomes of it when a phone has begun. */
import type { CheckoutView } from '@oneq/contracts';
import { type Html, html } from '../../http/html';
import { PageAddress } from '../address';
import { pieces, won } from '../format';
import { illustration } from './illustrations';
import {
  actions,
  cancelLink,
  facts,
  hidden,
  name,
  type Place,
  primaryLink,
  type Screen,
  timeLeft,
  title,
} from './screen';

/** @param code the code's picture @param unreachable the code holds an address that only this computer knows */
export function qr(view: CheckoutView, place: Place, code: Html | null, unreachable: boolean): Screen {
  const { words, address } = place;
  return {
    heading: words.qr.heading,
    body: html`${title(words.qr.heading)}
<p class="lead">${words.qr.text}</p>
<div class="hand-over">
<div class="qr">${code}</div>
${order(view, place)}
</div>
${timeLeft(place, view)}
${unreachable && html`<p class="hint">${words.qr.loopback}</p>`}
<noscript><div class="hint"><p>${words.qr.finished}</p><a class="button secondary" href="${address.url()}">${words.qr.checkStatus}</a></div></noscript>
${actions(payHere(words.qr.here, view), cancelLink(place))}`,
  };
}

/** Somebody pays: on the phone that took the code, or in another window of this very browser. */
export function qrPaying(view: CheckoutView, place: Place): Screen {
  const { words, address, csrf } = place;
  const here = view.bound === 'you' && view.via === 'direct';
  const heading = here ? words.qrPaying.headingHere : words.qrPaying.heading;
  return {
    heading,
    body: html`${title(heading)}
<p class="lead">${here ? words.qrPaying.textHere : words.qrPaying.text}</p>
<div class="hand-over">
<div class="qr paying">${illustration(here ? 'computer' : 'phone')}</div>
${order(view, place)}
</div>
${timeLeft(place, view)}
${actions(
  here && payHere(words.qrPaying.goOn, view),
  html`<form method="post" action="/pay/checkout/release">${hidden({ token: address.token, csrf })}<button class="button secondary">${words.qrPaying.showAgain}</button></form>`,
  cancelLink(place),
)}`,
  };
}

function order(view: CheckoutView, { language, words }: Place): Html {
  return facts([
    [words.labels.shop, name(view.merchant_name)],
    [words.labels.item, name(view.item_name)],
    [words.labels.quantity, pieces(view.quantity, language)],
    [words.labels.amount, won(view.amount, language), 'total'],
  ]);
}

function payHere(text: string, view: CheckoutView): Html | null {
  return view.phone_token === null ? null : primaryLink(text, new PageAddress('phone', view.phone_token).url());
}
