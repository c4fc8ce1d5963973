import type { CheckoutView } from '@oneq/contracts';
import { html } from '../../http/html';
import { won } from '../format';
import {
  actions,
  cancelLink,
  facts,
  hidden,
  type Place,
  primaryLink,
  type Screen,
  shopAndGoods,
  timeLeft,
  title,
} from './screen';

/** Is this mine? Only 다음 binds the payment to this phone; links are opened before people do. */
export function intro(view: CheckoutView, place: Place): Screen {
  const { language, words, address, csrf } = place;
  const heading = words.intro.heading(won(view.amount, language));
  return {
    heading,
    body: html`${title(heading)}
<p class="lead">${words.intro.text}</p>
${facts([...shopAndGoods(place, view), [words.labels.amount, won(view.amount, language), 'total']])}
${timeLeft(place, view)}
${actions(
  html`<form method="post" action="/pay/checkout/begin">${hidden({ ...address.fields, csrf })}<button class="button">${words.next}</button></form>`,
  cancelLink(place),
)}`,
  };
}

/** No slips: a page, so that it works without script. */
export function stop(view: CheckoutView, place: Place): Screen {
  const { language, words, address, csrf } = place;
  return {
    heading: words.stop.heading,
    body: html`${title(words.stop.heading)}
<p class="lead">${words.stop.text}</p>
${facts([...shopAndGoods(place, view), [words.labels.amount, won(view.amount, language), 'total']])}
${timeLeft(place, view)}
${actions(
  primaryLink(words.stop.keep, address.url()),
  html`<form method="post" action="/pay/checkout/cancel">${hidden({ ...address.fields, page: address.page, csrf })}<button class="quiet">${words.stop.stop}</button></form>`,
)}`,
  };
}
