import { Test, type TestingModule } from '@nestjs/testing';
import { createLogger } from '@oneq/service-kit';
import { anAffiliation, createTestDatabase, PATIENCE, type TestDatabase } from '@oneq/testing';
import { Client } from 'pg';
import { AppModule } from '../src/app.module';
import { readConfig } from '../src/config';
import { Affiliate } from '../src/merchants/affiliate';
import { FindMerchant } from '../src/merchants/find-merchant';
import { Invitations } from '../src/merchants/invitations';
import { OperateMerchant } from '../src/merchants/operate-merchant';
import { RotateKey } from '../src/merchants/rotate-key';

let counter = 0;

/** SHA-256 of a credential that no other test uses, hex. */
export function aHash(): string {
  counter += 1;
  return `beef${counter.toString(16)}`.padStart(64, 'a');
}

/** Affiliation's parts on a database of their own, without NATS. */
export class AffiliationService {
  private constructor(
    readonly module: TestingModule,
    /** A second pair of eyes: a connection of the superuser. */
    readonly admin: Client,
    /** cids of the merchants whose changes the gateways were told. */
    readonly told: string[],
    private readonly database: TestDatabase,
  ) {}

  static async start(environment: NodeJS.ProcessEnv = {}): Promise<AffiliationService> {
    return AffiliationService.on(await createTestDatabase('affiliation'), environment);
  }

  private static async on(database: TestDatabase, environment: NodeJS.ProcessEnv): Promise<AffiliationService> {
    const config = readConfig({ DATABASE_URL: database.url, ...PATIENCE, ...environment });
    const told: string[] = [];
    const announcer = { announce: (_subject: string, change: object) => void told.push(...Object.values(change)) };
    const module = await Test.createTestingModule({
      imports: [AppModule.with(config, createLogger('affiliation', 'fatal'), announcer)],
    }).compile();
    const admin = new Client(database.adminUrl);
    await admin.connect();
    await admin.query('SET search_path = affiliation');
    return new AffiliationService(module, admin, told, database);
  }

  /** Another one beside it, on the same database. */
  beside(environment: NodeJS.ProcessEnv): Promise<AffiliationService> {
    return AffiliationService.on(this.database, environment);
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.module.close();
  }

  get finding() {
    return this.module.get(FindMerchant);
  }
  get rotation() {
    return this.module.get(RotateKey);
  }
  get operating() {
    return this.module.get(OperateMerchant);
  }
  get invitations() {
    return this.module.get(Invitations);
  }

  affiliate(...args: Parameters<Affiliate['affiliate']>) {
    return this.module.get(Affiliate).affiliate(...args);
  }

  /** A new merchant and the hash of its key. */
  async merchant(): Promise<{ cid: string; hash: string }> {
    const command = anAffiliation({ secret_key_hash: aHash() });
    const { cid } = await this.affiliate(command);
    return { cid, hash: command.secret_key_hash };
  }

  /** Whether a key is good. Asking uses it. */
  async isGood(hash: string): Promise<boolean> {
    return this.finding.byKey(hash).then(
      () => true,
      () => false,
    );
  }

  async rows(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.admin.query(sql, values)).rows;
  }

  /** Every row of every table: two equal ones prove that nothing happened in between. */
  async everything(): Promise<unknown> {
    const tables: Record<string, unknown> = {};
    for (const table of ['merchants', 'secret_keys', 'invitations']) {
      tables[table] = await this.rows(`SELECT to_jsonb(t.*)::text AS row FROM ${table} t ORDER BY 1`);
    }
    return tables;
  }
}
