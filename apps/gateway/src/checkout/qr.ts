import { create } from 'qrcode';
import { type Html, html } from '../http/html';

/** Modules around the code that must stay empty (ISO 18004). */
const QUIET = 4;
/** CSS pixels of a module. */
const MODULE_PX = 5;

/** A QR code as a picture: dark on white in every theme, since cameras read no other, and with nothing over it. */
export function qrCode(text: string, label: string): Html {
  const { size, data } = create(text, { errorCorrectionLevel: 'M' }).modules;
  const side = size + 2 * QUIET;
  const px = side * MODULE_PX;
  return html`<svg role="img" aria-label="${label}" xmlns="http://www.w3.org/2000/svg" width="${px}" height="${px}" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><path fill="#FFFFFF" d="M0 0h${side}v${side}H0z"/><path fill="#0B1413" d="${outline(size, data)}"/></svg>`;
}

/** One bar for each run of dark modules. */
function outline(size: number, data: Uint8Array): string {
  let path = '';
  for (let row = 0; row < size; row += 1) {
    let length = 0;
    for (let column = 0; column <= size; column += 1) {
      if (column < size && data[row * size + column]) length += 1;
      else if (length > 0) {
        path += `M${QUIET + column - length} ${QUIET + row}h${length}v1h-${length}z`;
        length = 0;
      }
    }
  }
  return path;
}

/** Whether an address means the computer itself, so that no phone can open it. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
