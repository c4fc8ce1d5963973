/** What the forms of the payer's pages send. */
import {
  CHECKOUT_PAGES,
  CHECKOUT_ROUTES,
  type CheckoutPage,
  type CheckoutRoute,
  INTEGER_MAX,
  Integer,
  KEYPAD_MODES,
  type KeypadMode,
  OneOf,
  PAYMENT_METHOD_TYPES,
  type PaymentMethodType,
  Text,
} from '@oneq/contracts';

export class CheckoutForm {
  @Text({ max: 64, description: 'token of the page' })
  readonly token!: string;

  /** A form without it is refused as a forged one is. */
  @Text({ max: 64, optional: true, description: 'tells our own forms from forged ones' })
  readonly csrf?: string;

  @OneOf({ max: 10, values: CHECKOUT_ROUTES, optional: true, description: 'how the phone came' })
  readonly via?: CheckoutRoute;
}

export class CancelForm extends CheckoutForm {
  @OneOf({ max: 10, values: CHECKOUT_PAGES, description: 'page that the form is on' })
  readonly page!: CheckoutPage;
}

export class PasswordForm extends CheckoutForm {
  @Text({ max: 80, description: 'attempt' })
  readonly attempt!: string;

  @Text({ max: 80, description: 'codes of the keys, one after the other' })
  readonly keys!: string;

  @OneOf({ max: 10, values: PAYMENT_METHOD_TYPES, description: 'chosen method' })
  readonly payment_method_type!: PaymentMethodType;

  @Integer({ min: 0, max: INTEGER_MAX, description: 'won that the linked account adds to the pay money' })
  readonly top_up_amount!: number;

  @OneOf({ max: 10, values: KEYPAD_MODES, description: 'how the password is entered' })
  readonly mode!: KeypadMode;

  @Text({ max: 80, optional: true, description: 'the attempt that entered a new password for the first time' })
  readonly first?: string;
}
