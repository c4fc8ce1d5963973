/**
 * The text rules of the API: every value is trimmed, brought to Unicode NFC and counted in code points.
 */

/** Text that shows nothing counts as blank: blanks, zero-width and filler characters. */
const INVISIBLE = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

/**
 * Characters no text field takes: controls (Cc), bidirectional controls (they can make a page or log line read
 * differently from what was stored), line and paragraph separators, lone surrogates (not encodable).
 */
const FORBIDDEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\p{Cs}]/u;

/** Trimmed NFC text. */
export function normaliseText(text: string): string {
  return text.trim().normalize('NFC');
}

export function isBlank(text: string): boolean {
  return INVISIBLE.test(text);
}

export function isPlainText(text: string): boolean {
  return !FORBIDDEN.test(text);
}

/** Length in Unicode code points, as the specification's "자" is counted. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
