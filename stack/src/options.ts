import path from 'node:path';

type Mode = 'sandbox' | 'live';

/** What a stack is started with. */
export interface StackOptions {
  /** Public TCP port of the gateway. */
  readonly port: number;
  /** Address that the gateway listens on. */
  readonly host: string;
  /** Address under which payers and merchants reach the gateway, without a slash at its end. */
  readonly publicUrl: string;
  /** Holds the database, secrets, logs and stack.json; created when missing. */
  readonly dataDir: string;
  readonly mode: Mode;
  readonly paymentReplicas: number;
  /** A database to use instead of the stack's own server. */
  readonly databaseUrl?: string;
  /** A NATS server to use instead of the stack's own. */
  readonly natsUrl?: string;
  /** The gateway's management port; a free one when not given. */
  readonly metricsPort?: number;
  /** Further environment variables for the services; they win over this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program of a service; by default the built one. */
  readonly entry?: (service: ServiceName) => string;
  /** Settings of the database that it brings along, by name, as in postgresql.conf. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
  /** Told each step and each event in one line. */
  readonly progress?: (line: string) => void;
}

export type ServiceName = 'gateway' | 'affiliation' | 'payment';

/** The environment or the command line asks for what cannot be; one sentence for each problem. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const PORT_MAX = 65_535;
const REPLICAS_MAX = 16;

/**
 * The options that the environment of `npm start` asks for.
 * @throws {OptionsError} naming every problem at once
 */
export function parseOptions(environment: NodeJS.ProcessEnv, args: readonly string[] = []): StackOptions {
  const problems = args.map((arg) => `There is no option ${arg}; npm start -- --help lists what there is.`);
  const text = (name: string) => environment[name]?.trim() || undefined;

  const integer = (name: string, min: number, max: number) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (/^[0-9]{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    problems.push(`${name} must be a whole number from ${min} to ${max}, not "${value}".`);
    return undefined;
  };
  const oneOf = <const T extends string>(name: string, choices: readonly T[]) => {
    const value = text(name);
    const choice = choices.find((candidate) => candidate === value);
    if (value !== undefined && choice === undefined) {
      problems.push(`${name} must be ${choices.join(' or ')}, not "${value}".`);
    }
    return choice;
  };
  // The value is not repeated: it may hold a password.
  const url = (name: string, protocols: readonly string[]) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value;
    problems.push(
      `${name} must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`,
    );
    return undefined;
  };

  const port = integer('PORT', 1, PORT_MAX) ?? 8080;
  const options: StackOptions = {
    port,
    host: text('HOST') ?? 'localhost',
    publicUrl: (url('PUBLIC_URL', ['http:', 'https:']) ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    dataDir: path.resolve(text('DATA_DIR') ?? '.data'),
    mode: oneOf('MODE', ['sandbox', 'live']) ?? 'sandbox',
    paymentReplicas: integer('PAYMENT_REPLICAS', 1, REPLICAS_MAX) ?? 1,
    databaseUrl: url('DATABASE_URL', ['postgres:', 'postgresql:']),
    natsUrl: url('NATS_URL', ['nats:', 'tls:']),
    metricsPort: integer('METRICS_PORT', 1, PORT_MAX),
  };
  oneOf('MERCHANT_AUTH', ['optional', 'required']);
  oneOf('LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
  if (problems.length > 0) throw new OptionsError(problems);
  return options;
}
