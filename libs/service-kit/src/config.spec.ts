import {
  ConfigurationError,
  commonVariables,
  integer,
  readEnvironment,
  secret,
  urlOf,
  versionedSecrets,
} from './config';

const SECRET = 'a-secret-of-at-least-32-characters';
const specs = {
  ...commonVariables,
  PORT: integer(1, 65_535)({ default: 8080 }),
  DATABASE_URL: urlOf('postgres:')(),
  TID_SECRET: secret(),
  CHECKOUT_SECRETS: versionedSecrets(),
};
const good = { DATABASE_URL: 'postgres://h/d', TID_SECRET: SECRET, CHECKOUT_SECRETS: `1:${SECRET},2:${SECRET}x` };

function problems(environment: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnvironment(specs, environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('is read once into typed values', () => {
    const read = readEnvironment(specs, { ...good, PORT: '9090' });
    expect(read).toMatchObject({ PORT: 9090, MODE: 'sandbox', DATABASE_URL: 'postgres://h/d' });
    expect([...read.CHECKOUT_SECRETS.keys()]).toEqual([1, 2]);
  });

  it('tells every wrong variable at once', () => {
    expect(problems({ MODE: 'prod', PORT: '80a', NATS_URL: 'http://h' }).map((line) => line.split(/[ :]/)[0])).toEqual(
      expect.arrayContaining(['MODE', 'PORT', 'NATS_URL', 'DATABASE_URL', 'TID_SECRET', 'CHECKOUT_SECRETS']),
    );
  });

  it.each(['0', '65536', '1e3', '-1', '80 80', 'x'])('does not take %p as a port', (PORT) => {
    expect(problems({ ...good, PORT })).toEqual(['PORT: must be a whole number from 1 to 65535']);
  });

  it.each(['short', `0:${SECRET}`, `256:${SECRET}`, `1:${SECRET},1:${SECRET}`, SECRET])(
    'does not take %p as versioned secrets, and does not repeat it',
    (CHECKOUT_SECRETS) => {
      const [problem] = problems({ ...good, CHECKOUT_SECRETS });
      expect(problem).toMatch(/^CHECKOUT_SECRETS: must be like/);
      expect(problem).not.toContain(SECRET);
    },
  );

  it('takes no published secret in live mode, also inside a URL, and any in sandbox mode', () => {
    const published = 'sandbox-only-secret-of-at-least-32-characters';
    const environment = { ...good, TID_SECRET: published, DATABASE_URL: `postgres://u:${published}@h/d` };
    expect(problems({ ...environment, MODE: 'live' })).toEqual([
      'DATABASE_URL is a published sandbox secret; live mode needs one of your own',
      'TID_SECRET is a published sandbox secret; live mode needs one of your own',
    ]);
    expect(problems({ ...environment, MODE: 'sandbox' })).toEqual([]);
  });

  it('never repeats a secret', () => {
    expect(problems({ ...good, TID_SECRET: 'hunter2' })).toEqual(['TID_SECRET: must have at least 32 characters']);
  });
});
