import { leaveTo } from './page.js';

/** A screen that has nothing more to ask goes on to the shop by itself. */
export function leave(main: HTMLElement, signal: AbortSignal): void {
  const { leave: url, leaveAfter } = main.dataset;
  if (!url) return;
  const timer = setTimeout(() => leaveTo(url), Number(leaveAfter ?? 0));
  signal.addEventListener('abort', () => clearTimeout(timer));
}
