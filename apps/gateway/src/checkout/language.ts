import type { Language } from '@oneq/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredLanguage } from '../http/problem';
import { cookieOf, setCookie } from './cookies';

const COOKIE = 'oneq_lang';
const YEAR_SECONDS = 365 * 24 * 60 * 60;

export const OTHER_LANGUAGE: Readonly<Record<Language, Language>> = { ko: 'en', en: 'ko' };

/** The payer's language: what the address asks for, which is remembered, else what was asked for before, else the browser's. */
export function languageOf(
  request: Pick<FastifyRequest, 'headers'>,
  asked: string | undefined,
  reply: Pick<FastifyReply, 'header'>,
  secure: boolean,
): Language {
  if (isLanguage(asked)) {
    reply.header('set-cookie', setCookie(COOKIE, asked, { secure, maxAgeSeconds: YEAR_SECONDS }));
    return asked;
  }
  const remembered = cookieOf(request.headers.cookie, COOKIE);
  return isLanguage(remembered) ? remembered : preferredLanguage(request.headers['accept-language']);
}

function isLanguage(text: string | undefined): text is Language {
  return text === 'ko' || text === 'en';
}
