/** What an address asks for. Whatever is in it that is none of ours counts as not there. */
import { type CheckoutPage, KEYPAD_MODES, PAYMENT_METHOD_TYPES } from '@oneq/contracts';
import type { FastifyRequest } from 'fastify';
import type { PageAddress } from './address';
import { STEPS, type Visit } from './choose-screen';
import { PASSWORD_NOTICES } from './screens/password';

const AMOUNT = /^[0-9]{1,10}$/;
const ATTEMPT = /^[A-Za-z0-9_-]{1,80}$/;
const NOTICES = [...PASSWORD_NOTICES, 'short'] as const;

export type Asked = ReturnType<typeof askedOf>;

export function askedOf(page: CheckoutPage, request: Pick<FastifyRequest, 'query' | 'headers'>) {
  const query = request.query as Readonly<Record<string, unknown>>;
  const { token, top_up_amount, first, lang } = query;
  const visit: Visit = {
    page,
    route: page === 'phone' && query.via === 'qr' ? 'qr' : 'direct',
    step: oneOf(STEPS, query.step),
    method: oneOf(PAYMENT_METHOD_TYPES, query.payment_method_type),
    topUpAmount: matching(AMOUNT, top_up_amount) === undefined ? undefined : Number(top_up_amount),
    moment: request.headers['x-oneq-swap'] === '1' ? 'watched' : query.go === '1' ? 'acted' : 'opened',
  };
  return {
    visit,
    token: typeof token === 'string' ? token : '',
    mode: oneOf(KEYPAD_MODES, query.mode),
    first: matching(ATTEMPT, first),
    notice: oneOf(NOTICES, query.notice),
    lang: oneOf(['ko', 'en'] as const, lang),
  };
}

/** The address again, without what counts once. @param address of the page */
export function hereAgain(address: PageAddress, { visit, mode, first, lang }: Asked): string {
  return address.url({
    step: visit.step,
    payment_method_type: visit.method,
    top_up_amount: visit.topUpAmount,
    mode,
    first,
    lang,
  });
}

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((each) => each === value);
}

function matching(form: RegExp, value: unknown): string | undefined {
  return typeof value === 'string' && form.test(value) ? value : undefined;
}
