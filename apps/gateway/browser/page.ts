/** The page as its scripts meet it. */
import type { LiveWords } from '../src/checkout/live-words';

export function byId(id: string): HTMLElement | null {
  return document.getElementById(id);
}

/** What is shown; another one after each swap. */
export function shown(): HTMLElement {
  return byId('main') ?? document.body;
}

export const words: Partial<LiveWords> = JSON.parse(byId('words')?.textContent || '{}');

export function phrase(sentence: string | undefined, values: Readonly<Record<string, string | number>> = {}): string {
  return (sentence ?? '').replace(/\{(\w+)\}/g, (_place, name: string) => String(values[name] ?? ''));
}

/** A text that comes in the same moment as its place is not read aloud. */
const SAY_AFTER_MS = 60;
let saying: ReturnType<typeof setTimeout> | undefined;

/** Shows a text where screen readers hear of it, also when it was the last one already. */
export function announce(text: string): void {
  say(text, true);
}

/** The same for what is on the screen already: it is only heard. */
export function say(text: string, visible = false): void {
  const status = byId('status');
  if (!status) return;
  status.textContent = '';
  clearTimeout(saying);
  saying = setTimeout(() => {
    status.classList.toggle('visually-hidden', !visible);
    status.textContent = text;
  }, SAY_AFTER_MS);
}

export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((over) => {
    setTimeout(over, ms);
    signal?.addEventListener('abort', () => over());
  });
}

/** A request to our own server. @throws when no answer came in time, or the network is gone */
export async function request(url: string, timeoutMs: number, options: RequestInit = {}): Promise<Response> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), timeoutMs);
  try {
    const response = await fetch(url, {
      cache: 'no-store',
      credentials: 'same-origin',
      ...options,
      signal: limit.signal,
    });
    // The body counts as well.
    const body = await response.arrayBuffer();
    return new Response(response.status === 204 ? null : body, {
      status: response.status,
      headers: response.headers,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** ms that an answer asks to wait; 0 when it does not say. */
export function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get('retry-after'));
  return seconds > 0 ? Math.min(seconds, 60) * 1_000 : 0;
}

export function withQuery(url: string, query: Readonly<Record<string, string>>): string {
  const whole = new URL(url, location.href);
  for (const [name, value] of Object.entries(query)) whole.searchParams.set(name, value);
  return whole.pathname + whole.search;
}

let left = false;

/** Goes on to the shop, once; Back does not come here again. */
export function leaveTo(url: string): void {
  if (left) return;
  left = true;
  location.replace(url);
}

/** The page is back from the browser's memory. */
export function stay(): void {
  left = false;
}
