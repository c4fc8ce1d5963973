import { ERRORS, FIELD_ERRORS, type Language } from '@oneq/contracts';
import { html } from '../http/html';

const WORDS = {
  ko: {
    heading: '오류 코드',
    intro:
      '오류 응답의 code로 구분해 주세요. outcome이 unknown이면 이미 처리되었을 수 있으니, 200 또는 outcome이 final인 400·404·409를 받을 때까지 같은 요청을 그대로 다시 보내 확인해 주세요. 그 밖의 응답은 해당 시도에 대한 것일 뿐입니다.',
    fieldsHeading: '항목 오류 코드',
  },
  en: {
    heading: 'Error codes',
    intro:
      'Branch on code. Where outcome is unknown it may have happened: send the same request again, unchanged, until a 200, or a final 400, 404 or 409, settles it; any other answer speaks of that attempt alone.',
    fieldsHeading: 'Field error codes',
  },
} as const satisfies Record<Language, object>;

/** The page that the `type` of every problem document points to. */
export function errorPage(language: Language): string {
  const { heading, intro, fieldsHeading } = WORDS[language];
  const errors = Object.entries(ERRORS).map(([code, { title, detail, status, outcome, retryable }]) => {
    const outcomes = code === 'SERVICE_UNAVAILABLE' ? 'final / unknown' : outcome;
    return html`
<section id="${code}">
<h2><code>${code}</code> ${title[language]}</h2>
<p>${sample(detail[language])}</p>
<p class="facts">HTTP ${status} · outcome: ${outcomes} · retryable: ${String(retryable)}</p>
</section>`;
  });
  const fields = Object.entries(FIELD_ERRORS).map(
    ([code, words]) => html`<dt><code>${code}</code></dt><dd>${sample(words[language])}</dd>`,
  );
  return String(html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading} | OneQ Pay</title>
<link rel="stylesheet" href="/docs/errors.css">
</head>
<body><main>
<h1>${heading}</h1>
<p>${intro}</p>${errors}
<h2>${fieldsHeading}</h2>
<dl>${fields}</dl>
</main></body>
</html>`);
}

/** A sentence whose places are filled when it is sent. */
function sample(sentence: string): string {
  return sentence.replace(/\{\w+\}/g, '…');
}

export const ERROR_STYLESHEET = `
:root { color-scheme: light dark; }
body { margin: 0; padding: 24px 20px; line-height: 1.5; word-break: keep-all; overflow-wrap: anywhere;
  font-family: system-ui, "Apple SD Gothic Neo", "Noto Sans KR", "Malgun Gothic", sans-serif; }
main { max-width: 720px; margin: 0 auto; }
section { margin: 24px 0; padding-top: 8px; border-top: 1px solid #7a8b89; }
section:target { outline: 3px solid #0b4fd6; outline-offset: 8px; }
h2 { font-size: 1.125rem; }
.facts { font-size: 0.875rem; opacity: 0.8; }
`;
