import { isIP, isIPv4, isIPv6 } from 'node:net';
import { makeValidator } from 'envalid';
import ipaddr from 'ipaddr.js';

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
  if (isIPv4(ip)) return ip;
  if (!isIPv6(ip)) return 'unknown';
  const address = ipaddr.process(ip); // an IPv4 address in an IPv6 one comes out of it
  if (address instanceof ipaddr.IPv4) return address.toString();
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`;
}
