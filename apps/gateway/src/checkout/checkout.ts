import { Injectable } from '@nestjs/common';
import { type CheckoutPage, type CheckoutView, type Language, OneQError, ViewCheckout } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { notFoundPage, paymentPage } from './page';

/** The payer's pages as HTML. */
@Injectable()
export class Checkout {
  constructor(private readonly client: MessageClient) {}

  /** The page that a token opens, or the page for a link that opens nothing. */
  async render(page: CheckoutPage, token: unknown, language: Language): Promise<{ found: boolean; html: string }> {
    const view = typeof token === 'string' ? await this.view(page, token) : null;
    return view ? { found: true, html: paymentPage(view, language) } : { found: false, html: notFoundPage(language) };
  }

  private async view(page: CheckoutPage, token: string): Promise<CheckoutView | null> {
    try {
      return await this.client.ask(ViewCheckout, { token, page });
    } catch (error) {
      // A text that cannot even be a token is refused by its form.
      if (error instanceof OneQError && error.definition.status < 500) return null;
      throw error;
    }
  }
}
