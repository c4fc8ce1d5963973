import type { KeypadMode } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { cookieOf, setCookie } from './cookies';

const COOKIE = 'oneq_typing';

/** How the payer enters the password: what the address asks for, which is remembered until the browser is closed. */
export function keypadMode(
  request: Pick<FastifyRequest, 'headers'>,
  asked: KeypadMode | undefined,
  reply: Pick<FastifyReply, 'header'>,
  secure: boolean,
): KeypadMode {
  const remembered = cookieOf(request.headers.cookie, COOKIE) === '1' ? 'type' : 'pad';
  if (asked === 'type') reply.header('set-cookie', setCookie(COOKIE, '1', { secure }));
  if (asked === 'pad' && remembered === 'type') {
    reply.header('set-cookie', setCookie(COOKIE, '', { secure, maxAgeSeconds: 0 }));
  }
  return asked ?? remembered;
}
