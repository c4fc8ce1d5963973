import { createHash, randomBytes } from 'node:crypto';
import { type Mode, OneQError } from '@oneq/contracts';

/** A new merchant key: its prefix tells the mode, then 256 random bits. */
export function newSecretKey(mode: Mode): string {
  return `sk_${mode === 'live' ? 'live' : 'test'}_${randomBytes(32).toString('base64url')}`;
}

/** SHA-256 of a key, hex. A key has 256 random bits, so a fast hash is enough: there is nothing to guess. */
export function hashSecretKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/**
 * The credential of an `Authorization: Bearer …` header (RFC 6750); undefined when the header is missing.
 * @throws {OneQError} SECRET_KEY_INVALID for any other form
 */
export function bearerCredential(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [, credential] = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization) ?? [];
  if (credential === undefined) throw new OneQError('SECRET_KEY_INVALID');
  return credential;
}
