/** Credentials of merchants: how they are made, and the hash that is all of them that travels and is stored. */
import { createHash, randomBytes } from 'node:crypto';
import type { Mode } from '../fields';

/** 256 bits: there is nothing to guess. */
const RANDOM_BYTES = 32;

/** What the secret keys of each mode start with. */
export const SECRET_KEY_PREFIX = { sandbox: 'sk_test_', live: 'sk_live_' } as const satisfies Record<Mode, string>;
/** What an operator's invitation to affiliate starts with. */
export const INVITATION_PREFIX = 'inv_';

/** A new merchant key: its prefix tells the mode, then 256 random bits. */
export function newSecretKey(mode: Mode): string {
  return SECRET_KEY_PREFIX[mode] + randomBytes(RANDOM_BYTES).toString('base64url');
}

/** A new invitation to affiliate: 256 random bits after its prefix. */
export function newInvitation(): string {
  return INVITATION_PREFIX + randomBytes(RANDOM_BYTES).toString('base64url');
}

/**
 * SHA-256 of a key or an invitation, hex. A fast hash is enough, for 256 random bits cannot be guessed.
 *
 * Credentials are looked up by this hash as a primary key. That comparison is not constant in time, and need not be:
 * what it compares is the hash of what was sent, which nobody can steer towards the hash of a key that they do not know,
 * so a difference in time tells nothing that leads to the next guess.
 */
export function hashCredential(credential: string): string {
  return createHash('sha256').update(credential).digest('hex');
}
