/** Hears how the payment stands: by a stream of events, and by asking while there is none. */
import type { Phase, Snapshot } from '../src/checkout/snapshot';
import { setClock } from './clock.js';
import { announce, leaveTo, phrase, request, retryAfterMs, shown, stay, words } from './page.js';
import { swap } from './swap.js';

/** A stream that says nothing for so long, ms, is dead: it has a heartbeat. */
const SILENT_MAX_MS = 35_000;
/** A page that nobody sees for so long, ms, gives its connection back. */
const HIDDEN_MAX_MS = 60_000;
/** A loss that lasts so long, ms, is told. */
const LOST_TOLD_MS = 3_000;
/** A stream has so long, ms, for its first word until the page asks beside it. */
const FIRST_WORD_MS = 1_500;
/** Between questions without a stream, ms: at first, after two minutes, and while nobody sees the page. */
const ASK_MS = 3_000;
const ASK_LATER_MS = 10_000;
const LATER_MS = 120_000;
const ASK_HIDDEN_MS = 5_000;
const ANSWER_MS = 8_000;
/** Before a stream is tried again that was refused, ms. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const TICK_MS = 500;
/** A screen that could not be loaded is tried again after so long, ms. */
const AGAIN_MS = 3_000;
/** The tick on the screen is seen before the page goes on to the shop, ms. */
const LEAVE_MS = 250;
/** Before the phone offers to go on itself, ms. */
const PC_GONE_MS = 3_000;
/** How long it stands that the connection is back, ms. */
const BACK_SHOWN_MS = 5_000;

let target: { readonly live: string; readonly status: string } | null = null;
let source: EventSource | null = null;
/** The stream has said something since it was opened. */
let streaming = false;
let heardAt = 0;
let failures = 0;
let openAt = 0;
let askAt = 0;
let asking = false;
let askingSince: number | null = null;
let lostAt: number | null = null;
let lostTold = false;
let hiddenAt: number | null = null;
let ticking: ReturnType<typeof setInterval> | undefined;
let newest: Snapshot | null = null;
/** The news that the screen was last changed for: it is not changed for the same twice. */
let followed = '';

const now = () => performance.now();

/** Follows what the screen is about; another screen of the same page keeps the connection. */
export function follow(main: HTMLElement, signal: AbortSignal): void {
  const { live, status, phase, seq } = main.dataset;
  if (!live || !status || isFinal(phase)) {
    stop();
    return;
  }
  if (target?.live !== live) {
    stop();
    target = { live, status };
    open();
    ticking = setInterval(tick, TICK_MS);
  }
  // Something may have happened while this screen was loaded.
  if (newest && newest.seq > Number(seq)) hear(newest);
  else if (newest?.pc_gone) offerToGoOn(main, signal);
}

/** Begins to hear of what happens around the page. */
export function followSurroundings(): void {
  hiddenAt = document.hidden ? now() : null;
  document.addEventListener('visibilitychange', () => {
    hiddenAt = document.hidden ? now() : null;
    if (!document.hidden) wake();
  });
  addEventListener('online', () => {
    if (!streaming) close();
    wake();
  });
  addEventListener('offline', lost);
  addEventListener('pagehide', close);
  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return;
    stay();
    void swap();
    wake();
  });
}

/** Asks at once. */
export async function ask(): Promise<void> {
  if (!target || asking) return;
  asking = true;
  askingSince ??= now();
  const pause = document.hidden ? ASK_HIDDEN_MS : now() - askingSince > LATER_MS ? ASK_LATER_MS : ASK_MS;
  askAt = now() + pause;
  try {
    const response = await request(target.status, ANSWER_MS, { headers: { Accept: 'application/json' } });
    askAt = Math.max(askAt, now() + retryAfterMs(response));
    if (response.ok) {
      back();
      hear(await response.json());
    } else if (response.status === 404) {
      void swap(); // the page knows what to say
    } else if (response.status !== 429) {
      lost();
    }
  } catch {
    lost();
  } finally {
    asking = false;
  }
}

function wake(): void {
  if (!target) return;
  lostAt = null;
  openAt = 0;
  if (!source) open();
  void ask();
}

function stop(): void {
  close();
  clearInterval(ticking);
  target = null;
  newest = null;
  followed = '';
  lostAt = null;
  failures = 0;
}

function close(): void {
  source?.close();
  source = null;
  streaming = false;
}

function open(): void {
  close();
  if (!target) return;
  const opened = new EventSource(target.live);
  source = opened;
  heardAt = now();
  askAt = Math.max(askAt, heardAt + FIRST_WORD_MS);
  opened.onmessage = ({ data }: MessageEvent<string>) => {
    alive();
    hear(JSON.parse(data));
  };
  opened.addEventListener('hb', alive);
  opened.addEventListener('bye', () => {
    close();
    openAt = now() + 300 + 1_700 * Math.random();
  });
  opened.onerror = () => {
    streaming = false;
    if (lostAt === null) {
      lost();
      void ask();
    }
    // The browser comes back by itself after a broken connection, but not after a refusal.
    if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
    close();
    const pause = RETRIES_MS[Math.min(failures, RETRIES_MS.length - 1)] ?? 0;
    openAt = now() + pause * (0.7 + 0.6 * Math.random());
    failures += 1;
  };
}

function alive(): void {
  heardAt = now();
  streaming = true;
  failures = 0;
  askingSince = null;
  back();
}

function tick(): void {
  const hiddenLong = hiddenAt !== null && now() - hiddenAt > HIDDEN_MAX_MS;
  if (hiddenLong) close();
  else if (source ? now() - heardAt > SILENT_MAX_MS : now() >= openAt) open();
  if (!streaming && now() >= askAt - TICK_MS / 2) void ask();
  if (lostAt !== null && !lostTold && !document.hidden && now() - lostAt > LOST_TOLD_MS) {
    lostTold = true;
    announce(phrase(words.lost));
  }
}

function lost(): void {
  lostAt ??= now();
}

function back(): void {
  lostAt = null;
  if (!lostTold) return;
  lostTold = false;
  announce(phrase(words.back));
  setTimeout(() => {
    const status = document.getElementById('status');
    if (status && status.textContent === words.back) status.textContent = '';
  }, BACK_SHOWN_MS);
}

function isFinal(phase: string | undefined): boolean {
  return phase === 'approved' || phase === 'cancelled' || phase === 'failed' || phase === 'expired';
}

/** Presence alone changes no screen. */
function scene(phase: string | undefined): string | undefined {
  return phase === 'opened' ? 'waiting' : phase;
}

function hear(snapshot: Snapshot): void {
  setClock(snapshot.now);
  const main = shown();
  const { phase, seq, page, screen } = main.dataset;
  if (isFinal(phase) || snapshot.seq < Math.max(Number(seq), newest?.seq ?? 0)) return;
  newest = snapshot;
  if (snapshot.phase === 'opened' && phase === 'waiting' && page === 'pc') announce(phrase(words.opened));
  // The question whether to stop is the same whoever pays.
  const asksToStop = page === 'pc' && screen === 'cancel' && isOpen(phase) && isOpen(snapshot.phase);
  if (scene(snapshot.phase) === scene(phase) || asksToStop) {
    main.dataset.phase = snapshot.phase;
    main.dataset.seq = String(snapshot.seq);
    if (snapshot.pc_gone) offerToGoOn(main);
    return;
  }
  const news = `${snapshot.seq} ${snapshot.phase}`;
  if (news === followed) return;
  followed = news;
  void change(snapshot, news);
}

function isOpen(phase: string | undefined): boolean {
  return phase === 'waiting' || phase === 'opened' || phase === 'paying';
}

async function change({ phase, redirect_url, pc_gone }: Snapshot, news: string): Promise<void> {
  const { page } = shown().dataset;
  const goesOn = phase === 'authenticated' && redirect_url !== null && !pc_gone;
  if (goesOn) setTimeout(() => leaveTo(redirect_url), document.hidden ? 0 : LEAVE_MS);
  const swapped = await swap(undefined, { saying: whatToSay(phase, page, goesOn) });
  if (swapped !== 'failed' || followed !== news) return;
  setTimeout(() => {
    if (followed !== news) return;
    followed = '';
    if (newest) hear(newest);
  }, AGAIN_MS);
}

/** What the new heading alone does not say. */
function whatToSay(phase: Phase, page: string | undefined, goesOn: boolean): string | undefined {
  if (phase !== 'authenticated') return undefined;
  if (goesOn) return words.authenticated;
  return page === 'phone' ? words.authenticatedOnPc : undefined;
}

const offered = new WeakSet<HTMLElement>();

/** Nobody is at the PC: the server has another screen for that, which is shown after a while. */
function offerToGoOn(main: HTMLElement, signal?: AbortSignal): void {
  if (main.dataset.screen !== 'continue-on-pc' || offered.has(main)) return;
  offered.add(main);
  const timer = setTimeout(() => {
    if (main.isConnected) void swap();
  }, PC_GONE_MS);
  signal?.addEventListener('abort', () => clearTimeout(timer));
}
