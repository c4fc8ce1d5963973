import { createHash } from 'node:crypto';
import { anAffiliation } from '@oneq/testing';
import { AffiliationService } from '../../test/service';
import { BuiltInMerchant } from './built-in-merchant';

describe('affiliating a merchant', () => {
  let service: AffiliationService;
  beforeAll(async () => {
    service = await AffiliationService.start();
  });
  afterAll(() => service.stop());
  const affiliate: AffiliationService['affiliate'] = (command) => service.affiliate(command);
  const merchants = () => service.rows('SELECT * FROM merchants ORDER BY id');

  it('issues a cid, with the times of request and approval in Seoul, and keeps only the hash of the key', async () => {
    const command = anAffiliation();
    const answer = await affiliate(command);
    expect(answer).toEqual({
      cid: expect.stringMatching(/^TC[A-Z0-9]{8}$/),
      created_at: expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/),
      category_cd: 552101,
      approved_at: expect.stringMatching(/^\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d$/),
      newly_issued: true,
    });
    expect(answer.approved_at >= answer.created_at).toBe(true);
    await expect(service.finding.byKey(command.secret_key_hash)).resolves.toMatchObject({ cid: answer.cid });
  });

  it('answers the same request the same, without a new key, whatever the punctuation', async () => {
    const command = anAffiliation({ store_phone: '02-2002-1111' });
    const first = await affiliate(command);
    const again = await affiliate({ ...command, store_phone: '(02) 2002 1111', secret_key_hash: 'f'.repeat(64) });
    expect(again).toEqual({ ...first, newly_issued: false });
    await expect(service.finding.byKey('f'.repeat(64))).rejects.toThrow('SECRET_KEY_INVALID');
  });

  it('tells a request whose first answer was lost that its key is the merchant’s', async () => {
    const command = anAffiliation();
    expect(await affiliate(command)).toEqual(await affiliate(command));
  });

  it.each(['opponent_name', 'store_phone', 'store_address1', 'store_address2', 'post_no'])(
    'answers MERCHANT_ALREADY_EXISTS when %s differs, and changes nothing',
    async (field) => {
      const command = anAffiliation();
      await affiliate(command);
      const before = await merchants();
      const changed = { ...command, [field]: field === 'store_phone' ? '02-2002-2222' : '99999' };
      await expect(affiliate(changed)).rejects.toThrow('MERCHANT_ALREADY_EXISTS');
      expect(await merchants()).toEqual(before);
    },
  );

  it('issues one cid and one key for 30 simultaneous requests of one business', async () => {
    const command = anAffiliation();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => affiliate({ ...command, secret_key_hash: `${i}`.padStart(64, 'a') })),
    );
    expect(new Set(answers.map(({ cid }) => cid)).size).toBe(1);
    expect(answers.filter(({ newly_issued }) => newly_issued)).toHaveLength(1);
  });

  it.each([
    ['원큐카페', 552303],
    ['Corner COFFEE', 552303],
    ['행복약국', 523111],
    ['아무 가게', 552101],
  ])('asks the sandbox registry for the category of %s', async (opponent_name, category_cd) => {
    expect(await affiliate(anAffiliation({ opponent_name }))).toMatchObject({ category_cd });
  });

  it('has the built-in merchant under both spellings of its cid, once, however often it starts', async () => {
    await service.module.get(BuiltInMerchant).onApplicationBootstrap();
    await service.module.get(BuiltInMerchant).onApplicationBootstrap();
    const find = service.finding;
    const facts = await find.byCid('TC0ONETIME');
    expect(facts).toMatchObject({ cid: 'TC0ONETIME', category_cd: 552101, status: 'active' });
    expect(await find.byCid('TC00NETIME')).toEqual(facts);
    expect(await find.byKey(createHash('sha256').update('sk_test_oneq').digest('hex'))).toEqual(facts);
  });

  it('does not know the built-in merchant in live mode, even on a database that has been a sandbox', async () => {
    await service.module.get(BuiltInMerchant).onApplicationBootstrap();
    const live = await service.beside({ MODE: 'live' });
    try {
      await expect(live.finding.byCid('TC00NETIME')).rejects.toThrow('MERCHANT_NOT_FOUND');
      const hash = createHash('sha256').update('sk_test_oneq').digest('hex');
      await expect(live.finding.byKey(hash)).rejects.toThrow('SECRET_KEY_INVALID');
    } finally {
      await live.stop();
    }
  });

  it('answers MERCHANT_NOT_FOUND and SECRET_KEY_INVALID for what nobody has', async () => {
    await expect(service.finding.byCid('TCUNKNOWN0')).rejects.toThrow('MERCHANT_NOT_FOUND');
    await expect(service.finding.byKey('0'.repeat(63))).rejects.toThrow('SECRET_KEY_INVALID');
  });
});
