/** Sends the password's codes until it is known what came of them. The same attempt sent again is counted once. */
import type { Snapshot } from '../src/checkout/snapshot';
import { byId, delay, phrase, request, retryAfterMs, say, withQuery, words } from './page.js';
import { swap } from './swap.js';

const ANSWER_MS = 10_000;
/** Before the further tries, ms. */
const PAUSES_MS = [500, 1_500, 3_000];
/** How often an answer that asks to wait is heeded. */
const WAITS_MAX = 5;
/** A wait that is longer than this, ms, is told to the payer instead. */
const WAIT_MAX_MS = 10_000;
const LOOK_MS = 2_000;
/** As long, ms, as what was sent may still be worked on: until then a payment that waits proves nothing. */
const UNDER_WAY_MS = 6_000;
const AGAIN_MS = 3_000;

interface Answer {
  readonly outcome?: string;
  readonly next?: string;
  readonly code?: string;
}

export async function submit(form: HTMLFormElement, keys: string): Promise<void> {
  const { attempt = '', submit: target = '', fields = '{}' } = form.dataset;
  let body = new URLSearchParams({ ...(JSON.parse(fields) as Record<string, string>), attempt, keys }).toString();
  const response = await send(target, body);
  body = '';
  if (!response) {
    await lookForResult(form);
    return;
  }
  const answer = (await response.json().catch(() => ({}))) as Answer;
  const url = whereTo(form, response.ok, answer);
  if (form.isConnected) await goTo(url, form);
  else history.replaceState(null, '', url); // the stream was quicker: the screen is there already
}

/** The answer; null when it is not known what came of it. */
async function send(url: string, body: string): Promise<Response | null> {
  let waits = 0;
  for (let attempt = 0; ; ) {
    let pause = PAUSES_MS[attempt];
    try {
      const response = await request(url, ANSWER_MS, {
        method: 'POST',
        headers: { Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded;charset=UTF-8' },
        body,
      });
      if (response.status === 429 && waits < WAITS_MAX && retryAfterMs(response) <= WAIT_MAX_MS) {
        waits += 1;
        await delay(retryAfterMs(response) || 1_000);
        continue;
      }
      if (response.status < 500) return response;
      if (pause !== undefined) pause = Math.max(pause, retryAfterMs(response));
    } catch {
      // Lost on the way here or there: asked again below.
    }
    if (pause === undefined) return null;
    showChecking();
    await delay(pause);
    attempt += 1;
  }
}

function whereTo(form: HTMLFormElement, ok: boolean, { next, code }: Answer): string {
  const { phoneUrl = '', passwordUrl = '' } = form.dataset;
  if (ok && next) return next;
  if (code === 'PIN_INVALID') return withQuery(passwordUrl, { notice: 'wrong' });
  if (code === 'TOO_MANY_REQUESTS') return withQuery(passwordUrl, { notice: 'limited' });
  if (code === 'INSUFFICIENT_FUNDS') return withQuery(phoneUrl, { step: 'method', notice: 'short' });
  return phoneUrl;
}

/** Shows what came of it, and leaves no keypad to come back to. */
async function goTo(url: string, form: HTMLFormElement): Promise<void> {
  while (form.isConnected) {
    if ((await swap(url, { moves: true })) !== 'failed') return;
    await delay(AGAIN_MS);
  }
}

function showChecking(): void {
  const checking = byId('checking');
  if (!checking?.hidden) return;
  checking.hidden = false;
  byId('busy')?.setAttribute('hidden', '');
  say(phrase(words.checking));
}

async function lookForResult(form: HTMLFormElement): Promise<void> {
  const { phoneUrl = '', passwordUrl = '' } = form.dataset;
  const status = form.closest<HTMLElement>('#main')?.dataset.status;
  const since = performance.now();
  while (form.isConnected && status) {
    await delay(LOOK_MS);
    const phase = await phaseNow(status);
    if (!phase) continue;
    const open = phase === 'waiting' || phase === 'opened' || phase === 'paying';
    if (!open) return goTo(phoneUrl, form);
    if (performance.now() - since > UNDER_WAY_MS) return goTo(passwordUrl, form);
  }
}

async function phaseNow(status: string): Promise<Snapshot['phase'] | null> {
  try {
    const response = await request(status, ANSWER_MS, { headers: { Accept: 'application/json' } });
    return response.ok ? ((await response.json()) as Snapshot).phase : null;
  } catch {
    return null;
  }
}
