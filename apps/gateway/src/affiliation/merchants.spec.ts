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
  const told: { answer: MerchantFacts | OneQError; asked: number } = { answer: MERCHANT, asked: 0 };
  const ask = async () => {
    told.asked += 1;
    if (told.answer instanceof OneQError) throw told.answer;
    return told.answer;
  };
  return { told, merchants: new Merchants({ ask } as unknown as MessageClient) };
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

  it('are asked for once in five seconds', async () => {
    const { told, merchants } = affiliation();
    for (let i = 0; i < 10; i += 1) await merchants.active(MERCHANT.cid, undefined);
    expect(told.asked).toBe(1);
    now += 6 * SECONDS;
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
    now += 6 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).rejects.toThrow('SECRET_KEY_INVALID');
    told.answer = away;
    now += 6 * SECONDS;
    await expect(merchants.ofKey('sk_test_key')).rejects.toBe(away);
  });

  it('are refused when suspended, and unknown to the key of another', async () => {
    const { told, merchants } = affiliation();
    await expect(merchants.active(MERCHANT.cid, 'TCOTHER000')).rejects.toThrow('MERCHANT_NOT_FOUND');
    told.answer = { ...MERCHANT, status: 'suspended' };
    now += 6 * SECONDS;
    await expect(merchants.active(MERCHANT.cid, MERCHANT.cid)).rejects.toThrow('MERCHANT_SUSPENDED');
  });
});
