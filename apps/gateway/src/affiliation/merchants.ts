import { Injectable } from '@nestjs/common';
import { FindMerchant, FindMerchantByKey, type MerchantFacts, OneQError } from '@oneq/contracts';
import { MessageClient } from '@oneq/service-kit';
import { LRUCache } from 'lru-cache';
import { hashSecretKey } from '../http/secret-key';

/** How long an answer of affiliation is used without asking again, ms. */
const FRESH_MS = 5_000;
/** Merchants and keys remembered. */
const REMEMBERED_MAX = 10_000;
/** Longest wait for affiliation, ms: a known merchant is served from memory after it. */
const DEADLINE_MS = 1_500;

/** Who is who: asks affiliation, remembers for seconds, and serves known merchants on while affiliation is away. */
@Injectable()
export class Merchants {
  private readonly byCid: LRUCache<string, MerchantFacts>;
  private readonly byKeyHash: LRUCache<string, MerchantFacts>;

  constructor(client: MessageClient) {
    this.byCid = remembering((cid) => client.ask(FindMerchant, { cid }, DEADLINE_MS));
    this.byKeyHash = remembering((secret_key_hash) => client.ask(FindMerchantByKey, { secret_key_hash }, DEADLINE_MS));
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

type Memory = LRUCache<string, MerchantFacts>;

function remembering(ask: (key: string) => Promise<MerchantFacts>): Memory {
  return new LRUCache<string, MerchantFacts>({
    max: REMEMBERED_MAX,
    ttl: FRESH_MS,
    // What was remembered outlives a failure to ask; "no such merchant" is an answer, and forgets it.
    noDeleteOnFetchRejection: true,
    noDeleteOnStaleGet: true,
    fetchMethod: (key) =>
      ask(key).catch((error: unknown) => {
        if (error instanceof OneQError && error.definition.status < 500) return undefined;
        throw error;
      }),
  });
}

/** The fresh answer, or the last one while affiliation cannot be asked; undefined when it answered that there is none. */
async function recall(memory: Memory, key: string): Promise<MerchantFacts | undefined> {
  try {
    return await memory.fetch(key);
  } catch (error) {
    const remembered = memory.get(key, { allowStale: true });
    if (remembered) return remembered;
    throw error;
  }
}
