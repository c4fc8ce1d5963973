/** Drawings of one line weight in the colour of their place; they say nothing that the words do not. */
import { type Html, html } from '../../http/html';

const DRAWINGS = {
  check: html`<path d="M18 50l21 21 39-42"/>`,
  pause: html`<path d="M35 22v52M61 22v52"/>`,
  clock: html`<circle cx="48" cy="48" r="34"/><path d="M48 28v20l13 9"/>`,
  phone: html`<rect x="29" y="13" width="38" height="70" rx="9"/><path d="M43 72h10M41 45l5.5 5.5L57 40"/>`,
  computer: html`<rect x="14" y="20" width="68" height="46" rx="8"/><path d="M36 80h24M48 66v14M38 43l7.5 7.5L59 37"/>`,
  lock: html`<rect x="24" y="42" width="48" height="38" rx="10"/><path d="M34 42V31a14 14 0 0 1 28 0v11M48 57v8"/>`,
  link: html`<path d="M42 34l6-6a15 15 0 0 1 21 21l-6 6M54 62l-6 6a15 15 0 0 1-21-21l6-6M37 25l-2-8M25 37l-8-2M59 71l2 8M71 59l8 2"/>`,
  cloud: html`<path d="M30 72a17 17 0 0 1-2-33.9A22 22 0 0 1 70 37a17.5 17.5 0 0 1-2 35zM48 46v10"/><path d="M48 63.5v.1"/>`,
  retry: html`<path d="M76 48a28 28 0 1 1-8.5-20.1M69 15v14H55"/>`,
};

export type Drawing = keyof typeof DRAWINGS;

export function illustration(drawing: Drawing): Html {
  return html`<svg class="illustration" viewBox="0 0 96 96" width="96" height="96" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="7" stroke-linecap="round" stroke-linejoin="round">${DRAWINGS[drawing]}</svg>`;
}
