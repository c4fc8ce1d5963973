import { createHash } from 'node:crypto';
import { Sessions } from './session';

const config = { PUBLIC_URL: 'http://192.168.0.5:8080', SESSION_SECRET: 'a-secret-of-at-least-32-characters' };
const sessions = new Sessions(config);
const COOKIE = 'abcdefghijklmnopqrstu-';
const asking = (headers: Record<string, string>) => ({ headers });

function answer() {
  const set: unknown[] = [];
  const reply = { header: (_name: string, value: unknown) => set.push(value) };
  return { set, reply: reply as unknown as Parameters<Sessions['ofOrNew']>[1] };
}

describe("a payer's session", () => {
  it('is given to a browser that has none, with 128 random bits', () => {
    const { set, reply } = answer();
    const first = sessions.ofOrNew(asking({}), reply);
    const second = sessions.ofOrNew(asking({}), reply);
    expect(set).toEqual(
      Array(2).fill(expect.stringMatching(/^oneq_session=[A-Za-z0-9_-]{22}; Path=\/; SameSite=Lax; HttpOnly$/)),
    );
    expect(first.hash).not.toBe(second.hash);
  });

  it('is kept, and known to the payment service by its hash alone', () => {
    const { set, reply } = answer();
    const session = sessions.ofOrNew(asking({ cookie: `a=b; oneq_session=${COOKIE}; c` }), reply);
    expect(session.hash).toBe(createHash('sha256').update(COOKIE).digest('hex'));
    expect(set).toEqual([]);
  });

  it.each(['', 'short', `${COOKIE}x`, 'abcdefghijklmnopqrst<>'])('is replaced when it is %p', (cookie) => {
    const { set, reply } = answer();
    sessions.ofOrNew(asking({ cookie: `oneq_session=${cookie}` }), reply);
    expect(set).toHaveLength(1);
  });

  it('belongs to this host alone where the address is https', () => {
    const { set, reply } = answer();
    new Sessions({ ...config, PUBLIC_URL: 'https://pay.example' }).ofOrNew(
      asking({ cookie: `oneq_session=${COOKIE}` }),
      reply,
    );
    expect(set).toEqual([
      expect.stringMatching(/^__Host-oneq_session=[\w-]{22}; Path=\/; SameSite=Lax; HttpOnly; Secure$/),
    ]);
  });
});

describe('a form', () => {
  const cookie = `oneq_session=${COOKIE}`;
  const csrf = sessions.of(asking({ cookie }))?.csrf;

  it('is taken when its field fits the cookie, also without Origin and from a page without referrer', () => {
    expect(sessions.ofForm(asking({ cookie }), csrf)).not.toBeNull();
    expect(sessions.ofForm(asking({ cookie, origin: 'null', 'sec-fetch-site': 'same-origin' }), csrf)).not.toBeNull();
  });

  it.each([
    ['without the field', asking({ cookie }), undefined],
    ['with another field', asking({ cookie }), `${csrf?.slice(0, -1)}!`],
    ['without the cookie', asking({}), csrf],
    ["with another browser's cookie", asking({ cookie: `oneq_session=${COOKIE.toUpperCase()}` }), csrf],
    ['of another site', asking({ cookie, 'sec-fetch-site': 'cross-site' }), csrf],
  ])('is refused %s', (_name, request, field) => {
    expect(sessions.ofForm(request, field)).toBeNull();
  });

  it('of one deployment is not one of another', () => {
    const other = new Sessions({ ...config, SESSION_SECRET: 'another-secret-of-at-least-32-chars' });
    expect(other.ofForm(asking({ cookie }), csrf)).toBeNull();
  });
});
