import { randomBytes, randomUUID } from 'node:crypto';
import type { CheckoutPage, Keypad, OpenKeypadQuery, PasswordSubmitted } from '@oneq/contracts';
import { BindPhone } from '../src/checkout/bind-phone';
import { EnterPassword } from '../src/checkout/enter-password';
import { ViewCheckout } from '../src/checkout/view-checkout';
import type { PaymentService } from './service';

export type Choice = Partial<Pick<OpenKeypadQuery, 'payment_method_type' | 'top_up_amount' | 'mode' | 'first'>>;

/** A browser at one of the pages of a payment. */
export class Payer {
  constructor(
    private readonly service: PaymentService,
    readonly token: string,
    private readonly page: CheckoutPage = 'phone',
    readonly session: string = randomBytes(32).toString('hex'),
    /** Stands for its address. */
    readonly client: string = randomBytes(32).toString('hex'),
  ) {}

  private get query() {
    return { token: this.token, page: this.page, session: this.session };
  }

  view() {
    return this.service.module.get(ViewCheckout).view(this.query);
  }

  begin(via: 'qr' | 'direct' = 'qr') {
    return this.service.module.get(BindPhone).begin({ ...this.query, via });
  }

  release() {
    return this.service.module.get(BindPhone).release(this.query);
  }

  cancel(reference: string = randomUUID()) {
    return this.service.module.get(BindPhone).cancel({ ...this.query, via: 'direct', reference });
  }

  open(choice: Choice = {}) {
    return this.service.module.get(EnterPassword).open({ ...this.query, ...chosen(choice) });
  }

  /** A keypad whose keys the test can find by their digits. */
  async keypad(choice: Choice = {}): Promise<Keypad> {
    const { keypad } = await this.open(choice);
    if (!keypad) throw new Error('no keypad for this browser');
    return keypad;
  }

  /** Presses the digits on a keypad that was opened with this choice. */
  press(keypad: Keypad, digits: string, choice: Choice = {}): Promise<PasswordSubmitted> {
    const keys = [...digits].map((digit) => keypad.keys[Number(digit)]?.code ?? digit).join('');
    return this.submit(keypad.attempt, keys, choice);
  }

  submit(attempt: string, keys: string, choice: Choice = {}): Promise<PasswordSubmitted> {
    const { client } = this;
    return this.service.module.get(EnterPassword).submit({ ...this.query, ...chosen(choice), attempt, keys, client });
  }

  /** Opens a keypad and enters the password. */
  async enter(digits: string, choice: Choice = {}): Promise<PasswordSubmitted> {
    return this.press(await this.keypad(choice), digits, choice);
  }

  /** Sets a new password, twice, and pays with it. */
  async set(digits: string, again = digits, choice: Choice = {}): Promise<PasswordSubmitted> {
    const first = await this.keypad(choice);
    const taken = await this.press(first, digits, choice);
    if (taken.outcome !== 'repeat') return taken;
    return this.enter(again, { ...choice, first: first.attempt });
  }
}

function chosen({ payment_method_type = 'MONEY', top_up_amount = 0, mode = 'type', first }: Choice) {
  return { payment_method_type, top_up_amount, mode, first };
}
