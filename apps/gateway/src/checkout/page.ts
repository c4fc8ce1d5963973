import type { CheckoutView, Language, PaymentStatus, Words } from '@oneq/contracts';
import { Eta } from 'eta';

const eta = new Eta({ autoEscape: true });

const STATES: Record<PaymentStatus, Words> = {
  READY: { ko: '결제를 기다리고 있어요', en: 'Waiting for payment' },
  AUTHENTICATED: { ko: '결제를 확인했어요', en: 'Payment confirmed' },
  APPROVED: { ko: '결제를 마쳤어요', en: 'Payment complete' },
  PARTIALLY_CANCELLED: { ko: '일부를 취소한 결제예요', en: 'Partly cancelled' },
  CANCELLED: { ko: '결제를 취소했어요', en: 'Payment cancelled' },
  FAILED: { ko: '결제하지 못했어요', en: "We couldn't take the payment" },
  EXPIRED: { ko: '결제 시간이 지났어요', en: 'Time ran out' },
};

const LABELS = {
  ko: { title: '원큐페이', shop: '가게', item: '상품', quantity: '수량', amount: '금액', unit: '개', won: '원' },
  en: { title: 'OneQ Pay', shop: 'Shop', item: 'Item', quantity: 'Quantity', amount: 'Amount', unit: '', won: ' won' },
} as const satisfies Record<Language, object>;

const NOT_FOUND = {
  ko: ['열 수 없는 결제 링크예요', '주소가 잘렸거나 오래됐을 수 있어요. 주문 화면에서 다시 결제해 주세요.'],
  en: ["This payment link doesn't work", 'It may be cut off or too old. Please pay again from your order.'],
} as const satisfies Record<Language, readonly [string, string]>;

const frame = (body: string) => `<!doctype html>
<html lang="<%= it.language %>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title><%= it.heading %> | 원큐페이</title>
<link rel="stylesheet" href="/pay/checkout.css">
</head>
<body><header>원큐페이</header><main><h1><%= it.heading %></h1>${body}</main></body>
</html>`;

const paymentTemplate = eta.compile(
  frame(`<dl>
<dt><%= it.labels.shop %></dt><dd><bdi><%= it.view.merchant_name %></bdi></dd>
<dt><%= it.labels.item %></dt><dd><bdi><%= it.view.item_name %></bdi></dd>
<dt><%= it.labels.quantity %></dt><dd><%= it.quantity %></dd>
<dt><%= it.labels.amount %></dt><dd class="amount"><%= it.amount %></dd>
</dl>`),
);
const notFoundTemplate = eta.compile(frame('<p><%= it.text %></p>'));

/** What is paid and how it stands. */
export function paymentPage(view: CheckoutView, language: Language): string {
  const labels = LABELS[language];
  return eta.render(paymentTemplate, {
    language,
    labels,
    view,
    heading: STATES[view.status][language],
    quantity: `${won(view.quantity)}${labels.unit}`,
    amount: `${won(view.amount)}${labels.won}`,
  });
}

/** The page of a link that opens nothing; the same for malformed, foreign and missing tokens. */
export function notFoundPage(language: Language): string {
  const [heading, text] = NOT_FOUND[language];
  return eta.render(notFoundTemplate, { language, heading, text });
}

function won(amount: number): string {
  return amount.toLocaleString('en-US');
}

export const STYLESHEET = `
:root { color-scheme: light dark; --bg: #f4f7f7; --surface: #fff; --ink: #14201f; --ink2: #4a5a58; --brand: #00756b; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #0e1514; --surface: #18211f; --ink: #eff5f4; --ink2: #b6c5c2; --brand: #3cc9b6; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 20px; background: var(--bg); color: var(--ink); line-height: 1.5;
  font-family: system-ui, "Apple SD Gothic Neo", "Noto Sans KR", "Malgun Gothic", sans-serif;
  word-break: keep-all; overflow-wrap: anywhere; }
header { max-width: 420px; margin: 0 auto 16px; font-weight: 700; color: var(--brand); }
main { max-width: 420px; margin: 0 auto; padding: 24px 20px; background: var(--surface); border-radius: 20px; }
h1 { margin: 0 0 20px; font-size: 1.375rem; line-height: 1.35; letter-spacing: -0.01em; }
p { margin: 0; color: var(--ink2); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 8px 20px; margin: 0; }
dt { color: var(--ink2); }
dd { margin: 0; text-align: right; }
.amount { font-size: 1.75rem; line-height: 1.3; font-weight: 700; font-variant-numeric: tabular-nums; }
`;
