import { INVITATION_PREFIX, type Mode, OneQError, SECRET_KEY_PREFIX, type Words } from '@oneq/contracts';

/** The usual mistakes with a key, in words that never repeat it. */
const MISTAKES = {
  basic: {
    ko: 'Basic 인증은 지원하지 않습니다. Authorization: Bearer <시크릿 키> 형식으로 보내 주세요.',
    en: 'Basic authentication is not supported. Send the header Authorization: Bearer <secret key>.',
  },
  noScheme: {
    ko: 'Authorization 헤더에 Bearer가 빠져 있습니다. Authorization: Bearer <시크릿 키> 형식으로 보내 주세요.',
    en: 'The Authorization header lacks the word Bearer. Send Authorization: Bearer <secret key>.',
  },
  liveKey: {
    ko: '라이브 키(sk_live_…)는 샌드박스에서 사용할 수 없습니다. sk_test_로 시작하는 키를 보내 주세요.',
    en: 'This is a live key (sk_live_…), and this is the sandbox. Send the key that starts with sk_test_.',
  },
  testKey: {
    ko: '테스트 키(sk_test_…)는 라이브 환경에서 사용할 수 없습니다. sk_live_로 시작하는 키를 보내 주세요.',
    en: 'This is a test key (sk_test_…), and this is live mode. Send the key that starts with sk_live_.',
  },
  invitation: {
    ko: '초대(inv_…)는 제휴할 때만 사용합니다. sk_로 시작하는 시크릿 키를 보내 주세요.',
    en: 'This is an invitation (inv_…), which is for affiliating only. Send the secret key, which starts with sk_.',
  },
  webhookSecret: {
    ko: '웹훅 서명 키(whsec_…)는 API 호출에 사용할 수 없습니다. sk_로 시작하는 시크릿 키를 보내 주세요.',
    en: 'This is a webhook secret (whsec_…), which opens no call. Send the secret key, which starts with sk_.',
  },
  redirectSecret: {
    ko: 'redirect_secret(rs_…)은 API 호출에 사용할 수 없습니다. sk_로 시작하는 시크릿 키를 보내 주세요.',
    en: 'This is the redirect_secret (rs_…), which opens no call. Send the secret key, which starts with sk_.',
  },
  noInvitation: {
    ko: '제휴하려면 원큐페이가 보낸 초대가 필요합니다. Authorization: Bearer inv_… 형식으로 보내 주세요.',
    en: 'To affiliate you need an invitation of OneQ Pay. Send the header Authorization: Bearer inv_….',
  },
} as const satisfies Record<string, Words>;

/** Prefixes that tell a credential of another kind, and what to say of it. */
const OTHER_KINDS: ReadonlyArray<readonly [prefix: string, mistake: Words]> = [
  [INVITATION_PREFIX, MISTAKES.invitation],
  ['whsec_', MISTAKES.webhookSecret],
  ['rs_', MISTAKES.redirectSecret],
];

/**
 * The secret key of an `Authorization: Bearer …` header (RFC 6750); undefined when the header is missing.
 * @throws {OneQError} SECRET_KEY_INVALID, naming the mistake where it is a usual one
 */
export function secretKey(authorization: string | undefined, mode: Mode): string | undefined {
  const key = bearerCredential(authorization);
  if (key === undefined) return undefined;
  if (mode === 'sandbox' && key.startsWith(SECRET_KEY_PREFIX.live)) throw invalid(MISTAKES.liveKey);
  if (mode === 'live' && key.startsWith(SECRET_KEY_PREFIX.sandbox)) throw invalid(MISTAKES.testKey);
  const [, mistake] = OTHER_KINDS.find(([prefix]) => key.startsWith(prefix)) ?? [];
  if (mistake) throw invalid(mistake);
  return key;
}

/**
 * The invitation of an `Authorization: Bearer inv_…` header.
 * @throws {OneQError} SECRET_KEY_REQUIRED when the header is missing, SECRET_KEY_INVALID for anything else
 */
export function invitation(authorization: string | undefined): string {
  const credential = bearerCredential(authorization);
  if (credential === undefined) throw new OneQError('SECRET_KEY_REQUIRED', { detail: MISTAKES.noInvitation });
  if (!credential.startsWith(INVITATION_PREFIX)) throw invalid(MISTAKES.noInvitation);
  return credential;
}

function bearerCredential(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [, credential] = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization) ?? [];
  if (credential !== undefined) return credential;
  if (/^Basic\b/i.test(authorization)) throw invalid(MISTAKES.basic);
  // One word alone is a credential without its scheme, unless it is the scheme without a credential.
  if (/^[^\s,]+$/.test(authorization) && !/^Bearer$/i.test(authorization)) throw invalid(MISTAKES.noScheme);
  throw invalid();
}

function invalid(detail?: Words): OneQError {
  return new OneQError('SECRET_KEY_INVALID', { detail });
}
