import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { lockDataDir } from './data-dir-lock';
import { rotateLog, tailOf, writePrivateFile } from './files';
import { locateNatsServer, NatsServer, startNats } from './nats-server';
import { OptionsError, ServiceName, StackOptions } from './options';
import { freePort, portProblem } from './ports';
import { PostgresServer, startPostgres } from './postgres';
import { DATABASE } from './postgres-cluster';
import { postgresHome } from './postgres-home';
import { endProcess, processesWithArgument, RunningProcess, waitUntil } from './processes';
import { projectRoot } from './project';
import { createDatabase, DatabaseService, provision } from './provision';
import { readSecrets, Secrets } from './secrets';
import { Connections, launchService, serviceEnvironment } from './services';
import { StartError, StoppedError, SupervisedProcess, seconds } from './supervisor';

/** One process of a running stack, as in stack.json. */
export interface StackProcess {
  readonly name: ServiceName | 'nats' | 'postgres';
  readonly pid: number;
  /** The gateway's public port, the management port of the other services, the servers' own. */
  readonly port: number;
}

const LOG_TAIL_LINES = 20;
const SERVICE_ATTEMPTS_MAX = 3;
const SERVER_ATTEMPTS_MAX = 2;
/** Time that services of a killed supervisor get to end by themselves. */
const LEFTOVER_GRACE_MS = 5_000;

/** Starts a stack and resolves when a payment can be made. See {@link Stack}. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = new Stack(options);
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** PostgreSQL, NATS and the services as processes of this machine, watched, with `stack.json` telling where they are. */
export class Stack {
  /** Resolves, with the reason, when a process that was up can no longer be brought up. */
  readonly failed: Promise<StartError>;

  private readonly options: StackOptions;
  private readonly logs: string;
  private readonly soft = new AbortController();
  private readonly hard = new AbortController();
  private readonly supervised: { readonly name: StackProcess['name']; readonly process: SupervisedProcess }[] = [];
  private admin: { databaseUrl: string; natsUrl: string } | undefined;
  private fail: (error: StartError) => void = () => undefined;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private unlock: (() => void) | undefined;

  constructor(options: StackOptions) {
    mkdirSync(path.join(options.dataDir, 'logs'), { recursive: true });
    this.options = { ...options, dataDir: realpathSync(options.dataDir) };
    this.logs = path.join(this.options.dataDir, 'logs');
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  /** URL of the database as its administrator. */
  get databaseUrl(): string {
    return this.connected().databaseUrl;
  }

  /** URL of NATS as the operator. */
  get natsUrl(): string {
    return this.connected().natsUrl;
  }

  /** The latest process of each kind. */
  processes(): StackProcess[] {
    return this.supervised.flatMap(({ name, process }) =>
      process.latest ? [{ name, pid: process.latest.pid, port: process.latest.port }] : [],
    );
  }

  /**
   * Starts everything and resolves when a payment can be made. After a rejection, call {@link stop}.
   * @throws {OptionsError} when the port is taken
   * @throws {StartError} when a process does not come up
   * @throws {StoppedError} when {@link stop} was called meanwhile
   */
  start(): Promise<void> {
    this.starting ??= this.bringUp();
    return this.starting;
  }

  /** Stops everything: first what takes requests, last what keeps them. May be called at any time. */
  stop(): Promise<void> {
    this.soft.abort();
    this.stopping ??= this.bringDown();
    return this.stopping;
  }

  /** Ends every process at once, for when {@link stop} takes too long. Committed data is safe. */
  kill(): Promise<void> {
    for (const { process } of this.supervised) void process.stop();
    this.hard.abort();
    return this.stop();
  }

  private async bringUp(): Promise<void> {
    const { dataDir } = this.options;
    this.unlock = lockDataDir(dataDir);
    await this.endLeftovers();
    await this.checkPort();
    const secrets = readSecrets(dataDir);

    const gettingNats = this.bringUpNats(secrets);
    const services = Promise.all([this.bringUpDatabase(secrets), gettingNats]).then(async ([database, nats]) => {
      this.admin = { databaseUrl: database.adminUrl, natsUrl: nats.operatorUrl };
      const startedAt = performance.now();
      await this.bringUpServices(database.urls, nats.urls, secrets);
      return startedAt;
    });
    // It has no database, and loads while PostgreSQL starts.
    const gateway = gettingNats.then(
      ({ urls }) => this.superviseService('gateway', 'gateway', { natsUrl: urls.gateway }, secrets, services).up,
    );
    const [startedAt] = await Promise.all([services, gateway]);
    const replicas = this.options.paymentReplicas;
    this.line(
      `gateway, affiliation, payment${replicas > 1 ? ` × ${replicas}` : ''} … ${seconds(performance.now() - startedAt)}`,
    );
    this.writeStackFile();
  }

  private async bringUpDatabase(secrets: Secrets) {
    const startedAt = performance.now();
    const adminUrl = this.options.databaseUrl ?? (await this.bringUpPostgres(secrets));
    const urls = await provision({
      adminUrl,
      passwords: { affiliation: secrets.AFFILIATION_DB_PASSWORD, payment: secrets.PAYMENT_DB_PASSWORD },
    }).catch((error: Error) => {
      throw new StartError(`The database could not be prepared: ${error.message}`);
    });
    if (this.options.databaseUrl) this.line(`Database of DATABASE_URL … ${seconds(performance.now() - startedAt)}`);
    return { adminUrl, urls };
  }

  private async bringUpPostgres(secrets: Secrets): Promise<string> {
    const startedAt = performance.now();
    const home = postgresHome(this.options.dataDir);
    if (home.note) this.line(home.note);
    const logFile = this.newLog('postgres');
    let port: number | undefined;
    const server = await this.supervise<PostgresServer>(
      'postgres',
      'PostgreSQL',
      SERVER_ATTEMPTS_MAX,
      logFile,
      async () => {
        const started = await startPostgres({
          dataDir: home.directory,
          password: secrets.EMBEDDED_POSTGRES_PASSWORD,
          port,
          settings: this.options.postgresSettings,
          logFile,
          signal: this.hard.signal,
        });
        port = started.port;
        return started;
      },
    ).up;
    await createDatabase(server.url('postgres'), DATABASE);
    this.line(`PostgreSQL ${server.version} … ${seconds(performance.now() - startedAt)}`);
    return server.url(DATABASE);
  }

  private async bringUpNats(secrets: Secrets) {
    const { natsUrl, dataDir } = this.options;
    if (natsUrl) return { operatorUrl: natsUrl, urls: { gateway: natsUrl, affiliation: natsUrl, payment: natsUrl } };

    const startedAt = performance.now();
    const binary = await locateNatsServer({ progress: (line) => this.line(line), signal: this.soft.signal }).catch(
      (error: Error) => {
        throw new StartError(error.message);
      },
    );
    const logFile = this.newLog('nats');
    let port: number | undefined;
    const server = await this.supervise<NatsServer>('nats', 'nats-server', SERVER_ATTEMPTS_MAX, logFile, async () => {
      const started = await startNats({
        binary,
        dir: dataDir,
        port,
        configFile: path.join(projectRoot(), 'deploy', 'nats.conf'),
        env: {
          GATEWAY_NATS_PASSWORD: secrets.GATEWAY_NATS_PASSWORD,
          AFFILIATION_NATS_PASSWORD: secrets.AFFILIATION_NATS_PASSWORD,
          PAYMENT_NATS_PASSWORD: secrets.PAYMENT_NATS_PASSWORD,
          OPERATOR_NATS_PASSWORD: secrets.OPERATOR_NATS_PASSWORD,
        },
        logFile,
        signal: this.hard.signal,
      });
      port = started.port;
      return started;
    }).up;
    this.line(`nats-server ${server.version} … ${seconds(performance.now() - startedAt)}`);
    const urls = {
      gateway: server.url('gateway', secrets.GATEWAY_NATS_PASSWORD),
      affiliation: server.url('affiliation', secrets.AFFILIATION_NATS_PASSWORD),
      payment: server.url('payment', secrets.PAYMENT_NATS_PASSWORD),
    };
    return { operatorUrl: server.url('operator', secrets.OPERATOR_NATS_PASSWORD), urls };
  }

  private async bringUpServices(
    databaseUrls: Readonly<Record<DatabaseService, string>>,
    natsUrls: Readonly<Record<DatabaseService, string>>,
    secrets: Secrets,
  ): Promise<void> {
    const replicas = this.options.paymentReplicas;
    const start = (name: DatabaseService, title: string) =>
      this.superviseService(name, title, { natsUrl: natsUrls[name], databaseUrl: databaseUrls[name] }, secrets).up;
    await Promise.all([
      start('affiliation', 'affiliation'),
      ...Array.from({ length: replicas }, (_, index) =>
        start('payment', replicas > 1 ? `payment-${index + 1}` : 'payment'),
      ),
    ]);
  }

  private superviseService(
    name: ServiceName,
    title: string,
    connections: Connections,
    secrets: Secrets,
    needs?: Promise<unknown>,
  ) {
    const { options } = this;
    const entry = options.entry?.(name) ?? path.join(projectRoot(), 'dist', 'apps', name, 'src', 'main.js');
    const logFile = this.newLog(title);
    let metricsPort: number | undefined = name === 'gateway' ? options.metricsPort : undefined;
    return this.supervise(name, title, SERVICE_ATTEMPTS_MAX, logFile, async () => {
      // The one of its last life, for whoever watches it there; never another than the operator's.
      if (metricsPort === undefined || metricsPort !== options.metricsPort) metricsPort = await freePort(metricsPort);
      const port = name === 'gateway' ? options.port : metricsPort;
      return launchService({
        entry,
        marker: this.marker,
        env: serviceEnvironment(name, options, connections, secrets, metricsPort),
        port,
        healthUrl: `http://${name === 'gateway' ? reachableHost(options.host) : '127.0.0.1'}:${port}/health/ready`,
        needs,
        logFile,
        signal: this.hard.signal,
      });
    });
  }

  private supervise<P extends RunningProcess>(
    name: StackProcess['name'],
    title: string,
    attemptsMax: number,
    logFile: string,
    launch: () => Promise<P>,
  ): SupervisedProcess<P> {
    if (this.stopping) throw new StoppedError('The stack was stopped.');
    const process = new SupervisedProcess<P>(
      {
        title,
        attemptsMax,
        launch,
        describeLog: () => [tailOf(logFile, LOG_TAIL_LINES), `Log: ${logFile}`].filter(Boolean).join('\n'),
      },
      {
        onLaunch: () => this.writeStackFile(),
        onLine: (line) => this.line(line),
        onGiveUp: (error) => this.fail(error),
      },
    );
    this.supervised.push({ name, process });
    return process;
  }

  private async bringDown(): Promise<void> {
    const stopAll = (...names: StackProcess['name'][]) =>
      Promise.all(this.supervised.filter(({ name }) => names.includes(name)).map(({ process }) => process.stop()));
    await stopAll('gateway');
    await stopAll('affiliation', 'payment');
    await stopAll('nats', 'postgres');
    await this.starting?.catch(() => undefined);
    if (!this.unlock) return;
    rmSync(this.stackFile, { force: true });
    this.unlock();
  }

  /**
   * Ends the services of a supervisor that was killed: their IPC channel is closed, so they are about to end by
   * themselves. Its servers are ended where they are started again.
   */
  private async endLeftovers(): Promise<void> {
    const leftovers = () => processesWithArgument(this.marker);
    if (leftovers().length === 0) return;
    this.line('Ending what an earlier run left behind');
    if (await waitUntil(() => leftovers().length === 0, LEFTOVER_GRACE_MS)) return;
    await Promise.all(
      leftovers().map((pid) =>
        endProcess(pid, [
          ['SIGTERM', 2_000],
          ['SIGKILL', 2_000],
        ]),
      ),
    );
  }

  private async checkPort(): Promise<void> {
    const { port, host } = this.options;
    const problem = await portProblem(port, host);
    if (problem === 'in use') {
      throw new OptionsError([
        `Port ${port} is in use by another program. Choose another with PORT=${port === 9090 ? 9091 : 9090} npm start.`,
      ]);
    }
    if (problem === 'not permitted') {
      throw new OptionsError([
        `This user may not listen on port ${port}. Choose one above 1023 with PORT=8080 npm start.`,
      ]);
    }
  }

  private connected() {
    if (!this.admin) throw new Error('The stack has not been started.');
    return this.admin;
  }

  private get marker(): string {
    return `--stack=${this.options.dataDir}`;
  }

  private get stackFile(): string {
    return path.join(this.options.dataDir, 'stack.json');
  }

  private writeStackFile(): void {
    if (!this.admin) return;
    const { databaseUrl, natsUrl } = this.admin;
    const content = { processes: this.processes(), database_url: databaseUrl, nats_url: natsUrl };
    writePrivateFile(this.stackFile, `${JSON.stringify(content, null, 2)}\n`);
  }

  private newLog(title: string): string {
    const file = path.join(this.logs, `${title}.log`);
    rotateLog(file);
    return file;
  }

  private line(text: string): void {
    this.options.progress?.(text);
  }
}

/** An address under which this machine reaches what listens on `host`. */
function reachableHost(host: string): string {
  if (host === 'localhost' || host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
