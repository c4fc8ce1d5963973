import { readConfig } from './config';

const SECRET = 'a-secret-of-at-least-thirty-two-characters';
const read = (environment: NodeJS.ProcessEnv) =>
  readConfig({ REDIRECT_SECRET: SECRET, SESSION_SECRET: SECRET, ...environment });

describe('where webhooks may go', () => {
  it.each([
    [{ HOST: 'localhost' }, true],
    [{ HOST: '127.0.0.1' }, true],
    [{ HOST: '::1' }, true],
    [{}, true],
    [{ HOST: '0.0.0.0' }, false],
    [{ HOST: '127.evil.example' }, false],
    [{ HOST: '192.168.0.7' }, false],
    [{ HOST: '0.0.0.0', WEBHOOK_ALLOW_PRIVATE: 'true' }, true],
    [{ HOST: 'localhost', MODE: 'live' }, false],
  ])('with %j is private too: %s', (environment, expected) => {
    expect(read(environment).webhooksToPrivate).toBe(expected);
  });

  it('cannot be private in live mode: the gateway does not start', () => {
    expect(() => read({ MODE: 'live', WEBHOOK_ALLOW_PRIVATE: 'true' })).toThrow(
      'WEBHOOK_ALLOW_PRIVATE: live mode sends no webhook to a private address',
    );
  });
});
