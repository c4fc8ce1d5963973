/** Most of what travels together, bytes; half of NATS's limit (`max_payload`). */
const PACKET_MAX = 524_288;
/** Most messages that travel together: what one loss takes along. */
export const MESSAGES_MAX = 64;
const NEW_LINE = 0x0a;

/**
 * Messages written as JSON lines, in order, none of the packets too large for NATS unless a message by itself is. Each message
 * is made into bytes by itself, and back: through one long text, which would have to be copied again and again, a page of
 * twenty payments in Korean costs seven times as much.
 */
export function inPackets(messages: readonly object[]): Array<{ packet: Uint8Array; count: number }> {
  const packets: Array<{ packet: Uint8Array; count: number }> = [];
  let lines: Buffer[] = [];
  let size = 0;
  const close = () => {
    if (lines.length > 0)
      packets.push({
        packet: lines.length === 1 ? (lines[0] as Buffer) : Buffer.concat(lines, size),
        count: lines.length,
      });
    lines = [];
    size = 0;
  };
  for (const message of messages) {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    if (lines.length === MESSAGES_MAX || size + line.length > PACKET_MAX) close();
    lines.push(line);
    size += line.length;
  }
  close();
  return packets;
}

/** The messages of a packet. @throws {SyntaxError} when it is none */
export function readPacket(packet: Uint8Array): unknown[] {
  const bytes = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  const messages: unknown[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(NEW_LINE, start);
    if (end < 0) throw new SyntaxError('a packet ends within a message');
    messages.push(JSON.parse(bytes.toString('utf8', start, end)));
    start = end + 1;
  }
  return messages;
}
