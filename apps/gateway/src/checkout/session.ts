import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type GatewayConfig } from '../config';
import { clientNetworkOf } from '../http/client-address';
import { cookieOf, setCookie } from './cookies';

/** 128 bits, so that no session can be guessed. */
const SESSION_BYTES = 16;
const SESSION = /^[A-Za-z0-9_-]{22}$/;

/** A payer's browser. */
export interface Session {
  /** SHA-256 of the cookie, hex: what the payment service knows the browser by, so that the cookie itself never travels. */
  readonly hash: string;
  /** What every form of this browser's pages carries; another site cannot know it. */
  readonly csrf: string;
}

/**
 * Knows a payer's browser again by a cookie, and tells its own forms from forged ones: a form is taken when its hidden
 * field fits the cookie. `Origin` is not asked for, because browsers send `null` for pages without referrer.
 */
@Injectable()
export class Sessions {
  private readonly secure: boolean;
  private readonly name: string;

  constructor(@Inject(CONFIG) private readonly config: Pick<GatewayConfig, 'PUBLIC_URL' | 'SESSION_SECRET'>) {
    this.secure = config.PUBLIC_URL.startsWith('https:');
    this.name = this.secure ? '__Host-oneq_session' : 'oneq_session';
  }

  /** The browser's session; null when it has none, or none of this form. */
  of(request: Pick<FastifyRequest, 'headers'>): Session | null {
    const cookie = cookieOf(request.headers.cookie, this.name);
    return cookie !== undefined && SESSION.test(cookie) ? this.made(cookie) : null;
  }

  /** The browser's session, or a new one that the answer gives it. */
  ofOrNew(request: Pick<FastifyRequest, 'headers'>, reply: Pick<FastifyReply, 'header'>): Session {
    const known = this.of(request);
    if (known) return known;
    const cookie = randomBytes(SESSION_BYTES).toString('base64url');
    reply.header('set-cookie', setCookie(this.name, cookie, { secure: this.secure }));
    return this.made(cookie);
  }

  /** The session of a form that one of this browser's own pages sent; null for any other. */
  ofForm(request: Pick<FastifyRequest, 'headers'>, csrf: string | undefined): Session | null {
    if (request.headers['sec-fetch-site'] === 'cross-site') return null;
    const session = this.of(request);
    return session && equal(session.csrf, csrf ?? '') ? session : null;
  }

  /** What stands for a browser's address where wrong passwords are counted: a keyed hash, since an address is personal. */
  clientOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
    return createHmac('sha256', this.config.SESSION_SECRET)
      .update(`address ${clientNetworkOf(ip)}`)
      .digest('hex');
  }

  private made(cookie: string): Session {
    return {
      hash: createHash('sha256').update(cookie).digest('hex'),
      csrf: createHmac('sha256', this.config.SESSION_SECRET).update(cookie).digest('base64url'),
    };
  }
}

/** In constant time, so that the right text cannot be found out letter by letter. */
function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
