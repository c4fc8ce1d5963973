import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { ServiceName, StackOptions } from './options';
import { endChild, exitOf, ProcessExit, RunningProcess, StopStep } from './processes';
import { SecretName, Secrets } from './secrets';

/** What a service is connected to. */
export interface Connections {
  readonly natsUrl: string;
  /** The gateway has none. */
  readonly databaseUrl?: string;
}

export interface ServiceLaunch {
  /** Path of the compiled program. */
  readonly entry: string;
  /** A word on its command line by which a later stack finds it again. */
  readonly marker: string;
  readonly env: Readonly<Record<string, string>>;
  /** The port it is known by: the gateway's public one, the others' management port. */
  readonly port: number;
  /** Address at which `/health/ready` tells whether it serves. */
  readonly healthUrl: string;
  /** What it cannot serve without: before, it is not asked. */
  readonly needs?: Promise<unknown>;
  readonly logFile: string;
  /** Ends it at once when aborted. */
  readonly signal: AbortSignal;
}

const POLL_MS = 25;
const HEALTH_TIMEOUT_MS = 2_000;
const STOP_STEPS: readonly StopStep[] = [
  ['SIGTERM', 10_000],
  ['SIGKILL', 5_000],
];

/** What every service may see of this process's environment. */
const SYSTEM_VARIABLES = /^(PATH|HOME|TZ|LANG|LOG_LEVEL|NODE_.*|OTEL_.*)$/;

const DATABASE_WAITS = ['DATABASE_CONNECT_TIMEOUT_MS', 'DATABASE_LOCK_TIMEOUT_MS'];

const PASSED_ON: Readonly<Record<ServiceName, readonly string[]>> = {
  gateway: [
    'MERCHANT_AUTH',
    'WEBHOOK_ALLOW_PRIVATE',
    'RATE_LIMIT_PER_SECOND',
    'AFFINITY_UNANSWERED_MAX',
    'TRUST_PROXY',
  ],
  affiliation: [...DATABASE_WAITS, 'BUSINESS_REGISTRY', 'TAX_OFFICE_URL', 'TAX_OFFICE_SERVICE_KEY'],
  payment: [
    ...DATABASE_WAITS,
    'PAYMENT_TTL_SECONDS',
    'PIN_LOCK_SECONDS',
    'PIN_FAILURES_PER_ADDRESS',
    'PIN_FAILURES_PER_MERCHANT',
    'SANDBOX_BANK_BALANCE',
  ],
};

const OWN_SECRETS: Readonly<Record<ServiceName, readonly SecretName[]>> = {
  gateway: ['REDIRECT_SECRET', 'SESSION_SECRET'],
  affiliation: [],
  payment: [
    'TID_SECRET',
    'CHECKOUT_SECRETS',
    'ACCOUNT_SECRETS',
    'ACCOUNT_INDEX_SECRET',
    'PIN_PEPPERS',
    'KEYPAD_SECRET',
    'WEBHOOK_SECRETS',
  ],
};

/** The whole environment of a service: what it needs, and nothing that belongs to another. */
export function serviceEnvironment(
  service: ServiceName,
  options: StackOptions,
  { natsUrl, databaseUrl }: Connections,
  secrets: Secrets,
  metricsPort: number,
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const inherited = Object.entries(environment).filter(
    (variable): variable is [string, string] =>
      Boolean(variable[1]) && (SYSTEM_VARIABLES.test(variable[0]) || PASSED_ON[service].includes(variable[0])),
  );
  return {
    ...Object.fromEntries(inherited),
    ...Object.fromEntries(OWN_SECRETS[service].map((name) => [name, secrets[name]])),
    MODE: options.mode,
    NATS_URL: natsUrl,
    METRICS_PORT: String(metricsPort),
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    ...(service === 'gateway' ? { PORT: String(options.port), HOST: options.host, PUBLIC_URL: options.publicUrl } : {}),
    ...options.env,
  };
}

/** Starts a service's process; it is ready when its health check says so. */
export function launchService(launch: ServiceLaunch): RunningProcess {
  const { entry, marker, env, port, healthUrl, needs, logFile, signal } = launch;
  const log = openSync(logFile, 'a');
  const child = fork(entry, [marker], {
    // A group of its own, so that Ctrl-C in the terminal reaches only the supervisor, which stops things in order.
    // When the supervisor is killed, the service sees its IPC channel close and ends itself.
    detached: true,
    env,
    // None of this process's own. Source maps in particular would be parsed for each of two thousand modules while it starts.
    execArgv: [],
    stdio: ['ignore', log, log, 'ipc'],
    signal,
    killSignal: 'SIGKILL',
  });
  closeSync(log);
  const exited = exitOf(child);
  return {
    pid: child.pid ?? 0,
    port,
    ready: answersOk(healthUrl, exited, needs),
    exited,
    stop: () => endChild(child, exited, STOP_STEPS),
  };
}

/** Resolves when the URL answers 200; stays pending when the process ends before, or what it needs does not come. */
async function answersOk(url: string, exited: Promise<ProcessExit>, needs?: Promise<unknown>): Promise<void> {
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  await needs?.catch(() => {
    ended = true;
  });
  while (!ended) {
    if ((await statusOf(url)) === 200 && !ended) return;
    await delay(POLL_MS);
  }
  await new Promise<never>(() => undefined);
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: HEALTH_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}
