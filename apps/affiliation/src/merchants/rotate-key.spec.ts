import { createHash } from 'node:crypto';
import { fromSeoulTime } from '@oneq/contracts';
import { AffiliationService, aHash } from '../../test/service';
import { BuiltInMerchant } from './built-in-merchant';

const HOUR_MS = 3_600_000;

describe('replacing a secret key', () => {
  let service: AffiliationService;
  beforeAll(async () => {
    service = await AffiliationService.start();
  });
  afterAll(() => service.stop());

  /** Rotates with the key `presented`; answers the new key's hash and what was answered. */
  async function rotate(cid: string, presented: string, expire_now?: boolean, hash = aHash()) {
    const command = { cid, secret_key_hash: hash, presented_key_hash: presented, expire_now };
    return { hash, ...(await service.rotation.rotate(command)) };
  }
  const expiryOf = async (hash: string) =>
    (await service.rows('SELECT expires_at FROM secret_keys WHERE hash = $1', [hash]))[0]?.expires_at;

  it('lets both keys work for 24 hours', async () => {
    const { cid, hash } = await service.merchant();
    const rotated = await rotate(cid, hash);
    const hours = (Number(fromSeoulTime(rotated.old_keys_expire_at ?? '')) - Date.now()) / HOUR_MS;
    expect(hours).toBeGreaterThan(23.9);
    expect(hours).toBeLessThanOrEqual(24);
    expect([await service.isGood(hash), await service.isGood(rotated.hash)]).toEqual([true, true]);
    await service.admin.query(`UPDATE secret_keys SET expires_at = now() WHERE hash = $1`, [hash]);
    expect([await service.isGood(hash), await service.isGood(rotated.hash)]).toEqual([false, true]);
  });

  it('ends the older keys when the new one is first used, with expire_now, and tells the gateways once', async () => {
    const { cid, hash } = await service.merchant();
    const rotated = await rotate(cid, hash, true);
    expect(rotated.old_keys_expire_at).toBeNull();
    expect(await service.isGood(hash)).toBe(true);
    expect(service.told).not.toContain(cid);
    await Promise.all(Array.from({ length: 10 }, () => service.finding.byKey(rotated.hash)));
    expect(await service.isGood(hash)).toBe(false);
    expect(await service.isGood(rotated.hash)).toBe(true);
    expect(service.told.filter((told) => told === cid)).toHaveLength(1);
  });

  it('answers the same command the same, also 20 times at once, with one more key', async () => {
    const { cid, hash } = await service.merchant();
    const fresh = aHash();
    const answers = await Promise.all(Array.from({ length: 20 }, () => rotate(cid, hash, undefined, fresh)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await rotate(cid, hash, undefined, fresh)).toEqual(answers[0]);
    expect((await service.operating.show(cid)).keys).toBe(2);
  });

  it('overlooks no key when several are issued at once', async () => {
    const { cid, hash } = await service.merchant();
    const rotated = await Promise.all(Array.from({ length: 5 }, () => rotate(cid, hash)));
    const expiries = await Promise.all(rotated.map((each) => expiryOf(each.hash)));
    expect(expiries.filter((at) => at === null)).toHaveLength(1);
  });

  it('leaves an earlier end of a key as it is', async () => {
    const { cid, hash } = await service.merchant();
    const second = await rotate(cid, hash);
    const before = await expiryOf(hash);
    await rotate(cid, second.hash);
    expect(await expiryOf(hash)).toEqual(before);
    expect(await expiryOf(second.hash)).not.toBeNull();
  });

  it('does not let an older key end a newer one, however late it is first used', async () => {
    const { cid, hash } = await service.merchant();
    const pending = await rotate(cid, hash, true);
    const newest = await rotate(cid, hash);
    expect(await service.isGood(pending.hash)).toBe(true);
    expect([await service.isGood(hash), await service.isGood(newest.hash)]).toEqual([false, true]);
  });

  it('is refused for a key that has ended meanwhile, for a suspended merchant and for the built-in one', async () => {
    const { cid, hash } = await service.merchant();
    await service.operating.reissueKey({ cid, secret_key_hash: aHash() });
    const other = await service.merchant();
    await service.operating.suspend(other.cid);
    const builtIn = service.module.get(BuiltInMerchant);
    await builtIn.onApplicationBootstrap();
    const before = await service.everything();
    await expect(rotate(cid, hash)).rejects.toThrow('SECRET_KEY_INVALID');
    await expect(rotate(cid, other.hash)).rejects.toThrow('SECRET_KEY_INVALID');
    await expect(rotate(other.cid, other.hash)).rejects.toThrow('MERCHANT_SUSPENDED');
    const public_ = createHash('sha256').update('sk_test_oneq').digest('hex');
    await expect(rotate('TC0ONETIME', public_)).rejects.toThrow('BUILT_IN_MERCHANT');
    await expect(rotate('TCNOBODY00', public_)).rejects.toThrow('MERCHANT_NOT_FOUND');
    expect(await service.everything()).toEqual(before);
  });

  it('by an operator ends all others at once, also those that are being issued', async () => {
    const { cid, hash } = await service.merchant();
    const fresh = aHash();
    const rotations = Array.from({ length: 10 }, () => rotate(cid, hash).catch(() => undefined));
    await service.operating.reissueKey({ cid, secret_key_hash: fresh });
    const rotated = await Promise.all(rotations);
    expect(await service.isGood(fresh)).toBe(true);
    expect(await service.isGood(hash)).toBe(false);
    for (const each of rotated) if (each) expect(await service.isGood(each.hash)).toBe(false);
    expect(service.told).toContain(cid);
    expect((await service.operating.reissueKey({ cid, secret_key_hash: fresh })).keys).toBe(1);
  });
});
