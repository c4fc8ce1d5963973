/** Asia/Seoul is UTC+9 without daylight saving since 1988, so plain arithmetic is exact for every time of ours. */
const SEOUL_OFFSET_MS = 9 * 60 * 60 * 1000;

/** `YYYY.MM.DD HH:mm:ss` */
const PATTERN = /^(\d{4})\.(\d{2})\.(\d{2}) (\d{2}):(\d{2}):(\d{2})$/;

const DAY_MS = 24 * 60 * 60 * 1000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
/** The day, in days since 1970, that was told last: most times told one after the other are of the same one. */
let lastDay = Number.NaN;
let lastDate = '';

/** The instant in the specification's format `YYYY.MM.DD HH:mm:ss`, Asia/Seoul. */
export function toSeoulTime(instant: Date): string {
  const local = instant.getTime() + SEOUL_OFFSET_MS;
  const day = Math.floor(local / DAY_MS);
  if (day !== lastDay) {
    lastDate = new Date(local).toISOString().slice(0, 10).replaceAll('-', '.');
    lastDay = day;
  }
  const seconds = Math.floor((local - day * DAY_MS) / 1_000);
  const minutes = Math.floor(seconds / 60);
  return `${lastDate} ${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
}

/** The instant that `YYYY.MM.DD HH:mm:ss` names in Seoul, or null when no such date or time exists. */
export function fromSeoulTime(text: string): Date | null {
  if (!PATTERN.test(text)) return null;
  const local = new Date(`${text.slice(0, 10).replaceAll('.', '-')}T${text.slice(11)}Z`);
  if (Number.isNaN(local.getTime())) return null;
  const instant = new Date(local.getTime() - SEOUL_OFFSET_MS);
  // Date.parse rolls 30 February over to March: only what comes back unchanged exists.
  return toSeoulTime(instant) === text ? instant : null;
}
