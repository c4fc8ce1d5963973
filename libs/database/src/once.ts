import { Injectable } from '@nestjs/common';
import { type Executed, OneQError, unavailable } from '@oneq/contracts';
import { deadline, idempotency, inContextOf } from '@oneq/service-kit';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Database, isRefusal, type Statement } from './database';
import { errorCode } from './database-error';
import { transposed } from './group-commit';
import { Turns } from './turns';

/** How long an answer is kept (contract). */
const KEPT = `interval '15 days'`;
/** Answers past their time that one new answer clears away. */
const CLEARED = 10;

/** Whoever has the lock of a scope, until the transaction ends, is the one that executes the request. */
const CLAIM: Statement = {
  name: 'claim-idempotency-keys',
  text: `
    SELECT scope, pg_try_advisory_xact_lock(('x' || left(scope, 16))::bit(64)::bigint) AS claimed
    FROM unnest($1::text[]) AS scope`,
};

const RECALL: Statement = {
  name: 'recall-answers',
  text: `
    SELECT scope, request_hash, answer FROM idempotency_keys
    WHERE scope = ANY ($1) AND created_at > now() - ${KEPT}`,
};

const KEEP: Statement = {
  name: 'keep-answers',
  text: `
    WITH past AS (
      SELECT scope FROM idempotency_keys WHERE created_at <= now() - ${KEPT} AND scope <> ALL ($1)
      ORDER BY created_at LIMIT ${CLEARED} FOR UPDATE SKIP LOCKED
    ), cleared AS (
      DELETE FROM idempotency_keys USING past WHERE idempotency_keys.scope = past.scope
    )
    INSERT INTO idempotency_keys (scope, request_hash, answer)
    SELECT * FROM unnest($1::text[], $2::text[], $3::json[])
    ON CONFLICT (scope) DO UPDATE
    SET request_hash = excluded.request_hash, answer = excluded.answer, created_at = now()`,
};

/** SQLSTATEs of what is in the way of a command, and not of the others: a lock, a deadlock. */
const IN_THE_WAY = new Set(['55P03', '40P01', '40001']);

interface KeptAnswer {
  readonly scope: string;
  readonly request_hash: string;
  readonly answer: unknown;
}

/** A command under an Idempotency-Key. */
interface Keyed {
  readonly scope: string;
  readonly request: string;
  readonly work: () => Promise<unknown>;
  /** ms since 1970 after which nobody waits for the answer. */
  readonly deadline: number;
}

interface Queued extends Keyed {
  readonly resolve: (executed: Executed<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/** What came of a command: its answer, or the refusal. */
type Outcome = { readonly executed: Executed<unknown> } | { readonly refusal: OneQError };

/**
 * Executes a command once for each Idempotency-Key. The answer is kept in the transaction of the command itself, so that
 * no crash can separate them; an answer is there exactly if its effect is. Simultaneous commands share a transaction; if
 * something in one of them stands in the way, all of it is undone and each has its own.
 */
@Injectable()
export class Once {
  private readonly turns = new Turns<Queued>((batch) => this.together(batch));
  private readonly running = new Set<string>();

  constructor(private readonly database: Database) {}

  /**
   * The answer of `work`, or the one that the same request got before. Without an Idempotency-Key it is simply done.
   * @param work answers without any secret, because what it answers is stored; it asks nobody but the database, and may be
   * done once more after all of it was undone
   * @throws {OneQError} IDEMPOTENCY_KEY_REUSED for another request under the same key; IDEMPOTENCY_KEY_IN_USE while the
   * first one is being executed; whatever `work` throws, which is not kept
   */
  async run<T>(work: () => Promise<T>): Promise<Executed<T>> {
    const [scope, request] = idempotency()?.split('.') ?? [];
    if (!scope || !request) return { answer: await work(), replayed: false };
    if (this.running.has(scope)) throw inUse();
    this.running.add(scope);
    try {
      return await new Promise<Executed<T>>((resolve, reject) => {
        const settle = resolve as (executed: Executed<unknown>) => void;
        this.turns.add({ scope, request, work: inContextOf(work), deadline: deadline(), resolve: settle, reject });
      });
    } finally {
      this.running.delete(scope);
    }
  }

  private async together(batch: readonly Queued[]): Promise<void> {
    let outcomes: Outcome[] | undefined;
    if (batch.length > 1) {
      try {
        outcomes = await this.database.inSharedTransaction(() => this.execute(batch));
      } catch (error) {
        // Where the database is away, asking it for each would only add to its return.
        if (isOfAll(error)) {
          for (const { reject } of batch) reject(error);
          return;
        }
      }
    }
    batch.forEach((queued, i) => {
      const outcome = outcomes?.[i];
      if (outcome) settle(queued, outcome);
      else this.alone(queued);
    });
  }

  /** Beside the others, for as long as it takes. */
  private alone(queued: Queued): void {
    const execute = this.database.inTransaction(() => this.execute([queued]));
    execute.then(([outcome]) => settle(queued, outcome as Outcome), queued.reject);
  }

  /** The outcomes of these commands, of which no two have the same scope, in the transaction in progress. */
  private async execute(commands: readonly Keyed[]): Promise<Outcome[]> {
    const scopes = commands.map(({ scope }) => scope);
    const claims = await this.database.run<{ scope: string; claimed: boolean }>(CLAIM, [scopes]);
    const claimed = new Set(claims.filter((claim) => claim.claimed).map(({ scope }) => scope));
    // A statement of its own, so that it sees what was committed before the locks were free.
    const kept = await this.database.run<KeptAnswer>(RECALL, [scopes]);
    const keptOf = new Map(kept.map((answer) => [answer.scope, answer]));
    const attempts = await Promise.allSettled(
      commands.map((command) => outcomeOf(command, claimed.has(command.scope), keptOf.get(command.scope))),
    );
    const outcomes = attempts.map((attempt) => {
      if (attempt.status === 'rejected') throw attempt.reason;
      return attempt.value;
    });
    const executed = commands.flatMap(({ scope, request }, i) => {
      const outcome = outcomes[i] as Outcome;
      const isNew = 'executed' in outcome && !outcome.executed.replayed;
      return isNew ? [[scope, request, JSON.stringify(outcome.executed.answer)]] : [];
    });
    if (executed.length > 0) await this.database.run(KEEP, transposed(executed));
    return outcomes;
  }
}

/** @throws whatever `work` throws that is no refusal */
async function outcomeOf(command: Keyed, claimed: boolean, kept: KeptAnswer | undefined): Promise<Outcome> {
  const { request, work, deadline } = command;
  if (Date.now() > deadline) return { refusal: unavailable('unknown', 'nobody waits for this any more') };
  if (!claimed) return { refusal: inUse() };
  if (kept && kept.request_hash !== request) return { refusal: new OneQError('IDEMPOTENCY_KEY_REUSED') };
  if (kept) return { executed: { answer: kept.answer, replayed: true } };
  try {
    return { executed: { answer: await work(), replayed: false } };
  } catch (error) {
    if (isRefusal(error)) return { refusal: error };
    throw error;
  }
}

/** Whether what ended a shared transaction would end each alone: the database is away. */
function isOfAll(error: unknown): boolean {
  return error instanceof OneQError && error.cause instanceof Error && !IN_THE_WAY.has(errorCode(error.cause) ?? '');
}

function settle({ resolve, reject }: Queued, outcome: Outcome): void {
  if ('executed' in outcome) resolve(outcome.executed);
  else reject(outcome.refusal);
}

function inUse(): OneQError {
  return new OneQError('IDEMPOTENCY_KEY_IN_USE', { retryAfterSeconds: 1 });
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
