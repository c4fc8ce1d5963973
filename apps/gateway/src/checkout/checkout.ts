import { Inject, Injectable } from '@nestjs/common';
import {
  type CheckoutView,
  type Keypad,
  type KeypadMode,
  type Language,
  OneQError,
  OpenKeypad,
  ViewCheckout,
} from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { CONFIG, type GatewayConfig } from '../config';
import type { Html } from '../http/html';
import { PageAddress } from './address';
import { type Choice, chooseScreen, leaveAfter, type Visit } from './choose-screen';
import { LIVE_WORDS } from './live-words';
import type { Page } from './pages';
import { pcGoesOn, phaseOf } from './phase';
import { Presence } from './presence';
import { isLoopback, qrCode } from './qr';
import { Redirects } from './redirects';
import { qr, qrPaying } from './screens/hand-over';
import { intro, stop } from './screens/intro';
import { method } from './screens/method';
import { password } from './screens/password';
import { elsewhere } from './screens/refusals';
import { locked, result } from './screens/results';
import { review, topUp } from './screens/review';
import type { Place, Screen } from './screens/screen';
import type { Session } from './session';
import { type Asked, hereAgain } from './visit';
import { WORDS } from './words';

/** Who looks, and how. */
export interface Viewer {
  readonly session: Session;
  readonly language: Language;
  readonly mode: KeypadMode;
}

/** The payer's pages of payments. */
@Injectable()
export class Checkout {
  constructor(
    private readonly client: MessageClient,
    private readonly redirects: Redirects,
    private readonly presence: Presence,
    @Inject(CONFIG) private readonly config: GatewayConfig,
  ) {}

  /**
   * The page that a token opens.
   * @throws {OneQError} PAYMENT_NOT_FOUND, also for a text that cannot even be a token; what else the service throws
   */
  async page(asked: Asked, viewer: Viewer): Promise<Page> {
    const { view, keypad } = await this.ask(asked, viewer);
    // How the bound phone came counts, not what its address says now.
    const route = pcGoesOn(view, asked.visit.page, asked.visit.route) ? 'qr' : 'direct';
    const visit: Visit = { ...asked.visit, route };
    const address = new PageAddress(visit.page, asked.token, route);
    const choice = chooseScreen(view, visit, {
      mode: this.config.MODE,
      keypad,
      pcGone: this.presence.pcGone(view),
    });
    const place: Place = {
      language: viewer.language,
      words: WORDS[viewer.language],
      address,
      csrf: viewer.session.csrf,
    };
    const leaveAfterMs = leaveAfter(view, visit);
    const phase = phaseOf(view, visit.page, this.presence.opened(view.tid));
    return {
      status: choice.screen === 'elsewhere' ? 409 : 200,
      page: visit.page,
      name: choice.screen,
      screen: this.screen(choice, view, place, asked, viewer.mode),
      told: choice.screen === 'qr' && phase === 'opened' ? LIVE_WORDS[viewer.language].opened : undefined,
      data: {
        live: address.live,
        status: address.status,
        phase,
        seq: view.seq,
        now: view.now,
        'expires-at': view.status === 'READY' ? view.expires_at : undefined,
        url: hereAgain(address, asked),
        ...(leaveAfterMs !== null && { leave: this.shopUrl(view) ?? undefined, 'leave-after': leaveAfterMs }),
      },
    };
  }

  private async ask(
    { visit, token, first }: Asked,
    { session, mode }: Viewer,
  ): Promise<{ view: CheckoutView; keypad: Keypad | null }> {
    const query = { token, page: visit.page, session: session.hash };
    try {
      if (visit.page === 'phone' && visit.step === 'password' && visit.method) {
        const agreed = { payment_method_type: visit.method, top_up_amount: visit.topUpAmount ?? 0 };
        return await this.client.ask(OpenKeypad, { ...query, ...agreed, mode, first });
      }
      return { view: await this.client.ask(ViewCheckout, query), keypad: null };
    } catch (error) {
      if (error instanceof OneQError && error.code === 'INVALID_PARAMETER') throw new OneQError('PAYMENT_NOT_FOUND');
      throw error;
    }
  }

  private screen(choice: Choice, view: CheckoutView, place: Place, asked: Asked, mode: KeypadMode): Screen {
    const { first, notice } = asked;
    switch (choice.screen) {
      case 'qr':
        return qr(
          view,
          place,
          this.qrCode(view, place),
          this.config.MODE === 'sandbox' && isLoopback(this.config.PUBLIC_URL),
        );
      case 'qr-paying':
        return qrPaying(view, place);
      case 'intro':
        return intro(view, place);
      case 'cancel':
        return stop(view, place);
      case 'elsewhere':
        return elsewhere(place);
      case 'locked':
        return locked(view, place, choice.until, this.shopUrl(view));
      case 'method':
        return method(view, place, choice, notice === 'short');
      case 'review':
        return review(view, place, choice);
      case 'top-up':
        return topUp(view, place, choice);
      case 'password':
        return password(view, place, choice, { mode, first, notice: notice === 'short' ? undefined : notice });
      default:
        return result(view, place, choice, this.shopUrl(view));
    }
  }

  private qrCode({ phone_token }: CheckoutView, { words }: Place): Html | null {
    if (phone_token === null) return null;
    const url = `${this.config.PUBLIC_URL}${new PageAddress('phone', phone_token, 'qr').url()}`;
    return qrCode(url, words.qr.image);
  }

  private shopUrl({ done }: CheckoutView): string | null {
    return done && this.redirects.urlFor(done);
  }
}
