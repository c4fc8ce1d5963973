/** How long a form that was sent is not sent again, ms. */
const SENT_MS = 10_000;

/** A form is sent once, however often its button is pressed. */
export function sendOnce(main: HTMLElement): void {
  for (const form of main.querySelectorAll<HTMLFormElement>('form[method=post]')) {
    let sentAt = Number.NEGATIVE_INFINITY;
    form.addEventListener('submit', (event) => {
      if (performance.now() - sentAt < SENT_MS) event.preventDefault();
      else sentAt = performance.now();
    });
  }
}
