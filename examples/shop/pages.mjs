// @ts-check
/** How the shop looks. Nothing here is about payment: see server.mjs. */

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

class Html {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** A template whose values are escaped, unless they come from such a template themselves. */
const html = (/** @type {TemplateStringsArray} */ strings, /** @type {unknown[]} */ ...values) =>
  new Html(
    String.raw(
      { raw: strings },
      ...values.map((value) =>
        value instanceof Html ? value.text : String(value ?? '').replace(/[&<>"']/g, (sign) => ENTITIES[sign]),
      ),
    ),
  );
/** @param {Html[]} parts */
const join = (parts) => new Html(parts.map(({ text }) => text).join(''));

const won = (amount) => `${Number(amount).toLocaleString('ko-KR')}원`;

/** The pizza of the house: crust, cheese, sweet potato mousse in a swirl, cubes of sweet potato. */
const PIZZA = html`<svg class="pizza" viewBox="0 0 240 240" aria-hidden="true" focusable="false">
  <circle class="shade" cx="120" cy="124" r="106"/>
  <circle cx="120" cy="116" r="104" fill="#c98338"/>
  <circle cx="120" cy="114" r="103" fill="#e5a95a"/>
  <circle cx="120" cy="115" r="88" fill="#d9662f"/>
  <path d="M120 31c26-1 44 9 59 25 18 18 24 38 23 62-1 25-11 44-28 59-17 16-37 22-58 20-24-2-42-10-57-26-16-17-22-37-21-59 1-24 11-42 27-57 16-16 34-23 55-24Z" fill="#ffd873"/>
  <path d="M120 42c23 0 38 8 51 22 15 15 20 32 20 53-1 21-9 37-24 50-14 13-31 19-50 18-20-2-35-9-48-22-14-15-19-31-18-51 1-20 9-35 23-48 13-13 28-21 46-22Z" fill="#ffe8a6"/>
  <g fill="none" stroke="#b98ac6" stroke-width="11" stroke-linecap="round" stroke-linejoin="round">
    <path d="M120 116c8-9 22-2 20 11-3 17-27 21-38 8-13-17-2-41 19-44 28-4 49 20 44 47-5 29-37 45-64 35-14-5-24-15-29-28"/>
  </g>
  <g fill="none" stroke="#d9b5e0" stroke-width="4" stroke-linecap="round">
    <path d="M119 112c10-7 19 1 17 12-3 13-22 16-31 6-10-14-1-33 16-36 24-4 41 17 37 39"/>
  </g>
  <g>
    <g fill="#f59d2a"><rect x="64" y="60" width="19" height="17" rx="4" transform="rotate(-18 73 68)"/><rect x="150" y="56" width="19" height="17" rx="4" transform="rotate(24 159 64)"/><rect x="181" y="106" width="18" height="17" rx="4" transform="rotate(-12 190 114)"/><rect x="158" y="164" width="19" height="17" rx="4" transform="rotate(38 167 172)"/><rect x="106" y="183" width="18" height="16" rx="4" transform="rotate(-8 115 191)"/><rect x="55" y="158" width="19" height="17" rx="4" transform="rotate(15 64 166)"/><rect x="38" y="108" width="18" height="17" rx="4" transform="rotate(-28 47 116)"/><rect x="107" y="52" width="18" height="16" rx="4" transform="rotate(6 116 60)"/></g>
    <g fill="#8e3f5f"><path d="m64 64 17-6 1 4-17 6ZM152 55l16 7-2 4-16-7ZM181 108l17-4 1 4-17 4ZM165 161l12 14-3 3-12-14ZM106 185l17-3 1 4-17 3ZM58 157l17 4-1 4-17-4ZM39 118l15-9 2 4-15 9ZM107 52l17 1v4l-17-1Z"/></g>
    <g fill="#4f8a3d"><path d="M92 82c6-3 11-1 13 4-6 3-11 1-13-4ZM176 88c1-6 5-9 11-8-1 6-5 9-11 8ZM84 186c5-4 10-3 13 1-5 4-10 3-13-1ZM52 92c5-2 10 0 12 5-6 2-10 0-12-5ZM140 186c3-5 7-7 12-4-3 5-7 7-12 4Z"/></g>
  </g>
  <g stroke="#fff3d6" stroke-width="2.5" stroke-linecap="round" opacity=".75"><path d="M120 14v202M32.500 64.500l175 101M32.500 165.500l175-101"/></g>
</svg>`;

/** @returns {string} */
function layout(title, main) {
  return html`<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<title>${title} | 원큐피자</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Ccircle cx='16' cy='16' r='15' fill='%23e5a95a'/%3E%3Ccircle cx='16' cy='16' r='11' fill='%23ffe08c'/%3E%3Cpath d='M11 10h5v5h-5zM18 17h5v5h-5z' fill='%23f59d2a'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/shop.css">
<script src="/browser.js" defer></script>
</head>
<body>
<header><a class="name" href="/">원큐피자</a><span class="practice">연습용 가게예요. 실제 돈은 오가지 않아요.</span></header>
<main>${main}</main>
</body>
</html>`.text;
}

/** The shop window. */
export function shopPage({ name, price, quantityMax }) {
  const quantities = Array.from({ length: quantityMax }, (_, i) => html`<option value="${i + 1}">${i + 1}판</option>`);
  return layout(
    name,
    html`<div class="window">
<div class="stage">${PIZZA}</div>
<form class="card" method="post" action="/orders" data-price="${price}" data-order>
  <h1>${name}</h1>
  <p class="english" lang="en">Sweet potato pizza</p>
  <p class="lead">달콤한 고구마 무스를 듬뿍 올려 구웠어요.</p>
  <p class="price">한 판 <strong>${won(price)}</strong></p>
  <label class="field" for="quantity">수량
    <select id="quantity" name="quantity" autocomplete="off">${join(quantities)}</select>
  </label>
  <details>
    <summary>결제 수단 정해 두기</summary>
    <label class="field" for="method">결제 수단
      <select id="method" name="payment_method_type" autocomplete="off">
        <option value="">나중에 고르기</option>
        <option value="MONEY">페이머니만</option>
        <option value="계좌">계좌만</option>
      </select>
    </label>
  </details>
  <p class="total" data-total hidden>모두 <output for="quantity">${won(price)}</output></p>
  <input type="hidden" name="device" value="pc">
  <button class="primary" type="submit">원큐페이로 결제하기</button>
  <p class="note">연습용 지갑에 페이머니 30,000원이 들어 있어요. 결제 비밀번호는 처음 결제할 때 정해요. 두 판째부터는 잔액이 모자라니, 채우고 결제하기도 해 보세요.</p>
</form>
</div>`,
  );
}

const ORDER_STATES = {
  waiting: [
    '결제를 기다리고 있어요',
    'Waiting for your payment',
    '결제 창에서 결제를 마치면 이 화면도 저절로 바뀌어요.',
  ],
  approving: [
    '결제 결과를 확인하고 있어요',
    'Checking the result',
    '두 번 결제되지 않으니 조금만 기다려 주세요. 결과를 알게 되면 이 화면이 저절로 바뀌어요.',
  ],
  paid: ['결제가 끝났어요', 'Thank you, you have paid', '고구마피자를 굽기 시작했어요.'],
  cancelled: ['결제를 취소했어요', 'Payment cancelled', '돈은 빠져나가지 않았어요.'],
  failed: ['결제하지 못했어요', 'The payment did not work', '돈은 빠져나가지 않았어요. 다시 주문할 수 있어요.'],
  expired: ['결제 시간이 지났어요', 'Time ran out', '돈은 빠져나가지 않았어요. 다시 주문할 수 있어요.'],
};

const METHOD_NAMES = { MONEY: '페이머니', 계좌: '계좌' };

/**
 * What became of an order: its waiting room, its receipt, or what went wrong.
 * @param {import('./server.mjs').Order} order
 */
export function orderPage({ status, prepared, tid, payUrl, receipt, reason }) {
  const [heading, english, text] = ORDER_STATES[status];
  const isOpen = status === 'waiting' || status === 'approving';
  const orderUrl = `/orders/${prepared.order_id}`;
  const rows = [
    ['상품', prepared.item_name],
    ['수량', `${prepared.quantity}판`],
    ['금액', won(prepared.amount)],
    ...(receipt
      ? [
          ['결제 수단', METHOD_NAMES[String(receipt.payment_method_type)] ?? receipt.payment_method_type],
          ['승인 시각', receipt.tran_dt],
        ]
      : []),
    ['주문 번호', prepared.order_id],
    ['거래 번호', tid],
  ];
  const again = html`<a class="${status === 'paid' ? 'secondary' : 'primary'}" href="/" data-again>${status === 'paid' ? '한 판 더 주문하기' : '다시 주문하기'}</a>`;
  return layout(
    heading,
    html`<section class="card result ${status}" data-status="${status}" data-follow="${isOpen ? orderUrl : ''}">
  <div class="${isOpen ? 'baking' : 'still'}">${PIZZA}</div>
  <h1>${heading}</h1>
  <p class="english" lang="en">${english}</p>
  <p class="lead">${text}</p>
  ${status === 'failed' && reason ? html`<p class="reason">${reason}</p>` : ''}
  <dl>${join(rows.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`))}</dl>
  ${status === 'waiting' ? html`<a class="primary" href="${payUrl}" data-payment>결제 창 다시 열기</a>` : ''}
  ${isOpen ? html`<noscript><a class="secondary" href="${orderUrl}">결제 상태 확인하기</a></noscript>` : again}
  <div data-window hidden>
    <button class="primary" type="button">창 닫기</button>
    <p class="note">이 창은 닫아도 돼요. 주문한 화면에서도 같은 내용을 볼 수 있어요.</p>
  </div>
</section>`,
  );
}

/**
 * What stands in the way, and what to do about it.
 * @param {string} heading
 * @param {string} [text]
 * @param {string} [oneqUrl] The address at which OneQ Pay did not answer.
 */
export function problemPage(heading, text = '', oneqUrl) {
  const help = oneqUrl
    ? html`<p class="lead">터미널에서 <code>${text}</code> 명령을 먼저 실행해 주세요. 준비되면 다시 주문할 수 있어요.</p>
  <p class="reason">연결하려던 주소: <code>${oneqUrl}</code></p>`
    : html`<p class="lead">${text}</p>`;
  return layout(
    heading,
    html`<section class="card result">
  <div class="still">${PIZZA}</div>
  <h1>${heading}</h1>
  ${text ? help : ''}
  <a class="primary" href="/" data-again>다시 주문하기</a>
</section>`,
  );
}
