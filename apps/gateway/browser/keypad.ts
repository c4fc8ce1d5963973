/**
 * Enters the payment password. A digit exists here only as the opaque code of its key; in the field to type in, for the
 * instant in which it is turned into that code.
 */
import { announce, byId, phrase, say, words } from './page.js';
import { submit } from './submit.js';

const LENGTH = 6;
const COLUMNS = 3;
const FILLER = '•';
const PRESS_MS = 120;
const VIBRATION_MS = 8;
/** A click that comes so soon after the finger was lifted, ms, is the same press. */
const CLICK_AFTER_MS = 1_000;

/** The codes entered so far. */
class Entry {
  readonly codes: string[] = [];

  constructor(
    private readonly form: HTMLFormElement,
    private readonly changed: (count: number) => void,
  ) {}

  /** Puts codes in the place of those from `start` to before `end`. */
  put(codes: readonly string[], start = this.codes.length, end = start): void {
    const before = this.codes.length;
    this.codes.splice(start, end - start, ...codes);
    this.codes.length = Math.min(this.codes.length, LENGTH);
    const entered = byId('entered');
    const text = phrase(words.entered, { n: this.codes.length });
    if (entered && before !== this.codes.length) entered.textContent = text;
    this.changed(this.codes.length);
  }

  get complete(): boolean {
    return this.codes.length === LENGTH;
  }

  /** Sends the codes and forgets them. */
  send(): void {
    for (const control of this.form.querySelectorAll<HTMLButtonElement | HTMLInputElement>('button, input')) {
      control.disabled = true;
    }
    byId('busy')?.removeAttribute('hidden');
    say(phrase(words.busy));
    const keys = this.codes.join('');
    this.forget();
    void submit(this.form, keys);
  }

  forget(): void {
    this.codes.fill('').length = 0;
  }
}

export function keypad(main: HTMLElement, signal: AbortSignal): void {
  const form = main.querySelector<HTMLFormElement>('form#password');
  if (!form) return;
  const entry = form.dataset.mode === 'type' ? typing(form, signal) : pressing(form, signal);
  const forget = () => entry.forget();
  signal.addEventListener('abort', forget);
  addEventListener('pagehide', forget, { signal });
}

/** Keys to press, by finger, mouse or keyboard. */
function pressing(form: HTMLFormElement, signal: AbortSignal): Entry {
  const pad = form.querySelector<HTMLElement>('#pad');
  const keys = [...(pad?.querySelectorAll<HTMLButtonElement>('button') ?? [])];
  const dots = [...(form.querySelector('.dots')?.children ?? [])];
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  const entry = new Entry(form, (count) => {
    for (const [index, dot] of dots.entries()) dot.classList.toggle('filled', index < count);
  });

  const press = (key: HTMLButtonElement) => {
    if (key.disabled || entry.complete) return;
    showPress(key, keys);
    if (!still.matches) navigator.vibrate?.(VIBRATION_MS);
    const { code, key: edit } = key.dataset;
    if (code) entry.put([code]);
    else if (edit === 'clear') entry.put([], 0, LENGTH);
    else entry.put([], entry.codes.length - 1, entry.codes.length);
    if (entry.complete) entry.send();
  };

  const keyOf = (target: EventTarget | null) =>
    keys.find((key) => target instanceof Node && key.contains(target)) ?? null;
  /** When a finger was lifted from a key; its click follows. */
  const lifted = new WeakMap<HTMLButtonElement, number>();
  const held = new Map<number, HTMLButtonElement>();
  pad?.addEventListener('pointerdown', ({ pointerId, target, button }) => {
    const key = keyOf(target);
    if (key && button === 0) held.set(pointerId, key);
  });
  pad?.addEventListener('pointerup', ({ pointerId, clientX, clientY, timeStamp }) => {
    const key = held.get(pointerId);
    held.delete(pointerId);
    if (!key || keyOf(document.elementFromPoint(clientX, clientY)) !== key) return;
    lifted.set(key, timeStamp);
    press(key);
  });
  pad?.addEventListener('pointercancel', ({ pointerId }) => held.delete(pointerId));
  pad?.addEventListener('click', ({ target, detail, timeStamp }) => {
    const key = keyOf(target);
    if (!key) return;
    // Keyboards and screen readers click without a finger.
    const sameAsPointer = detail > 0 && timeStamp - (lifted.get(key) ?? Number.NEGATIVE_INFINITY) < CLICK_AFTER_MS;
    if (!sameAsPointer) press(key);
  });

  pad?.addEventListener('focusin', ({ target }) => {
    const focused = keyOf(target);
    if (focused) for (const key of keys) key.tabIndex = key === focused ? 0 : -1;
  });
  pad?.addEventListener('keydown', (event) => {
    const from = keys.indexOf(event.target as HTMLButtonElement);
    const steps: Record<string, number> = {
      ArrowLeft: from - 1,
      ArrowRight: from + 1,
      ArrowUp: from - COLUMNS,
      ArrowDown: from + COLUMNS,
      Home: 0,
      End: keys.length - 1,
    };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    keys[to]?.focus();
  });
  document.addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'Backspace') {
        event.preventDefault();
        const last = form.querySelector<HTMLButtonElement>('[data-key=delete]');
        if (last) press(last);
      } else if (/^\d$/.test(event.key)) {
        announce(phrase(words.digitKeyHint));
      }
    },
    { signal },
  );
  form.addEventListener('submit', (event) => event.preventDefault());
  return entry;
}

/** The key answers, and another one with it, so that whoever sees one key light up learns less. */
function showPress(key: HTMLButtonElement, keys: readonly HTMLButtonElement[]): void {
  const others = keys.filter((other) => other !== key && other.dataset.code);
  const decoy = others[Math.floor(Math.random() * others.length)];
  for (const pressed of [key, decoy]) {
    pressed?.classList.add('pressed');
    setTimeout(() => pressed?.classList.remove('pressed'), PRESS_MS);
  }
}

/** A password field that never holds what is typed. */
function typing(form: HTMLFormElement, signal: AbortSignal): Entry {
  const field = form.querySelector<HTMLInputElement>('#typed');
  const codes = (form.dataset.codes ?? '').split(' ');
  /** The codes of the digits in a text, however they are written; all else is left out. */
  const codesOf = (text: string) =>
    [...text.normalize('NFKC')].filter((sign) => /^\d$/.test(sign)).map((digit) => codes[Number(digit)] ?? '');
  const fill = (count: number) => {
    if (field) field.value = FILLER.repeat(count);
  };
  const entry = new Entry(form, fill);
  if (!field) return entry;

  field.addEventListener('beforeinput', (event) => {
    if (!event.cancelable) return; // what it leaves is turned into codes below
    if (event.inputType === 'insertLineBreak') return; // Enter sends the form
    event.preventDefault();
    const start = Math.min(field.selectionStart ?? entry.codes.length, entry.codes.length);
    const end = Math.min(field.selectionEnd ?? start, entry.codes.length);
    let caret = start;
    if (event.inputType.startsWith('insert')) {
      const added = codesOf(event.data ?? event.dataTransfer?.getData('text/plain') ?? '');
      if (added.length === 0) return;
      entry.put(added, start, end);
      caret = Math.min(start + added.length, LENGTH);
    } else if (event.inputType === 'deleteContentForward') {
      entry.put([], start, Math.max(end, Math.min(start + 1, entry.codes.length)));
    } else if (event.inputType.startsWith('delete')) {
      caret = start < end ? start : Math.max(0, start - 1);
      entry.put([], caret, end);
    }
    field.setSelectionRange(caret, caret);
  });
  // Password managers, and keyboards whose input cannot be cancelled.
  const take = () => {
    const kept = [...field.value].filter((sign) => sign === FILLER).length;
    entry.put(codesOf(field.value), Math.min(kept, entry.codes.length), LENGTH);
  };
  field.addEventListener('input', take);
  take(); // what was there before this script
  const send = (event: Event) => {
    event.preventDefault();
    if (entry.complete) {
      entry.send();
      return;
    }
    say(phrase(words.entered, { n: entry.codes.length }));
    field.focus();
  };
  form.addEventListener('submit', send, { signal });
  return entry;
}
