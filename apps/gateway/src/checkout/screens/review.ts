/** The last look before the password. */
import type { CheckoutView, Paying } from '@oneq/contracts';
import { type Html, html } from '../../http/html';
import { type Payable, payableOf } from '../choose-screen';
import { won } from '../format';
import {
  account,
  actions,
  cancelLink,
  facts,
  hidden,
  methodName,
  type Place,
  quietLink,
  type Screen,
  shopAndGoods,
  title,
  topBar,
} from './screen';

export interface ReviewChoice {
  readonly paying: Paying;
  readonly payable: Payable;
}

export function review(view: CheckoutView, place: Place, { paying, payable }: ReviewChoice): Screen {
  const { language, words, address } = place;
  const { payment_method_type } = payable.method;
  const change = address.url({ step: 'method', payment_method_type });
  const paidWith = payment_method_type === 'MONEY' ? methodName(place, payment_method_type) : account(place, paying);
  return {
    heading: words.review.heading,
    body: html`${topBar(place, view, change)}
${title(words.review.heading)}
${facts([
  ...shopAndGoods(place, view),
  [
    words.labels.method,
    html`${paidWith} <a class="change" href="${change}" aria-label="${words.review.changeMethod}">${words.review.change}</a>`,
  ],
  [words.labels.amount, won(view.amount, language), 'total'],
])}
<p class="note">${words.review.text}</p>
${actions(toPassword(place, payable, words.pay(won(view.amount, language))), cancelLink(place))}`,
  };
}

/** Charge and pay in one step: all four amounts before one password. */
export function topUp(view: CheckoutView, place: Place, { paying, payable }: ReviewChoice): Screen {
  const { language, words, address } = place;
  const { method, topUpAmount } = payable;
  const heading = words.topUp.heading(won(topUpAmount, language));
  const fromAccount = paying.methods.find(({ payment_method_type }) => payment_method_type === '계좌');
  return {
    heading,
    body: html`${topBar(place, view, address.url({ step: 'method', payment_method_type: 'MONEY' }))}
${title(heading)}
${facts(shopAndGoods(place, view))}
${facts([
  [words.topUp.balance, won(method.available, language)],
  [
    words.topUp.added,
    html`${won(topUpAmount, language)}<span class="visually-hidden">, ${words.topUp.source(words.accountEnding(paying.account_last4))}</span><span class="source" aria-hidden="true">${account(place, paying)}</span>`,
  ],
  [words.topUp.toPay, won(view.amount, language), 'total'],
  [words.topUp.balanceAfter, won(method.available + topUpAmount - view.amount, language)],
])}
<p class="note">${words.topUp.text}</p>
${actions(
  toPassword(place, payable, words.topUp.confirm(won(view.amount, language))),
  fromAccount && payableOf(fromAccount)
    ? quietLink(words.topUp.fromAccount, address.url({ step: 'review', payment_method_type: '계좌' }))
    : cancelLink(place),
)}`,
  };
}

function toPassword({ address }: Place, { method, topUpAmount }: Payable, text: string): Html {
  const fields = {
    ...address.fields,
    step: 'password',
    payment_method_type: method.payment_method_type,
    top_up_amount: topUpAmount,
  };
  return html`<form method="get" action="/pay/oneq/transfer">${hidden(fields)}<button class="button">${text}</button></form>`;
}
