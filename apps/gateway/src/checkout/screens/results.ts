/** How a payment ended, and where the payer's money is. */
import type { CheckoutView } from '@oneq/contracts';
import { type Html, html } from '../../http/html';
import type { Choice } from '../choose-screen';
import { clock, dateAndTime, won } from '../format';
import { type Drawing, illustration } from './illustrations';
import {
  actions,
  cancelLink,
  facts,
  methodName,
  type Place,
  primaryLink,
  type Screen,
  sentences,
  shopAndGoods,
  timeLeft,
  title,
} from './screen';

export type ResultChoice = Exclude<
  Choice,
  {
    screen:
      | 'qr'
      | 'qr-paying'
      | 'intro'
      | 'cancel'
      | 'elsewhere'
      | 'method'
      | 'top-up'
      | 'review'
      | 'password'
      | 'locked';
  }
>;

/** Where the payer goes on, signed; null when this browser is not the one to go there. */
type ShopUrl = string | null;

export function result(view: CheckoutView, place: Place, choice: ResultChoice, shopUrl: ShopUrl): Screen {
  const { words } = place;
  switch (choice.screen) {
    case 'confirmed': {
      const text = shopUrl ? words.confirmed.returning : words.confirmed.elsewhere;
      return ending(view, place, 'check', words.confirmed.heading, [text], shopUrl, words.confirmed.goNow);
    }
    case 'continue-on-pc':
      return ending(view, place, 'computer', words.confirmed.heading, [words.confirmed.onPc], null);
    case 'pc-gone':
      return ending(
        view,
        place,
        'phone',
        words.confirmed.heading,
        [words.confirmed.pcGone],
        shopUrl,
        words.confirmed.goOnHere,
      );
    case 'complete': {
      const onPc = place.address.page === 'phone' && place.address.route === 'qr';
      return paid(view, place, words.complete.heading, onPc ? words.confirmed.onPc : null, onPc ? null : shopUrl);
    }
    case 'already-paid': {
      const partly = view.status === 'PARTIALLY_CANCELLED' ? words.alreadyPaid.partlyCancelled : null;
      return paid(view, place, words.alreadyPaid.heading, partly, shopUrl);
    }
    case 'cancelled': {
      const heading = choice.elsewhere ? words.cancelled.elsewhere : words.cancelled.heading;
      return ending(view, place, 'pause', heading, [cancelledText(view, place)], shopUrl);
    }
    case 'failed':
      return ending(view, place, 'pause', words.failed.heading, notPaid(view, place, words.failed.again), shopUrl);
    case 'expired':
      return ending(view, place, 'clock', words.expired.heading, notPaid(view, place, words.expired.again), shopUrl);
  }
}

/** Five wrong passwords: of this payment, which has failed then, or of another one of the same wallet. */
export function locked(view: CheckoutView, place: Place, until: number, shopUrl: ShopUrl): Screen {
  const { words, language, address } = place;
  const minute = 60_000;
  // The minute is rounded up, so that paying works when the clock shows it.
  const heading = words.locked.heading(clock(Math.ceil(until / minute) * minute, language));
  const texts = [words.locked.text, words.notCharged];
  if (view.status !== 'READY') return ending(view, place, 'lock', heading, texts, shopUrl);
  return {
    heading,
    body: html`<div class="result quiet-tone">${illustration('lock')}${title(heading)}${leads(texts)}</div>
${timeLeft(place, view)}
${actions(primaryLink(words.checkAgain, address.url()), cancelLink(place))}`,
  };
}

/** After an authentication only the shop can have ended it. */
function notPaid(view: CheckoutView, { words }: Place, again: string): readonly string[] {
  return view.authenticated_at === null ? [words.notCharged, again] : [words.failed.byShop, words.notCharged];
}

/** A full refund ends in the same state as a payment that never was. */
function cancelledText(view: CheckoutView, place: Place): string {
  const { words, language } = place;
  if (view.approved_at === null) return words.notCharged;
  return isShown(view, place) ? words.cancelled.refunded(won(view.amount, language)) : words.cancelled.allRefunded;
}

function paid(view: CheckoutView, place: Place, heading: string, text: string | null, shopUrl: ShopUrl): Screen {
  const { language, words } = place;
  const { amount, cancelled_amount, payment_method_type, approved_at } = view;
  return {
    heading,
    body: html`<div class="result ok-tone">${illustration('check')}${title(heading)}
${isShown(view, place) && html`<p class="amount">${won(amount - cancelled_amount, language)}</p>`}
${text && leads([text])}</div>
${
  isShown(view, place) &&
  facts([
    ...shopAndGoods(place, view),
    cancelled_amount > 0 ? [words.labels.paid, won(amount, language)] : null,
    cancelled_amount > 0 ? [words.labels.cancelled, won(cancelled_amount, language)] : null,
    payment_method_type && [words.labels.method, methodName(place, payment_method_type)],
    approved_at !== null ? [words.labels.time, dateAndTime(approved_at, language)] : null,
    [words.labels.number, view.tid],
  ])
}
${shopUrl && actions(primaryLink(words.toOrder, shopUrl))}`,
  };
}

function ending(
  view: CheckoutView,
  place: Place,
  drawing: Drawing,
  heading: string,
  texts: readonly string[],
  shopUrl: ShopUrl,
  toShop = place.words.toOrder,
): Screen {
  const { words, language } = place;
  const good = view.status === 'AUTHENTICATED';
  return {
    heading,
    body: html`<div class="result ${good ? 'ok-tone' : 'quiet-tone'}">${illustration(drawing)}${title(heading)}
${good && isShown(view, place) && html`<p class="amount">${won(view.amount, language)}</p>`}
${leads(texts)}</div>
${actions(
  shopUrl && primaryLink(toShop, shopUrl),
  isShown(view, place) && html`<p class="number">${words.labels.number} ${view.tid}</p>`,
)}`,
  };
}

function leads(texts: readonly string[]): Html[] {
  return texts.map((text) => html`<p class="lead">${sentences(text)}</p>`);
}

/** A phone that another one was chosen over is told no shop, goods or amount. */
function isShown(view: CheckoutView, { address }: Place): boolean {
  return address.page === 'pc' || view.bound !== 'other';
}
