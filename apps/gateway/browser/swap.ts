/** Shows another state of the page without loading it anew: only `<main>` is replaced. */
import { delay, request, say, shown } from './page.js';

/** What brings a screen to life; ends when `signal` is aborted, because another screen is shown. */
export type Behaviour = (main: HTMLElement, signal: AbortSignal) => void;

/** `shown`: the new screen is there. `failed`: the server cannot be asked. `late`: another swap has begun since. */
export type Swapped = 'shown' | 'failed' | 'late';

const TIMEOUT_MS = 8_000;
/** Before the further tries, ms. */
const PAUSES_MS = [400, 1_000, 2_000];

let behaviours: readonly Behaviour[] = [];
let life = new AbortController();
let turn = 0;
let lastFocused: EventTarget | null = null;

/** Brings the screen that is shown, and each that will be, to life. */
export function start(all: readonly Behaviour[]): void {
  behaviours = all;
  document.addEventListener('focusin', ({ target }) => {
    lastFocused = target;
  });
  if (!document.activeElement?.closest('[role=alert]')) shown().querySelector<HTMLElement>('[role=alert]')?.focus();
  enliven();
}

function enliven(): void {
  life.abort();
  life = new AbortController();
  for (const behave of behaviours) behave(shown(), life.signal);
}

export interface SwapOptions {
  /** The new screen takes this one's place in the history, too. */
  readonly moves?: boolean;
  /** What is said; the new heading by itself. */
  readonly saying?: string;
  /** Further tries when the server cannot be asked. */
  readonly tries?: number;
}

export async function swap(
  url: string = shown().dataset.url ?? location.href,
  options: SwapOptions = {},
): Promise<Swapped> {
  turn += 1;
  const mine = turn;
  const { moves = false, saying, tries = PAUSES_MS.length } = options;
  for (let attempt = 0; ; attempt += 1) {
    const page = await load(url);
    if (mine !== turn) return 'late';
    const last = attempt >= tries;
    // A screen that says that there is trouble is shown when trying again did not help.
    if (page && (!page.trouble || last)) {
      if (page.trouble && shown().dataset.screen === 'trouble') return 'failed';
      if (moves) history.replaceState(null, '', url);
      show(page, saying);
      return page.trouble ? 'failed' : 'shown';
    }
    if (last) return 'failed';
    await delay(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0);
    if (mine !== turn) return 'late';
  }
}

interface Page {
  readonly main: HTMLElement;
  readonly title: string;
  readonly trouble: boolean;
}

async function load(url: string): Promise<Page | null> {
  try {
    const response = await request(url, TIMEOUT_MS, { headers: { Accept: 'text/html', 'X-OneQ-Swap': '1' } });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const main = page.getElementById('main');
    return main && { main, title: page.title, trouble: response.status >= 500 };
  } catch {
    return null;
  }
}

function show({ main, title }: Page, saying: string | undefined): void {
  const old = shown();
  const { activeElement } = document;
  // A key that was disabled while it had the focus has lost it already.
  const focused = activeElement === document.body ? lastFocused : activeElement;
  const focusGoes = focused instanceof Node && old.contains(focused);
  old.replaceWith(main);
  if (title) document.title = title;
  const heading = main.querySelector<HTMLElement>('h1');
  const alert = main.querySelector<HTMLElement>('[role=alert]');
  const target = alert ?? (focusGoes ? heading : null);
  if (target) {
    target.tabIndex = -1;
    target.focus();
  }
  lastFocused = null;
  // What has the focus is read anyway.
  if (saying) say(saying);
  else if (!target && heading) say(heading.textContent ?? '');
  enliven();
}
