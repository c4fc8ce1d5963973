/** Bytes of JSON that one answer carries at most, well within what NATS takes for a message. */
const ANSWER_BYTES_MAX = 512 * 1024;

/** The first of these that fit into one answer, and at least one: a page may be shorter than was asked for. */
export function fitting<T>(items: readonly T[]): T[] {
  let bytes = 0;
  const end = items.findIndex((item, i) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return i > 0 && bytes > ANSWER_BYTES_MAX;
  });
  return end < 0 ? [...items] : items.slice(0, end);
}
