import { partsOf, passed, serverNow, setClock } from './clock.js';
import { ask } from './live.js';
import { byId, phrase, say, words } from './page.js';

const FIVE_MINUTES = 5 * 60_000;
const ONE_MINUTE = 60_000;
/** How often the server is asked once the time is over, ms: only it can say that it is. */
const ASK_MS = 2_000;

/** Across swaps, so that nothing is said twice. */
let before = Number.POSITIVE_INFINITY;

/** Shows the time that is left, and says when it gets short. */
export function timer(main: HTMLElement, signal: AbortSignal): void {
  const { now, expiresAt } = main.dataset;
  if (now) setClock(Number(now));
  const place = byId('timer');
  if (!place || !expiresAt) return;
  let next: ReturnType<typeof setTimeout> | undefined;

  const tick = () => {
    clearTimeout(next);
    if (document.hidden) return;
    const left = Number(expiresAt) - serverNow();
    const { minutes, seconds } = partsOf(left);
    const text =
      minutes > 0
        ? phrase(words.minutesAndSeconds, { m: minutes, s: String(seconds).padStart(2, '0') })
        : phrase(words.seconds, { s: seconds });
    if (text && place.textContent !== text) place.textContent = text;
    const mark = passed([FIVE_MINUTES, ONE_MINUTE], before, left);
    if (mark && before < Number.POSITIVE_INFINITY) {
      say(phrase(mark === ONE_MINUTE ? words.oneMinuteLeft : words.fiveMinutesLeft));
    }
    before = left;
    if (left <= 0) void ask();
    next = setTimeout(tick, left > 0 ? (left % 1_000) + 10 : ASK_MS);
  };

  signal.addEventListener('abort', () => clearTimeout(next));
  document.addEventListener('visibilitychange', tick, { signal });
  tick();
}
