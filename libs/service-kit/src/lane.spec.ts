import { setImmediate as turn } from 'node:timers/promises';
import { Lane } from './lane';

interface Packet {
  readonly items: readonly number[];
  readonly arrived: () => void;
}

describe('a lane', () => {
  let packets: Packet[];
  let lane: Lane<number>;
  const sent = () => packets.map(({ items }) => items);
  const add = (...items: number[]) => {
    for (const item of items) lane.add(item);
    return turn();
  };

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    packets = [];
    lane = new Lane((items, arrived) => packets.push({ items, arrived }));
  });
  afterEach(() => jest.useRealTimers());

  it('hands over at once, and together, what comes at the same moment', async () => {
    await add(1, 2, 3);
    expect(sent()).toEqual([[1, 2, 3]]);
  });

  it('gathers what comes while two packets are on their way, and hands it over when one has arrived', async () => {
    await add(1);
    await add(2);
    await add(3);
    await add(4, 5);
    expect(sent()).toEqual([[1], [2]]);
    packets[0]?.arrived();
    await add(6);
    expect(sent()).toEqual([[1], [2], [3, 4, 5, 6]]);
  });

  it('makes room once for a packet, however many of its answers are told', async () => {
    await add(1);
    await add(2);
    packets[0]?.arrived();
    packets[0]?.arrived();
    await add(3);
    await add(4);
    expect(sent()).toEqual([[1], [2], [3]]);
  });

  it('waits ten milliseconds for a packet and no longer', async () => {
    await add(1);
    await add(2);
    await add(3);
    jest.advanceTimersByTime(9);
    await turn();
    expect(sent()).toEqual([[1], [2]]);
    jest.advanceTimersByTime(1);
    await turn();
    expect(sent()).toEqual([[1], [2], [3]]);
    // Both were given up, and only one packet has taken their place.
    await add(4);
    expect(sent()).toEqual([[1], [2], [3], [4]]);
  });

  it('hands over 64 at a time, in order', async () => {
    const items = Array.from({ length: 130 }, (_, i) => i);
    await add(...items);
    expect(sent()).toEqual([items.slice(0, 64), items.slice(64, 128)]);
    packets[1]?.arrived();
    await turn();
    expect(sent()[2]).toEqual(items.slice(128));
  });

  it('gives back what has not left when it is cleared, and begins anew', async () => {
    await add(1);
    await add(2);
    await add(3, 4);
    expect(lane.clear()).toEqual([3, 4]);
    packets[0]?.arrived();
    await add(5);
    await add(6);
    await add(7);
    expect(sent()).toEqual([[1], [2], [5], [6]]);
  });
});
