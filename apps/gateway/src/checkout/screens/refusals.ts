/** Screens that know nothing of a payment, or must not tell it. */
import { html } from '../../http/html';
import type { Copy } from '../words';
import { type Drawing, illustration } from './illustrations';
import { actions, type Place, primaryLink, type Screen, sentences, title } from './screen';

/** The payment is bound to another browser. */
export function elsewhere({ words, address }: Place): Screen {
  const { heading, text, byQr } = words.elsewhere;
  const again = primaryLink(words.checkAgain, address.url());
  return refusal('phone', heading, address.route === 'qr' ? `${text} ${byQr}` : text, again);
}

/** The payment service cannot be asked. @param url to try again */
export function trouble(words: Copy, url: string): Screen {
  const { heading, text, tryNow } = words.trouble;
  return refusal('cloud', heading, text, primaryLink(tryNow, url));
}

/** The same for malformed, foreign, missing and forgotten tokens; no shop is known to go back to. */
export function notFound(words: Copy): Screen {
  return refusal('link', words.notFound.heading, words.notFound.text, null);
}

/** A form that none of this browser's own pages sent. @param url of the page to send it from */
export function forbidden(words: Copy, url: string): Screen {
  const { heading, text, again } = words.forbidden;
  return refusal('retry', heading, text, primaryLink(again, url));
}

function refusal(
  drawing: Drawing,
  heading: string,
  text: string,
  action: ReturnType<typeof primaryLink> | null,
): Screen {
  return {
    heading,
    body: html`<div class="result quiet-tone">${illustration(drawing)}${title(heading)}<p class="lead">${sentences(text)}</p></div>
${action && actions(action)}`,
  };
}
