import { Injectable } from '@nestjs/common';
import { FindMerchant, FindMerchantByKey, type MerchantFacts, OneQError } from '@oneq/contracts';
import { inTrace, MessageClient, traceparent } from '@oneq/service-kit';
import { LRUCache } from 'lru-cache';
import { hashSecretKey } from '../http/secret-key';

/** How long an answer of affiliation is used without asking again, ms. */
const FRESH_MS = 5_000;
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
}

/** Who is who: asks affiliation, remembers for seconds, and serves known merchants on while affiliation is away. */
@Injectable()
export class Merchants {
  private readonly byCid: Memory;
  private readonly byKeyHash: Memory;

  constructor(client: MessageClient) {
    this.byCid = remembering((cid, ms) => client.ask(FindMerchant, { cid }, ms));
    this.byKeyHash = remembering((secret_key_hash, ms) => client.ask(FindMerchantByKey, { secret_key_hash }, ms));
  }

  /** @throws {OneQError} SECRET_KEY_INVALID for a key that nobody has */
  async ofKey(key: string): Promise<MerchantFacts> {
    return found(await recall(this.byKeyHash, hashSecretKey(key)), 'SECRET_KEY_INVALID');
  }

  /**
   * The active merchant of a cid. A key of another merchant learns nothing: the answer is that of an unknown cid.
   * @param keyHolder cid of the merchant whose key came with the request, if any
   * @throws {OneQError} MERCHANT_NOT_FOUND, MERCHANT_SUSPENDED
   */
  async active(cid: string, keyHolder: string | undefined): Promise<MerchantFacts> {
    const merchant = found(await recall(this.byCid, cid), 'MERCHANT_NOT_FOUND');
    if (keyHolder !== undefined && keyHolder !== merchant.cid) throw new OneQError('MERCHANT_NOT_FOUND');
    if (merchant.status === 'suspended') throw new OneQError('MERCHANT_SUSPENDED');
    return merchant;
  }
}

function found(merchant: MerchantFacts | undefined, otherwise: 'SECRET_KEY_INVALID' | 'MERCHANT_NOT_FOUND') {
  if (!merchant) throw new OneQError(otherwise);
  return merchant;
}

type Memory = LRUCache<string, Remembered>;

function remembering(ask: (key: string, deadlineMs: number) => Promise<MerchantFacts>): Memory {
  return new LRUCache<string, Remembered>({
    max: REMEMBERED_MAX,
    ttl: FRESH_MS,
    ttlResolution: 0, // read the clock each time, rather than set a timer each millisecond
    // What was remembered outlives a failure to ask.
    noDeleteOnFetchRejection: true,
    noDeleteOnStaleGet: true,
    fetchMethod: async (key, remembered) => {
      try {
        // Callers share one question, so it has a time of its own, not the rest of the first caller's.
        const deadlineMs = remembered ? DEADLINE_REMEMBERED_MS : DEADLINE_MS;
        const merchant = await inTrace(traceparent(), () => ask(key, deadlineMs));
        return { merchant, at: performance.now() };
      } catch (error) {
        if (error instanceof OneQError && error.definition.status < 500) return undefined;
        throw error;
      }
    },
  });
}

/** The fresh answer, or the last one while affiliation cannot be asked; undefined when it answered that there is none. */
async function recall(memory: Memory, key: string): Promise<MerchantFacts | undefined> {
  try {
    const answer = await memory.fetch(key);
    // "There is none" is an answer and forgets what was; the cache by itself would bring the old value back.
    if (!answer) memory.delete(key);
    return answer?.merchant;
  } catch (error) {
    const remembered = memory.get(key, { allowStale: true });
    if (remembered && performance.now() - remembered.at < STALE_MAX_MS) return remembered.merchant;
    throw error;
  }
}
