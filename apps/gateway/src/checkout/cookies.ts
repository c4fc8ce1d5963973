/** Cookies (RFC 6265): the few that the payer's pages have are read and written by hand. */

/** The value of a cookie; undefined when it was not sent. Of two with one name the first counts, as it is the closer one. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** Sent also when a payer arrives from the shop (`Lax`), but never with what another site posts. */
export function setCookie(
  name: string,
  value: string,
  options: { secure: boolean; maxAgeSeconds?: number; httpOnly?: boolean },
): string {
  const { secure, maxAgeSeconds, httpOnly = true } = options;
  return [
    `${name}=${value}`,
    'Path=/',
    'SameSite=Lax',
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    ...(httpOnly ? ['HttpOnly'] : []),
    ...(secure ? ['Secure'] : []),
  ].join('; ');
}
