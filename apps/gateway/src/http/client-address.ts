import { isIP, isIPv4, isIPv6 } from 'node:net';
import { makeValidator } from 'envalid';

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];
const HOPS_MAX = 10;

/** Whose `X-Forwarded-For` is believed: a number of hops, or networks. */
export type TrustedProxies = number | string[];

/** {@link TrustedProxies}: `1`, or `10.0.0.0/8,loopback`; 0 trusts nobody. */
export const trustedProxies = makeValidator<TrustedProxies>((input) => {
  const text = input.trim();
  if (/^[0-9]{1,2}$/.test(text) && Number(text) <= HOPS_MAX) return Number(text);
  const networks = text.split(',').map((network) => network.trim());
  if (!networks.every(isNetwork)) {
    throw new Error(`must be a number of proxies from 0 to ${HOPS_MAX}, or addresses and networks like 10.0.0.0/8`);
  }
  return networks;
});

function isNetwork(text: string): boolean {
  if (NAMED_NETWORKS.includes(text)) return true;
  const [, address = '', bits] = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && (bits === undefined || Number(bits) <= (family === 4 ? 32 : 128));
}

/**
 * What stands for a client where clients are counted: an IPv4 address, or the /64 of an IPv6 one, since whoever has one
 * address of a /64 usually has them all. What is no address, as a proxy might pass on, is one client.
 */
export function clientNetworkOf(ip: string): string {
  const [address = ''] = ip.replace(/^::ffff:(?=[0-9]+\.)/i, '').split('%', 1); // without the zone
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const [head = '', tail = ''] = address.split('::');
  const first = head === '' ? [] : head.split(':');
  const missing = address.includes('::') ? 8 - first.length - groupsIn(tail) : 0;
  const groups = [...first, ...Array<string>(missing).fill('0'), ...tail.split(':')].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** An IPv4 address at the end of an IPv6 one stands for two groups. */
function groupsIn(text: string): number {
  if (text === '') return 0;
  return text.split(':').length + (text.includes('.') ? 1 : 0);
}
