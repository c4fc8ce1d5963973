/** Most of what travels together, characters; a quarter of NATS's limit, since one can take three bytes. */
const PACKET_MAX = 262_144;
/** Most messages that travel together: what one loss takes along. */
const MESSAGES_MAX = 64;

/** Messages written as JSON arrays, in order, none of them too large for NATS unless a message by itself is. */
export function inPackets(messages: readonly object[]): Array<{ packet: string; count: number }> {
  const packets: Array<{ packet: string; count: number }> = [];
  let texts: string[] = [];
  let length = 0;
  const close = () => {
    if (texts.length > 0) packets.push({ packet: `[${texts.join()}]`, count: texts.length });
    texts = [];
    length = 0;
  };
  for (const message of messages) {
    const text = JSON.stringify(message);
    if (texts.length === MESSAGES_MAX || length + text.length > PACKET_MAX) close();
    texts.push(text);
    length += text.length;
  }
  close();
  return packets;
}
