import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  FindMerchant,
  FindMerchantByKey,
  hashCredential,
  MERCHANT_CHANGES,
  type MerchantChange,
  type MerchantFacts,
  OneQError,
} from '@oneq/contracts';
import { inTrace, MessageClient, traceparent } from '@oneq/service-kit';
import { LRUCache } from 'lru-cache';

/** How long an answer of affiliation is used without asking again, ms, should a change not be heard of. */
const FRESH_MS = 30_000;
/** Merchants and keys remembered. */
const REMEMBERED_MAX = 10_000;
/** How long an answer is served on while affiliation is away, ms: a key revoked meanwhile ends at last. */
const STALE_MAX_MS = 10 * 60 * 1_000;
/** Longest wait for affiliation, ms: for a merchant seen for the first time, and for one that is remembered. */
const DEADLINE_MS = 1_500;
const DEADLINE_REMEMBERED_MS = 300;

interface Remembered {
  readonly merchant: MerchantFacts;
  /** When affiliation said so, ms since the process started. */
  readonly at: number;
  /** How much affiliation had told when it was asked. */
  readonly told: number;
}

type Memory = LRUCache<string, Remembered>;

/**
 * Who is who: asks affiliation, remembers for seconds, and serves known merchants on while affiliation is away. What
 * affiliation tells of changes is heard: what was known of such a merchant is forgotten at once, by every cid and key,
 * and so is an answer that was on its way when the change was told.
 */
@Injectable()
export class Merchants implements OnModuleInit {
  private readonly byCid: Memory;
  private readonly byKeyHash: Memory;
  /** Counts what affiliation has told, so that an answer is known to be older than what was told after its question. */
  private told = 0;
  /** The count when something may last have been missed: all that was asked before is stale. */
  private missed = 0;
  /** The count when a merchant last changed; of those that changed last, twice as many as are remembered. */
  private readonly changed = new LRUCache<string, number>({ max: 2 * REMEMBERED_MAX });

  constructor(private readonly client: MessageClient) {
    this.byCid = this.remembering((cid, ms) => client.ask(FindMerchant, { cid }, ms));
    this.byKeyHash = this.remembering(
      (secret_key_hash, ms) => client.ask(FindMerchantByKey, { secret_key_hash }, ms),
      // Whose key it is will be asked by its cid next.
      (answer) => this.byCid.set(answer.merchant.cid, answer),
    );
  }

  onModuleInit(): void {
    this.client.hear(
      MERCHANT_CHANGES,
      (payload) => this.hear(payload),
      () => this.doubtAll(),
    );
  }

  /** @throws {OneQError} SECRET_KEY_INVALID for a key that nobody has */
  async ofKey(key: string): Promise<MerchantFacts> {
    return found(await this.recall(this.byKeyHash, hashCredential(key)), 'SECRET_KEY_INVALID');
  }

  /**
   * The active merchant of a cid. A key of another merchant learns nothing: the answer is that of an unknown cid.
   * @param keyHolder cid of the merchant whose key came with the request, if any
   * @throws {OneQError} MERCHANT_NOT_FOUND, MERCHANT_SUSPENDED
   */
  async active(cid: string, keyHolder: string | undefined): Promise<MerchantFacts> {
    const merchant = found(await this.recall(this.byCid, cid), 'MERCHANT_NOT_FOUND');
    if (keyHolder !== undefined && keyHolder !== merchant.cid) throw new OneQError('MERCHANT_NOT_FOUND');
    if (merchant.status === 'suspended') throw new OneQError('MERCHANT_SUSPENDED');
    return merchant;
  }

  private hear(payload: unknown): void {
    if (!isChange(payload)) return;
    this.told += 1;
    this.changed.set(payload.cid, this.told);
  }

  /** Something may have been told that nobody heard here: everything is asked again, and served on until it is answered. */
  private doubtAll(): void {
    this.told += 1;
    this.missed = this.told;
  }

  private hasChangedSince({ merchant, told }: Remembered): boolean {
    return (this.changed.get(merchant.cid) ?? 0) > told;
  }

  private remembering(
    ask: (key: string, deadlineMs: number) => Promise<MerchantFacts>,
    answered: (answer: Remembered) => void = () => {},
  ): Memory {
    return new LRUCache<string, Remembered>({
      max: REMEMBERED_MAX,
      ttl: FRESH_MS,
      ttlResolution: 0, // read the clock each time, rather than set a timer each millisecond
      // What was remembered outlives a failure to ask.
      noDeleteOnFetchRejection: true,
      noDeleteOnStaleGet: true,
      fetchMethod: async (key, remembered) => {
        const deadlineMs = remembered && !this.hasChangedSince(remembered) ? DEADLINE_REMEMBERED_MS : DEADLINE_MS;
        try {
          for (;;) {
            const { told } = this;
            // Callers share one question, so it has a time of its own, not the rest of the first caller's.
            const merchant = await inTrace(traceparent(), () => ask(key, deadlineMs));
            const answer = { merchant, at: performance.now(), told };
            if (this.hasChangedSince(answer) || this.missed > told) continue;
            answered(answer);
            return answer;
          }
        } catch (error) {
          if (error instanceof OneQError && error.definition.status < 500) return undefined;
          throw error;
        }
      },
    });
  }

  /** The fresh answer, or the last one while affiliation cannot be asked; undefined when it answered that there is none. */
  private async recall(memory: Memory, key: string): Promise<MerchantFacts | undefined> {
    const known = memory.peek(key, { allowStale: true });
    const forceRefresh = known !== undefined && (this.missed > known.told || this.hasChangedSince(known));
    try {
      const answer = await memory.fetch(key, { forceRefresh });
      // "There is none" is an answer and forgets what was; the cache by itself would bring the old value back.
      if (!answer) memory.delete(key);
      return answer?.merchant;
    } catch (error) {
      const remembered = memory.get(key, { allowStale: true });
      const usable = remembered && !this.hasChangedSince(remembered);
      if (usable && performance.now() - remembered.at < STALE_MAX_MS) return remembered.merchant;
      throw error;
    }
  }
}

function found(merchant: MerchantFacts | undefined, otherwise: 'SECRET_KEY_INVALID' | 'MERCHANT_NOT_FOUND') {
  if (!merchant) throw new OneQError(otherwise);
  return merchant;
}

function isChange(payload: unknown): payload is MerchantChange {
  return typeof payload === 'object' && payload !== null && 'cid' in payload && typeof payload.cid === 'string';
}
