import { type LookupAddress } from 'node:dns';
import { lookup, Resolver } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';

/** The URL leads where webhooks must not go: into this machine or a private network. */
export class ForbiddenTarget extends Error {
  override readonly name = 'ForbiddenTarget';
}

/** Finds the addresses of a host name. */
export type Resolve = (hostname: string, privateAllowed: boolean, signal: AbortSignal) => Promise<LookupAddress[]>;

/** IPv6 addresses that are given out at all; everything else is reserved. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** NAT64 (RFC 6052): the last 32 bits are an IPv4 address. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
const SIX_TO_FOUR = ipaddr.IPv6.parseCIDR('2002::/16');

/** Whether an address is one of the public internet. */
export function isPublic(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.range() === 'unicast';
  const bytes = parsed.toByteArray();
  if (parsed.isIPv4MappedAddress() || parsed.match(NAT64)) return isPublicIPv4(bytes.slice(12));
  if (parsed.match(SIX_TO_FOUR)) return isPublicIPv4(bytes.slice(2, 6));
  return parsed.range() === 'unicast' && parsed.match(GLOBAL_UNICAST);
}

function isPublicIPv4(bytes: number[]): boolean {
  return new ipaddr.IPv4(bytes).range() === 'unicast';
}

/**
 * Every address of a URL's host, all of them allowed. Who connects uses one of these and asks no second time, so that a
 * name cannot lead elsewhere between the check and the connection.
 * @throws {ForbiddenTarget} when any address is not public, unless private ones are allowed
 * @throws the resolver's error for a name that leads nowhere
 */
export async function addressesOf(
  url: URL,
  privateAllowed: boolean,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<LookupAddress[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  // The URL parser has turned 0x7f.1, 2130706433 and the like into plain addresses.
  const addresses = ipaddr.isValid(host)
    ? [{ address: host, family: ipaddr.parse(host).kind() === 'ipv6' ? 6 : 4 }]
    : await aborting(resolve(host, privateAllowed, signal), signal);
  if (!privateAllowed && addresses.some(({ address }) => !isPublic(address))) throw new ForbiddenTarget();
  return addresses;
}

/**
 * Public names are asked from the name servers without the thread pool, whose few threads a slow name server of one
 * merchant would take from all others. Where private targets are allowed, names of the machine itself count too.
 */
export const resolveHost: Resolve = async (hostname, privateAllowed, signal) => {
  if (privateAllowed) return lookup(hostname, { all: true });
  if (/^(.+\.)?localhost\.?$/i.test(hostname)) throw new ForbiddenTarget();
  const resolver = new Resolver({ timeout: 1_500, tries: 2 });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = [
      ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
      ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
    ];
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason;
    return found;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};

/** Rejects as soon as the signal aborts, whatever the promise does. */
function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
