import { OneQError } from '@oneq/contracts';
import { RateLimit } from './rate-limit';

describe('a rate limit', () => {
  const headers = new Map<string, unknown>();
  const reply = { header: (name: string, value: unknown) => headers.set(name, value) } as never;
  beforeEach(() => headers.clear());

  /** How many of `count` requests at the time `now` are let through. */
  function passed(limit: RateLimit, count: number, now: number, client = 'a'): number {
    let passes = 0;
    for (let i = 0; i < count; i += 1) {
      try {
        limit.take(client, reply, now);
        passes += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
      }
    }
    return passes;
  }

  it("lets a second's worth through at once, and then as many as time allows", () => {
    const limit = new RateLimit('address', 10);
    expect(passed(limit, 50, 1_000)).toBe(10);
    expect(passed(limit, 50, 1_099)).toBe(0);
    expect(passed(limit, 50, 1_500)).toBe(5);
    expect(passed(limit, 50, 9_000)).toBe(10);
  });

  it('does not count what it refused, so that a client who insists is served at its rate', () => {
    const limit = new RateLimit('address', 10);
    let served = 0;
    for (let now = 0; now < 10_000; now += 1) served += passed(limit, 1, now);
    expect(served).toBe(109); // ten at once, then one each 100 ms
  });

  it('never touches a client at exactly its rate, for an hour', () => {
    const limit = new RateLimit('merchant', 300);
    for (let i = 0; i < 300 * 3_600; i += 1) limit.take('a', reply, 1_000_000 + (i * 1_000) / 300);
  });

  it('lets an honest peak through by default: 300 payments a second of five requests each, however they bunch', () => {
    const limit = new RateLimit('merchant', 2_000);
    for (let second = 0; second < 60; second += 1) expect(passed(limit, 1_500, second * 1_000)).toBe(1_500);
  });

  it('counts each client by itself', () => {
    const limit = new RateLimit('address', 2);
    expect(passed(limit, 5, 0, 'a')).toBe(2);
    expect(passed(limit, 5, 0, 'b')).toBe(2);
  });

  it('tells how long to wait, in the headers of the IETF draft too, and only when it refuses', () => {
    const limit = new RateLimit('merchant', 1);
    limit.take('a', reply, 0);
    expect([...headers]).toEqual([]);
    let refused: unknown;
    try {
      limit.take('a', reply, 0);
    } catch (error) {
      refused = error;
    }
    expect((refused as OneQError).extras.retryAfterSeconds).toBe(1);
    expect(Object.fromEntries(headers)).toEqual({
      'ratelimit-policy': '"merchant";q=1;w=1',
      ratelimit: '"merchant";r=0;t=1',
    });
    limit.take('a', reply, 1_000); // and the wait is enough
  });

  it('remembers a bounded number of clients, the latest ones', () => {
    const limit = new RateLimit('address', 1);
    limit.take('regular', reply, 0);
    for (let i = 0; i < 40_000; i += 1) limit.take(`flood ${i}`, reply, 0);
    expect(passed(limit, 1, 0, 'regular')).toBe(0); // still remembered
    for (let i = 0; i < 100_000; i += 1) limit.take(`more ${i}`, reply, 0);
    expect(passed(limit, 1, 0, 'regular')).toBe(1); // forgotten
  });
});
