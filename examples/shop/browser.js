/** Comfort only: without this script, the shop works in one window. */
const WINDOW = ['oneqpay', 'popup,width=480,height=760'];
const CLOSE_MS = 4_000;
const FOLLOW_MS = 1_000;

const form = document.querySelector('form[data-order]');
if (form) {
  form.addEventListener('input', showTotal);
  form.addEventListener('submit', order);
  // A page that comes back from memory (the back button) is as it was left.
  window.addEventListener('pageshow', () => {
    setBusy(false);
    showTotal();
  });
}

function showTotal() {
  const total = form.querySelector('[data-total]');
  total.hidden = false;
  const amount = Number(form.dataset.price) * Number(form.elements.quantity.value);
  total.querySelector('output').value = `${amount.toLocaleString('ko-KR')}원`;
}

function setBusy(isBusy) {
  form.querySelector('button').disabled = isBusy;
}

/** On a phone the payment goes on in this window; on a PC in one of its own, while this one follows the order. */
async function order(event) {
  const isPhone = matchMedia('(pointer: coarse)').matches;
  form.elements.device.value = isPhone ? 'phone' : 'pc';
  if (isPhone) return;
  // Opened within the click, or the browser takes it for an advertisement; when it does so anyway, this window is used.
  const payment = window.open('', ...WINDOW);
  if (!payment) return;
  event.preventDefault();
  setBusy(true);
  try {
    const response = await fetch('/orders', {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(new FormData(form)),
    });
    const { payUrl, orderUrl } = await response.json();
    payment.location.replace(payUrl);
    location.href = orderUrl;
  } catch {
    payment.close();
    form.submit(); // without script, which shows what is the matter
  }
}

const result = document.querySelector('[data-status]');
if (result) {
  const { follow, status } = result.dataset;
  if (follow) setInterval(() => reloadOnChange(follow, status), FOLLOW_MS);
  else if (window.opener) leave(status);
}

async function reloadOnChange(orderUrl, status) {
  try {
    const response = await fetch(orderUrl, { headers: { accept: 'application/json' } });
    if ((await response.json()).status !== status) location.replace(orderUrl);
  } catch {
    // The shop is away for a moment; the next look finds it again.
  }
}

/** The payment window has done its work: the shop's own window shows the same. Bad news stays until it has been read. */
function leave(status) {
  const way = document.querySelector('[data-window]');
  way.hidden = false;
  way.querySelector('button').addEventListener('click', () => window.close());
  document.querySelector('[data-again]').remove();
  if (status === 'paid' || status === 'cancelled') setTimeout(() => window.close(), CLOSE_MS);
}

document.querySelector('[data-payment]')?.addEventListener('click', (event) => {
  const link = event.currentTarget;
  if (!matchMedia('(pointer: coarse)').matches && window.open(link.href, ...WINDOW)) event.preventDefault();
});
