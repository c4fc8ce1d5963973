const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Seconds from each failed attempt to the next one (contract); after the last of them an attempt that fails is the end. */
export const SCHEDULE_SECONDS = [
  5,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

/** Share of a delay by which it is made longer or shorter, so that what failed together does not come back together. */
const JITTER = 0.1;

/**
 * Seconds until the next attempt; null when there is none.
 * @param tries attempts on this schedule that came before the one that has just failed
 */
export function secondsToNext(tries: number, random: () => number = Math.random): number | null {
  const seconds = SCHEDULE_SECONDS[tries];
  return seconds === undefined ? null : seconds * (1 - JITTER + 2 * JITTER * random());
}
