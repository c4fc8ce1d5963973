import { inPackets, readPacket } from './packets';

const sizes = (packets: ReturnType<typeof inPackets>) => packets.map(({ count }) => count);

describe('packets', () => {
  it('carry messages in order, whatever is in them', () => {
    const messages = [{ text: '고구마피자\n"🍕"\u2028' }, {}, { list: [1, null] }, { text: '\u0000' }];
    const packets = inPackets(messages);
    expect(sizes(packets)).toEqual([4]);
    expect(packets.flatMap(({ packet }) => readPacket(packet))).toEqual(messages);
  });

  it('are none for nothing', () => {
    expect(inPackets([])).toEqual([]);
  });

  it('carry at most 64 messages and half a megabyte, and a larger message by itself', () => {
    expect(sizes(inPackets(Array.from({ length: 130 }, (_, i) => ({ i }))))).toEqual([64, 64, 2]);
    const large = { text: '한'.repeat(100_000) };
    expect(sizes(inPackets([large, {}, large, large, { text: '한'.repeat(200_000) }, {}]))).toEqual([2, 1, 1, 1, 1]);
  });

  it.each(['{', '{}', '{}\n{', '{}\n\n', '{}{}\n'])('are not %j', (text) => {
    expect(() => readPacket(Buffer.from(text))).toThrow(SyntaxError);
  });
});
