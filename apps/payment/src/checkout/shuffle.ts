import { randomInt } from 'node:crypto';

/** The items in an order of which each is as likely as any other. */
export function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(randomInt(left.length), 1));
}
