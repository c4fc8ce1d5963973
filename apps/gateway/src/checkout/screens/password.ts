import { type CheckoutView, type Keypad, type KeypadMode, type KeypadPurpose, PASSWORD_LENGTH } from '@oneq/contracts';
import { type Html, html } from '../../http/html';
import { duration, won } from '../format';
import type { Copy } from '../words';
import type { ReviewChoice } from './review';
import { alertBox, type Place, type Screen, summary, title, topBar } from './screen';

/** What came of the last entry. */
export const PASSWORD_NOTICES = ['wrong', 'stale', 'weak', 'different', 'limited'] as const;
export type PasswordNotice = (typeof PASSWORD_NOTICES)[number];

export interface PasswordChoice extends ReviewChoice {
  readonly keypad: Keypad;
}

export interface Entry {
  readonly mode: KeypadMode;
  /** The attempt that entered a new password for the first time. */
  readonly first?: string;
  readonly notice?: PasswordNotice;
}

/** The payment password. No digit is in this page but as a drawing; what is pressed are codes. */
export function password(view: CheckoutView, place: Place, choice: PasswordChoice, entry: Entry): Screen {
  const { words, address, language, csrf } = place;
  const { keypad, payable } = choice;
  const { mode, first } = entry;
  const amount = won(view.amount, language);
  const heading = headingOf(words, keypad.purpose, mode);
  const alert = entry.notice ? alertOf(entry.notice, place, choice) : null;
  const agreed = { payment_method_type: payable.method.payment_method_type, top_up_amount: payable.topUpAmount };
  const here = { step: 'password', ...agreed, mode };
  const fields = { ...address.fields, csrf, ...agreed, mode, first };
  return {
    heading,
    alert,
    body: html`${topBar(place, view, address.url(keypad.purpose === 'set2' ? here : { step: 'review', ...agreed }))}
${alertBox(alert)}
${keypad.purpose !== 'enter' && html`<p class="step">${words.password.step(keypad.purpose === 'set1' ? 1 : 2)}</p>`}
${title(heading)}
${summary(place, view)}
${explained(words, keypad.purpose, mode, amount)}
<noscript><p class="hint">${words.password.noScript}</p></noscript>
<form id="password" class="grow" method="dialog" data-attempt="${keypad.attempt}" data-mode="${mode}" data-purpose="${keypad.purpose}" data-submit="/pay/checkout/password" data-fields="${JSON.stringify(fields)}" data-phone-url="${address.url()}" data-password-url="${address.url({ ...here, first })}"${mode === 'type' && html` data-codes="${keypad.keys.map(({ code }) => code).join(' ')}"`}>
${mode === 'pad' ? pad(place, keypad, address.url({ ...here, first, mode: 'type' })) : typing(place, keypad.purpose, amount, address.url({ ...here, first, mode: 'pad' }))}
</form>
<section id="checking" class="checking" hidden><h2>${words.password.checking}</h2><p>${words.password.notTwice}</p></section>`,
  };
}

function headingOf({ password: words }: Copy, purpose: KeypadPurpose, mode: KeypadMode): string {
  if (purpose === 'set1') return words.create;
  if (purpose === 'set2') return mode === 'pad' ? words.pressAgain : words.typeAgain;
  return mode === 'pad' ? words.press : words.type;
}

function alertOf(notice: PasswordNotice, { words, language }: Place, { paying }: PasswordChoice): string {
  if (notice !== 'wrong') return words.password[notice];
  return words.password.wrong(paying.attempts_left, duration(paying.lock_seconds, language));
}

function explained({ password: words }: Copy, purpose: KeypadPurpose, mode: KeypadMode, amount: string): Html | null {
  if (purpose === 'set1') return html`<p class="lead">${words.rule}</p>`;
  return mode === 'pad' ? html`<p class="lead">${words.paysAtOnce(amount)}</p>` : null;
}

function pad({ words }: Place, keypad: Keypad, typeInstead: string): Html {
  const { rows, columns } = words.password;
  const keys = keypad.keys.map(({ code, path }, index) => {
    // Nine keys fill three rows; the tenth stands between the two that take back.
    const place = index < 9 ? index : 10;
    const label = words.password.key(rows[Math.floor(place / 3)] ?? '', columns[place % 3] ?? '');
    return html`
<button type="button" class="key" data-code="${code}" aria-label="${label}" tabindex="${index === 0 ? 0 : -1}"><svg viewBox="0 0 100 140" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="9" stroke-linecap="round" stroke-linejoin="round"/></svg></button>`;
  });
  return html`<div class="dots" aria-hidden="true">${Array.from({ length: PASSWORD_LENGTH }, () => html`<span class="dot"></span>`)}</div>
${entered(words)}
<a class="quiet" href="${typeInstead}">${words.password.typeInstead}</a>
<div id="pad" class="pad" role="group" aria-label="${words.password.pad}">${keys.slice(0, 9)}
<button type="button" class="key edit" data-key="clear" tabindex="-1">${words.password.clear}</button>${keys.slice(9)}
<button type="button" class="key edit" data-key="delete" tabindex="-1">${words.password.delete}</button>
</div>`;
}

function typing({ words }: Place, purpose: KeypadPurpose, amount: string, padInstead: string): Html {
  const autocomplete = purpose === 'enter' ? 'current-password' : 'new-password';
  return html`<label class="field" for="typed">${words.password.label}</label>
<input id="typed" type="password" inputmode="numeric" autocomplete="${autocomplete}" aria-describedby="quiet-place">
${entered(words)}
<p id="quiet-place" class="note">${words.password.quiet}</p>
<a class="quiet" href="${padInstead}">${words.password.padInstead}</a>
<div class="actions"><button class="button">${purpose === 'set1' ? words.next : words.pay(amount)}</button></div>`;
}

/** How far the entry is, and that it is being looked at; a digit is never said. */
function entered(words: Copy): Html {
  return html`<p id="entered" class="visually-hidden" aria-live="polite">${words.password.entered(0)}</p>
<p id="busy" class="busy" hidden>${words.password.busy}</p>`;
}
