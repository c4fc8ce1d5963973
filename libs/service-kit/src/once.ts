import { Injectable } from '@nestjs/common';
import { type Executed, OneQError } from '@oneq/contracts';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Database, type Statement } from './database';
import { idempotency } from './trace';

/** How long an answer is kept (contract). */
const KEPT = `interval '15 days'`;
/** Answers past their time that one new answer clears away. */
const CLEARED = 10;

/** Whoever has this lock, until the transaction ends, is the one that executes the request. */
const CLAIM: Statement = {
  name: 'claim-idempotency-key',
  text: `SELECT pg_try_advisory_xact_lock(('x' || left($1, 16))::bit(64)::bigint) AS claimed`,
};

const RECALL: Statement = {
  name: 'recall-answer',
  text: `SELECT request_hash, answer FROM idempotency_keys WHERE scope = $1 AND created_at > now() - ${KEPT}`,
};

const KEEP: Statement = {
  name: 'keep-answer',
  text: `
    WITH past AS (
      SELECT scope FROM idempotency_keys WHERE created_at <= now() - ${KEPT} AND scope <> $1
      ORDER BY created_at LIMIT ${CLEARED} FOR UPDATE SKIP LOCKED
    ), cleared AS (
      DELETE FROM idempotency_keys USING past WHERE idempotency_keys.scope = past.scope
    )
    INSERT INTO idempotency_keys (scope, request_hash, answer) VALUES ($1, $2, $3)
    ON CONFLICT (scope) DO UPDATE SET request_hash = $2, answer = $3, created_at = now()`,
};

interface KeptAnswer {
  readonly request_hash: string;
  readonly answer: unknown;
}

/**
 * Executes a command once for each Idempotency-Key. The answer is kept in the transaction of the command itself, so that
 * no crash can separate them; an answer is there exactly if its effect is.
 */
@Injectable()
export class Once {
  constructor(private readonly database: Database) {}

  /**
   * The answer of `work`, or the one that the same request got before. Without an Idempotency-Key it is simply done.
   * @param work answers without any secret, because what it answers is stored; it asks nobody but the database
   * @throws {OneQError} IDEMPOTENCY_KEY_REUSED for another request under the same key; IDEMPOTENCY_KEY_IN_USE while the
   * first one is being executed; whatever `work` throws, which is not kept
   */
  async run<T>(work: () => Promise<T>): Promise<Executed<T>> {
    const [scope, request] = idempotency()?.split('.') ?? [];
    if (!scope || !request) return { answer: await work(), replayed: false };
    return this.database.inTransaction(async () => {
      const [claim] = await this.database.run<{ claimed: boolean }>(CLAIM, [scope]);
      if (!claim?.claimed) throw new OneQError('IDEMPOTENCY_KEY_IN_USE', { retryAfterSeconds: 1 });
      // A statement of its own, so that it sees what was committed before the lock was free.
      const [kept] = await this.database.run<KeptAnswer>(RECALL, [scope]);
      if (kept && kept.request_hash !== request) throw new OneQError('IDEMPOTENCY_KEY_REUSED');
      if (kept) return { answer: kept.answer as T, replayed: true };
      const answer = await work();
      await this.database.run(KEEP, [scope, request, JSON.stringify(answer)]);
      return { answer, replayed: false };
    });
  }
}

/** The table of {@link Once}, in the schema of each service that uses it. */
export class CreateIdempotencyKeys implements MigrationInterface {
  readonly name = 'CreateIdempotencyKeys1771000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Scope: SHA-256 over merchant, method, route and key. The answer is json, not jsonb: it is given again as it was.
      CREATE TABLE idempotency_keys (
        scope        text PRIMARY KEY,
        request_hash text NOT NULL,
        answer       json NOT NULL,
        created_at   timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT scope_and_request_are_sha256_in_hex CHECK (scope ~ '^[0-9a-f]{64}$' AND request_hash ~ '^[0-9a-f]{64}$')
      );
      CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_keys');
  }
}
