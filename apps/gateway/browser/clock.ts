/** The server's clock: the device's may be wrong. ms since 1970. */
let ahead = Number.NEGATIVE_INFINITY;

/** @param now what the server said; it is late by the way here, so that the latest time is the best */
export function setClock(now: number): void {
  ahead = Math.max(ahead, now - performance.now());
}

export function serverNow(): number {
  return ahead + performance.now();
}

/** What is left of a time, in whole seconds. */
export function partsOf(ms: number): { readonly minutes: number; readonly seconds: number } {
  const all = Math.max(0, Math.ceil(ms / 1_000));
  return { minutes: Math.floor(all / 60), seconds: all % 60 };
}

/** Which of these times was passed between two looks at what is left; the last of them. */
export function passed(marks: readonly number[], before: number, after: number): number | undefined {
  return marks.filter((mark) => before > mark && after <= mark).pop();
}
