import { CleanedEnv, cleanEnv, makeValidator, str, type ValidatorSpec } from 'envalid';

/** Exit code of a process whose configuration is wrong (EX_CONFIG): starting it again cannot help. */
export const EXIT_CONFIGURATION = 78;

/** Shortest secret taken, in characters. */
const SECRET_LENGTH_MIN = 32;

/** The configuration cannot be used; the message has one line for each wrong variable and never a value. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * The environment, read once into a typed object; every wrong variable is named in one error.
 * @throws {ConfigurationError}
 */
export function readEnvironment<S extends Record<string, ValidatorSpec<unknown>>>(
  specs: S,
  environment: NodeJS.ProcessEnv = process.env,
): Readonly<CleanedEnv<S>> {
  const read = cleanEnv(environment, specs, {
    reporter: ({ errors }) => {
      const problems = Object.entries(errors).map(([name, error]) =>
        error?.name === 'EnvMissingError' ? `${name} is not set` : `${name}: ${error?.message}`,
      );
      if (problems.length > 0) throw new ConfigurationError(problems);
    },
  });
  if (environment.MODE === 'live') refuseSandboxSecrets(Object.keys(specs), environment);
  // A plain copy: envalid's own object throws when anybody, such as Nest, asks it for a name it does not know.
  return Object.freeze({ ...read });
}

/** Marks the secrets that docker-compose.yml publishes for practice. */
const SANDBOX_SECRET = 'sandbox-only-';

/** Published secrets protect no real money. */
function refuseSandboxSecrets(names: readonly string[], environment: NodeJS.ProcessEnv): void {
  const published = names.filter((name) => environment[name]?.includes(SANDBOX_SECRET));
  if (published.length > 0) {
    throw new ConfigurationError(
      published.map((name) => `${name} is a published sandbox secret; live mode needs one of your own`),
    );
  }
}

/** A whole number from `min` to `max`. */
export const integer = (min: number, max: number) =>
  makeValidator<number>((input) => {
    const value = Number(input);
    if (!/^[0-9]+$/.test(input.trim()) || value < min || value > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  });

/** An absolute URL of one of these protocols (`http:`). */
export const urlOf = (...protocols: string[]) =>
  makeValidator<string>((input) => {
    const protocol = URL.canParse(input) ? new URL(input).protocol : '';
    if (!protocols.includes(protocol)) throw new Error(`must be a URL that starts with ${protocols.join('// or ')}//`);
    return input.replace(/\/+$/, '');
  });

/** A secret of at least 32 characters, which no error ever repeats. */
export const secret = makeValidator<string>((input) => {
  if (input.length < SECRET_LENGTH_MIN) throw new Error(`must have at least ${SECRET_LENGTH_MIN} characters`);
  return input;
});

/** Secrets by version, `1:<secret>,2:<secret>`, versions 1 to 255; the highest one makes what is new. */
export type VersionedSecrets = ReadonlyMap<number, string>;

/** {@link VersionedSecrets}; the highest version is the one in use, older ones still read what they wrote. */
export const versionedSecrets = makeValidator<VersionedSecrets>((input) => {
  const secrets = new Map<number, string>();
  for (const entry of input.split(',')) {
    const [, version, value = ''] = /^([0-9]{1,3}):(.*)$/.exec(entry.trim()) ?? [];
    const number = Number(version);
    if (!version || number < 1 || number > 255 || value.length < SECRET_LENGTH_MIN || secrets.has(number)) {
      throw new Error(`must be like 1:<secret>,2:<secret>, each of at least ${SECRET_LENGTH_MIN} characters`);
    }
    secrets.set(number, value);
  }
  return secrets;
});

/** Variables that a service with a database reads. */
export const databaseVariables = {
  DATABASE_URL: urlOf('postgres:', 'postgresql:')(),
  /** Longest wait for a connection, ms: a database that is away is told within a second. */
  DATABASE_CONNECT_TIMEOUT_MS: integer(50, 2_500)({ default: 800 }),
  /**
   * Longest wait for a row that somebody else has locked, ms. Who queues there waits once for its turn and once for the row,
   * so that a row locked for long is told within a second.
   */
  DATABASE_LOCK_TIMEOUT_MS: integer(10, 1_900)({ default: 400 }),
};

/** Variables that every service reads. */
export const commonVariables = {
  MODE: str({ choices: ['sandbox', 'live'] as const, default: 'sandbox' }),
  NATS_URL: urlOf('nats:', 'tls:')({ default: 'nats://127.0.0.1:4222' }),
  METRICS_HOST: str({ default: '127.0.0.1' }),
  METRICS_PORT: integer(0, 65_535)({ default: 0 }),
  LOG_LEVEL: str({ choices: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const, default: 'info' }),
};
