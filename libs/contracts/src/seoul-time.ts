/** Asia/Seoul is UTC+9 without daylight saving since 1988, so plain arithmetic is exact for every time of ours. */
const SEOUL_OFFSET_MS = 9 * 60 * 60 * 1000;

/** `YYYY.MM.DD HH:mm:ss` */
const PATTERN = /^(\d{4})\.(\d{2})\.(\d{2}) (\d{2}):(\d{2}):(\d{2})$/;

/** The instant in the specification's format `YYYY.MM.DD HH:mm:ss`, Asia/Seoul. */
export function toSeoulTime(instant: Date): string {
  const iso = new Date(instant.getTime() + SEOUL_OFFSET_MS).toISOString();
  return `${iso.slice(0, 10).replaceAll('-', '.')} ${iso.slice(11, 19)}`;
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
