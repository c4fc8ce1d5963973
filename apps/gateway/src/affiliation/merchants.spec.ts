import { type MerchantFacts, OneQError, unavailable } from '@oneq/contracts';
import type { MessageClient } from '@oneq/service-kit';
import { Merchants } from './merchants';

const MERCHANT: MerchantFacts = {
  cid: 'TCMERCHANT',
  registered_name: '가게',
  category_cd: 552101,
  status: 'active',
  approved_at: '2016.11.15 21:18:22',
  payment_max: null,
};

/** Affiliation, which answers what it is told to. */
function affiliation() {
  const told: { answer: MerchantFacts | OneQError; asked: number; onWay?: () => Promise<void> } = {
    answer: MERCHANT,
    asked: 0,
  };
  const ears: { heard: (payload: unknown) => void; missed: () => void } = { heard: () => {}, missed: () => {} };
  const hear = (_subject: string, heard: (payload: unknown) => void, missed: () => void) => {
    Object.assign(ears, { heard, missed });
  };
  const ask = async () => {
    told.asked += 1;
    await told.onWay?.();
    if (told.answer instanceof OneQError) throw told.answer;
    return told.answer;
  };
  const merchants = new Merchants({ ask, hear } as unknown as MessageClient);
  merchants.onModuleInit();
  return { told, ears, merchants };
}

describe('the merchants that the gateway remembers', () => {
  let now = 1_000;
  beforeEach(() => {
    jest.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const away = unavailable('final');
  const SECONDS = 1_000;

  it('are asked for once in half a minute', async () => {
    const { told, merchants } = affiliation();
    for (let i = 0; i < 10; i += 1) await merchants.active(MERCHANT.cid, undefined);
    expect(told.asked).toBe(1);
    now += 31 * SECONDS;
    await merchants.active(MERCHANT.cid, undefined);
    expect(told.asked).toBe(2);
  });

  it('are served on while affiliation is away, for ten minutes', async () => {
    const { told, merchants } = affiliation();
    await merchants.ofKey('sk_test_key');
    told.answer = away;
    now += 9 * 60 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).resolves.toEqual(MERCHANT);
    now += 2 * 60 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).rejects.toBe(away);
  });

  it('are not made up: who was never seen is not answered while affiliation is away', async () => {
    const { told, merchants } = affiliation();
    told.answer = away;
    await expect(merchants.active(MERCHANT.cid, undefined)).rejects.toBe(away);
  });

  it('are forgotten when affiliation says so, also when it is away afterwards', async () => {
    const { told, merchants } = affiliation();
    await merchants.ofKey('sk_test_key');
    told.answer = new OneQError('SECRET_KEY_INVALID');
    now += 31 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).rejects.toThrow('SECRET_KEY_INVALID');
    told.answer = away;
    now += 31 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).rejects.toBe(away);
  });

  it('are refused when suspended, and unknown to the key of another', async () => {
    const { told, merchants } = affiliation();
    await expect(merchants.active(MERCHANT.cid, 'TCOTHER000')).rejects.toThrow('MERCHANT_NOT_FOUND');
    told.answer = { ...MERCHANT, status: 'suspended' };
    now += 31 * SECONDS;
    await expect(merchants.active(MERCHANT.cid, MERCHANT.cid)).rejects.toThrow('MERCHANT_SUSPENDED');
  });

  it('are forgotten at once when affiliation tells of a change: by cid, by alias and by key', async () => {
    const { told, ears, merchants } = affiliation();
    await merchants.active(MERCHANT.cid, undefined);
    await merchants.active('TCALIAS000', undefined);
    await merchants.ofKey('sk_test_key');
    told.answer = { ...MERCHANT, status: 'suspended' };
    ears.heard({ cid: 'TCOTHER000' });
    ears.heard('garbage');
    await merchants.active(MERCHANT.cid, undefined);
    ears.heard({ cid: MERCHANT.cid });
    await expect(merchants.active(MERCHANT.cid, undefined)).rejects.toThrow('MERCHANT_SUSPENDED');
    await expect(merchants.active('TCALIAS000', undefined)).rejects.toThrow('MERCHANT_SUSPENDED');
    await expect(merchants.ofKey('sk_test_key')).resolves.toMatchObject({ status: 'suspended' });
  });

  it('are not served on while affiliation is away, once it has told of a change', async () => {
    const { told, ears, merchants } = affiliation();
    await merchants.ofKey('sk_test_key');
    ears.heard({ cid: MERCHANT.cid });
    told.answer = away;
    await expect(merchants.ofKey('sk_test_key')).rejects.toBe(away);
  });

  it('are asked for again when the change was told while the answer was on its way', async () => {
    const { told, ears, merchants } = affiliation();
    told.onWay = async () => {
      if (told.asked === 1) ears.heard({ cid: MERCHANT.cid });
    };
    await merchants.ofKey('sk_test_key');
    expect(told.asked).toBe(2);
  });

  it('are asked for again after something was missed, and served on if affiliation is away', async () => {
    const { told, ears, merchants } = affiliation();
    await merchants.ofKey('sk_test_key');
    ears.missed();
    await merchants.ofKey('sk_test_key');
    expect(told.asked).toBe(2);
    ears.missed();
    told.answer = away;
    await expect(merchants.ofKey('sk_test_key')).resolves.toEqual(MERCHANT);
    told.answer = new OneQError('SECRET_KEY_INVALID');
    await expect(merchants.ofKey('sk_test_key')).rejects.toThrow('SECRET_KEY_INVALID');
  });
});
