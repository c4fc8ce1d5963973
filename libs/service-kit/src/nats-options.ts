import type { NatsOptions } from '@nestjs/microservices';

type Options = Required<NatsOptions>['options'];

/**
 * Connection options for `nats://user:password@host:port`: the client itself does not read credentials from
 * the URL. A lost connection is taken up again for ever, five times a second; a server that vanished without a word is
 * noticed within six seconds.
 * @param inboxPrefix where this client's replies arrive; its NATS user may subscribe only there.
 */
export function natsOptions(url: string, name: string, inboxPrefix?: string): Options {
  const { protocol, username, password, host } = new URL(url);
  return {
    servers: [host],
    name,
    ...(username && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
    ...(protocol === 'tls:' && { tls: {} }),
    ...(inboxPrefix && { inboxPrefix }),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 200,
    reconnectJitter: 50,
    waitOnFirstConnect: true,
    pingInterval: 2_000,
    maxPingOut: 2,
    timeout: 2_000,
  };
}
