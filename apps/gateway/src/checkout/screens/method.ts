import type { CheckoutView, Paying, PayingMethod, PaymentMethodType } from '@oneq/contracts';
import { type Html, html } from '../../http/html';
import { offered, payableOf } from '../choose-screen';
import { won } from '../format';
import {
  account,
  actions,
  alertBox,
  cancelLink,
  hidden,
  methodName,
  type Place,
  type Screen,
  summary,
  title,
  topBar,
} from './screen';

export interface MethodChoice {
  readonly paying: Paying;
  readonly chosen: PaymentMethodType | null;
  readonly obstacle: 'none-usable' | 'no-password' | null;
}

/** What to pay with; what cannot pay says why. */
export function method(view: CheckoutView, place: Place, choice: MethodChoice, ranShort: boolean): Screen {
  const { words, address } = place;
  const { paying, chosen, obstacle } = choice;
  const alert = ranShort ? words.method.ranShort : null;
  const choices = offered(paying).map((each) => option(place, paying, each, obstacle, chosen));
  return {
    heading: words.method.heading,
    alert,
    body: html`${topBar(place, view, address.url({ step: 'cancel' }))}
${alertBox(alert)}
${title(words.method.heading)}
${summary(place, view)}
<form class="grow" method="get" action="/pay/oneq/transfer">${hidden({ ...address.fields, step: 'review' })}
<fieldset class="choices" aria-labelledby="heading">${choices}
</fieldset>
${obstacle && html`<p class="hint">${obstacle === 'no-password' ? words.method.noPassword : words.method.none}</p>`}
${actions(!obstacle && html`<button class="button">${words.next}</button>`, cancelLink(place))}
</form>`,
  };
}

function option(
  place: Place,
  paying: Paying,
  each: PayingMethod,
  obstacle: MethodChoice['obstacle'],
  chosen: PaymentMethodType | null,
): Html {
  const type = each.payment_method_type;
  const usable = obstacle === null && payableOf(each) !== null;
  return html`
<label class="choice"><input type="radio" name="payment_method_type" value="${type}"${usable && type === chosen && html` checked`}${!usable && html` disabled`}>
<span class="choice-text"><span class="choice-name">${methodName(place, type)}</span>${notes(place, paying, each).map(
    (note) => html`<span class="visually-hidden">, </span><span class="choice-note">${note}</span>`,
  )}</span></label>`;
}

/** What a method holds and takes, or why it cannot pay. */
function notes({ language, words, ...place }: Place, paying: Paying, each: PayingMethod): readonly (string | Html)[] {
  const isMoney = each.payment_method_type === 'MONEY';
  const held = isMoney
    ? words.method.balance(won(each.available, language))
    : account({ language, words, ...place }, paying);
  if (!each.permitted) return [held, words.method.notAccepted];
  if (each.short === 0) return [held];
  const payable = payableOf(each);
  return [
    held,
    payable
      ? html`<b>${words.method.topUp(won(payable.topUpAmount, language))}</b>`
      : words.method.short(won(each.short, language)),
  ];
}
