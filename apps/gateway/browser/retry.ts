import { announce, phrase, words } from './page.js';
import { swap } from './swap.js';

/** Before each try, s. */
const PAUSES_S = [5, 10, 20, 30];

/** The service could not be asked: tries again, so that nobody has to reload. */
export function retry(main: HTMLElement, signal: AbortSignal): void {
  const { screen, url } = main.dataset;
  if (screen !== 'trouble' || !url) return;
  let tries = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = async () => {
    clearTimeout(timer);
    await swap(url, { tries: 0 });
    if (signal.aborted) return;
    tries += 1;
    const pause = PAUSES_S[Math.min(tries, PAUSES_S.length - 1)] ?? 0;
    // Once each time that the pause grows, not with each try.
    if (tries < PAUSES_S.length) announce(phrase(words.retryIn, { s: pause }));
    timer = setTimeout(again, pause * 1_000);
  };
  timer = setTimeout(again, 1_000 * (PAUSES_S[0] ?? 0));
  signal.addEventListener('abort', () => clearTimeout(timer));
  addEventListener('online', again, { signal });
  for (const link of main.querySelectorAll<HTMLAnchorElement>('.actions a')) {
    link.addEventListener('click', (event) => {
      event.preventDefault();
      void again();
    });
  }
}
