/**
 * Amounts, times and counts as they are read aloud. 오전 and 오후 are written by hand: what `Intl` prints for ko-KR
 * depends on the machine's ICU.
 */
import { type Language, toSeoulTime } from '@oneq/contracts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function won(amount: number, language: Language): string {
  return language === 'ko' ? `${grouped(amount)}원` : `${grouped(amount)} won`;
}

/** How many of the goods. */
export function pieces(count: number, language: Language): string {
  return language === 'ko' ? `${grouped(count)}개` : grouped(count);
}

/** `2026. 11. 23. 오후 3:42`, `23 Nov 2026, 3:42 PM (KST)`. @param ms since 1970 */
export function dateAndTime(ms: number, language: Language): string {
  const { year, month, day } = inSeoul(ms);
  return language === 'ko'
    ? `${year}. ${month}. ${day}. ${clock(ms, language)}`
    : `${day} ${MONTHS[month - 1]} ${year}, ${clock(ms, language)} (KST)`;
}

/** `오후 3:42`, `3:42 PM`. @param ms since 1970 */
export function clock(ms: number, language: Language): string {
  const { hour, minute } = inSeoul(ms);
  const twelve = `${hour % 12 || 12}:${two(minute)}`;
  if (language === 'ko') return `${hour < 12 ? '오전' : '오후'} ${twelve}`;
  return `${twelve} ${hour < 12 ? 'AM' : 'PM'}`;
}

/** What is left of a time: `14분 05초`, `14 min 05 s`. */
export function countdown(ms: number, language: Language): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const rest = minutes > 0 ? two(seconds % 60) : String(seconds);
  if (language === 'ko') return minutes > 0 ? `${minutes}분 ${rest}초` : `${rest}초`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** A length of time in whole minutes, or in seconds when it is shorter. */
export function duration(seconds: number, language: Language): string {
  if (seconds < 60) return language === 'ko' ? `${seconds}초` : plural(seconds, 'second');
  const minutes = Math.ceil(seconds / 60);
  return language === 'ko' ? `${minutes}분` : plural(minutes, 'minute');
}

function plural(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function two(count: number): string {
  return String(count).padStart(2, '0');
}

function inSeoul(ms: number) {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = toSeoulTime(new Date(ms)).split(/[. :]/).map(Number);
  return { year, month, day, hour, minute };
}
