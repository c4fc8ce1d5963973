import type { CheckoutPage, Language } from '@oneq/contracts';
import { type Html, html, jsonBlock } from '../http/html';
import type { ScreenName } from './choose-screen';
import { OTHER_LANGUAGE } from './language';
import { LIVE_WORDS } from './live-words';
import type { Screen } from './screens/screen';
import { WORDS } from './words';

/** What the page's script knows a screen by; what is undefined is left out. */
export type MainData = Readonly<Record<string, string | number | undefined>>;

export interface Framed {
  readonly language: Language;
  readonly screen: Screen;
  readonly name: ScreenName;
  readonly page: CheckoutPage;
  readonly data: MainData;
  /** What the place for news says from the beginning. */
  readonly told?: string;
  /** The same page in the other language. */
  readonly switchUrl: string;
  readonly sandbox: boolean;
  /** Lets this load's script run, and no other. */
  readonly nonce: string;
  readonly asset: (name: string) => string;
}

/** The document around a screen. `#main` is what the script swaps when the payment changes. */
export function frame(framed: Framed): string {
  const { language, screen, name, page, data, told, switchUrl, sandbox, nonce, asset } = framed;
  const words = WORDS[language];
  const other = OTHER_LANGUAGE[language];
  const heading = screen.alert ? `${words.error}: ${screen.heading}` : screen.heading;
  return String(html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#F4F7F7" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0E1514" media="(prefers-color-scheme: dark)">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>${heading} | ${words.brand}</title>
<link rel="icon" href="data:,">
<link rel="preload" href="${asset('oneq-sans-ui.woff2')}" as="font" type="font/woff2" crossorigin>
<link rel="stylesheet" href="${asset('fonts.css')}">
<link rel="stylesheet" href="${asset('checkout.css')}">
</head>
<body>
<header>
<div class="top"><span class="brand">${words.brand}</span><a class="language" lang="${other}" hreflang="${other}" href="${switchUrl}">${words.otherLanguage}</a></div>
${sandbox && html`<p class="practice">${words.practice}</p>`}
</header>
<main id="main" data-screen="${name}" data-page="${page}"${attributes(data)}>
${screen.body}
</main>
<p id="status" role="status" class="status">${told}</p>
<script type="application/json" id="words">${jsonBlock(LIVE_WORDS[language])}</script>
<script type="module" nonce="${nonce}" src="${asset('checkout.js')}"></script>
</body>
</html>
`);
}

function attributes(data: MainData): Html[] {
  return Object.entries(data)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => html` data-${name}="${value}"`);
}
