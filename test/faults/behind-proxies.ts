import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { servers } from '../../libs/testing/src/servers';
import { type NatsServer, startNats } from '../../stack/src/nats-server';
import { type PostgresServer, startPostgres } from '../../stack/src/postgres';
import { createDatabase } from '../../stack/src/provision';
import { Shop } from '../e2e/shop';
import { type Hop, natsFrames, TcpProxy } from './proxy';
import { World } from './world';

const DATABASE = 'oneq';
/** Answers that PostgreSQL gives while a connection signs in. */
const SIGN_IN_REPLIES = 5;
const PASSWORD = 'test-password';

/** What happens on the way; changed while the stack runs. */
interface Weather {
  /** Chance that a reply is lost with its connection. */
  httpLoss: number;
  postgresLoss: number;
  /** How often a message over NATS arrives: 0 is never. */
  natsCopies: () => number;
}

const CALM: Weather = { httpLoss: 0, postgresLoss: 0, natsCopies: () => 1 };

/** A stack of which every connection goes through a proxy, on servers that can be taken away. */
export class BehindProxies {
  readonly weather: Weather = { ...CALM };

  private constructor(
    private readonly dir: string,
    private readonly postgresDir: string,
    private postgres: PostgresServer,
    private nats: NatsServer,
    private readonly proxies: TcpProxy[],
  ) {}

  /** @param postgresDir where the database's files go, if not on the disk with the rest */
  static async start(options: { preload?: string; env?: Record<string, string>; postgresDir?: string } = {}) {
    const dir = await mkdtemp(path.join(tmpdir(), 'oneq-faults-'));
    await chmod(dir, 0o711); // run by root, PostgreSQL starts as another user, who must find its files
    const postgres = await startPostgres(postgresOptions(options.postgresDir ?? dir, dir));
    const nats = await startNats(natsOptions(dir));
    await createDatabase(postgres.url('postgres'), DATABASE);
    const behind = new BehindProxies(dir, options.postgresDir ?? dir, postgres, nats, []);
    const { weather } = behind;
    const between = async (port: number, hop: () => Hop) => {
      const proxy = await TcpProxy.before({ port }, hop);
      behind.proxies.push(proxy);
      return proxy.port;
    };
    const losing =
      (chance: () => number, greetings = 0) =>
      (): Hop => {
        let replies = -greetings; // who is never let in has no reply to lose
        return {
          back(chunk) {
            replies += 1;
            return replies > 0 && Math.random() < chance() ? 'cut' : chunk;
          },
        };
      };
    const frames = (): Hop => ({
      forward: natsFrames(() => weather.natsCopies()),
      back: natsFrames(() => weather.natsCopies()),
    });
    const at = (url: string, port: number) => Object.assign(new URL(url), { port: String(port) }).href;
    const databaseUrl = at(
      postgres.url(DATABASE),
      await between(
        postgres.port,
        losing(() => weather.postgresLoss, SIGN_IN_REPLIES),
      ),
    );
    const natsUrl = at(nats.url('operator', PASSWORD), await between(nats.port, frames));
    const { preload, env } = options;
    const shop = await Shop.open({ paymentReplicas: 3, isPrompt: true, databaseUrl, natsUrl, preload, env });
    const gatewayUrl = at(
      shop.url,
      await between(
        Number(new URL(shop.url).port),
        losing(() => weather.httpLoss),
      ),
    ).replace(/\/$/, '');
    const world = await World.on(shop, { gatewayUrl, databaseUrl: postgres.url(DATABASE) });
    return { behind, world };
  }

  async stop(world: World): Promise<void> {
    this.calm();
    await world.close();
    for (const proxy of this.proxies) await proxy.close();
    await Promise.all([this.nats.stop(), this.postgres.stop()]);
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Nothing happens on the way any more. */
  calm(): void {
    Object.assign(this.weather, CALM);
  }

  /** PostgreSQL, to be taken away and brought back at its port. */
  readonly database = {
    away: () => this.postgres.stop(),
    back: async () => {
      await this.postgres.stop(); // it may have ended by itself, or not
      this.postgres = await startPostgres({ ...postgresOptions(this.postgresDir, this.dir), port: this.postgres.port });
    },
  };

  readonly broker = {
    away: () => this.nats.stop(),
    back: async () => {
      this.nats = await startNats({ ...natsOptions(this.dir), port: this.nats.port });
    },
  };
}

function postgresOptions(home: string, dir: string) {
  return { dataDir: path.join(home, 'postgres'), logFile: path.join(dir, 'postgres.log'), password: PASSWORD };
}

function natsOptions(dir: string) {
  const users = ['GATEWAY', 'AFFILIATION', 'PAYMENT', 'OPERATOR'];
  return {
    binary: servers().natsServer,
    dir,
    configFile: path.join(__dirname, '../../deploy/nats.conf'),
    env: Object.fromEntries(users.map((user) => [`${user}_NATS_PASSWORD`, PASSWORD])),
    logFile: path.join(dir, 'nats.log'),
  };
}
