import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  KEY_CODE_LENGTH,
  type Keypad,
  type KeypadMode,
  type KeypadPurpose,
  type OpenKeypadQuery,
  PASSWORD_LENGTH,
} from '@oneq/contracts';
import { glyph } from './glyphs';
import { shuffled } from './shuffle';

const PURPOSES: readonly KeypadPurpose[] = ['enter', 'set1', 'set2'];
const DIGITS = [...'0123456789'].map(Number);

const TIME_BYTES = 6;
const NONCE_BYTES = 16;
const MAC_BYTES = 16;
const HEAD_BYTES = 1 + TIME_BYTES + NONCE_BYTES;

/** What a password entered on a keypad agrees to; a keypad made for anything else does not open. */
export type Agreement = Pick<
  OpenKeypadQuery,
  'token' | 'session' | 'payment_method_type' | 'top_up_amount' | 'mode' | 'first'
>;

/** An attempt whose keypad was made here for this very agreement. */
export interface Attempt {
  /** UUID of the attempt. */
  readonly id: string;
  readonly purpose: KeypadPurpose;
  /** When the keypad was made, by the database's clock. */
  readonly issued_at: Date;
}

/**
 * Keypads whose keys mean nothing to the browser: each key has a code that only the holder of the secret can read, valid
 * for this attempt alone. Nothing is stored when a keypad is made: an attempt carries purpose, time and a nonce under a
 * MAC that binds them to the agreement, and any replica can read it.
 *
 * It keeps digits out of bodies, logs and traces, and resists key loggers, form grabbers, replay and onlookers who
 * remember movements. It does not resist who sees the screen, runs a script made for this page, or holds both the page
 * and its post; it supplements TLS, the content security policy and the lock.
 */
export class Keypads {
  constructor(private readonly secret: string) {}

  /** @param now ms since 1970 by the database's clock */
  make(agreement: Agreement, purpose: KeypadPurpose, now: number): Keypad {
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt8(PURPOSES.indexOf(purpose), 0);
    head.writeUIntBE(now, 1, TIME_BYTES);
    randomBytes(NONCE_BYTES).copy(head, 1 + TIME_BYTES);
    const attempt = Buffer.concat([head, this.mac(head, agreement)]).toString('base64url');
    const { id } = readHead(head);
    const keys = inOrder(agreement.mode).map((digit) => ({
      code: this.code(id, purpose, digit),
      path: agreement.mode === 'pad' ? glyph(digit) : null,
    }));
    return { attempt, purpose, keys };
  }

  /** The attempt; null when its keypad was not made here for this agreement. */
  open(attempt: string, agreement: Agreement): Attempt | null {
    const bytes = Buffer.from(attempt, 'base64url');
    if (bytes.length !== HEAD_BYTES + MAC_BYTES || bytes.toString('base64url') !== attempt) return null;
    const head = bytes.subarray(0, HEAD_BYTES);
    return timingSafeEqual(this.mac(head, agreement), bytes.subarray(HEAD_BYTES)) ? readHead(head) : null;
  }

  /** The digits that were pressed; null when these are not six keys of this attempt's keypad. */
  read({ id, purpose }: Attempt, keys: string): string | null {
    if (keys.length !== KEY_CODE_LENGTH * PASSWORD_LENGTH) return null;
    const digits = new Map(DIGITS.map((digit) => [this.code(id, purpose, digit), digit]));
    let password = '';
    for (let i = 0; i < keys.length; i += KEY_CODE_LENGTH) {
      const digit = digits.get(keys.slice(i, i + KEY_CODE_LENGTH));
      if (digit === undefined) return null;
      password += digit;
    }
    return password;
  }

  private code(id: string, purpose: KeypadPurpose, digit: number): string {
    const mac = createHmac('sha256', this.secret).update(`key:${id}:${purpose}:${digit}`);
    return mac.digest('base64url').slice(0, KEY_CODE_LENGTH);
  }

  private mac(
    head: Buffer,
    { token, session, payment_method_type, top_up_amount, mode, first = '' }: Agreement,
  ): Buffer {
    const text = JSON.stringify([token, session, payment_method_type, top_up_amount, mode, first]);
    return createHmac('sha256', this.secret)
      .update('attempt:')
      .update(head)
      .update(text)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}

/** A pad is shuffled for each attempt; a field to type in finds its keys by their digits. */
function inOrder(mode: KeypadMode): readonly number[] {
  return mode === 'pad' ? shuffled(DIGITS) : DIGITS;
}

function readHead(head: Buffer): Attempt {
  const purpose = PURPOSES[head.readUInt8(0)];
  if (!purpose) throw new RangeError('a keypad of no purpose was signed');
  const nonce = head.subarray(1 + TIME_BYTES).toString('hex');
  const id = nonce.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { id, purpose, issued_at: new Date(head.readUIntBE(1, TIME_BYTES)) };
}
