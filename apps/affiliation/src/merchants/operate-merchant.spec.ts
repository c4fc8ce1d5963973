import { anAffiliation } from '@oneq/testing';
import { AffiliationService, aHash } from '../../test/service';
import { BusinessRegistry } from '../registry/business-registry';
import { SandboxRegistry } from '../registry/sandbox-registry';
import { BuiltInMerchant } from './built-in-merchant';

describe('what operators do to merchants', () => {
  let service: AffiliationService;
  beforeAll(async () => {
    service = await AffiliationService.start();
    await service.module.get(BuiltInMerchant).onApplicationBootstrap();
  });
  afterAll(() => service.stop());

  it('suspends and resumes, and tells the gateways each time', async () => {
    const { cid } = await service.merchant();
    expect(await service.operating.suspend(cid)).toMatchObject({ cid, status: 'suspended' });
    expect(await service.finding.byCid(cid)).toMatchObject({ status: 'suspended' });
    expect(await service.operating.resume(cid)).toMatchObject({ status: 'active' });
    expect(service.told.filter((told) => told === cid)).toHaveLength(2);
  });

  it('limits one payment of a merchant, and lifts the limit', async () => {
    const { cid } = await service.merchant();
    await service.operating.limit({ cid, payment_max: 30_000 });
    expect(await service.finding.byCid(cid)).toMatchObject({ payment_max: 30_000 });
    await service.operating.limit({ cid });
    expect(await service.finding.byCid(cid)).toMatchObject({ payment_max: null });
  });

  it('shows a merchant, with the number of its good keys', async () => {
    const { cid } = await service.merchant();
    expect(await service.operating.show(cid)).toMatchObject({ cid, keys: 1, built_in: false, mode: 'sandbox' });
    await expect(service.operating.show('TCNOBODY00')).rejects.toThrow('MERCHANT_NOT_FOUND');
  });

  it('leaves the built-in merchant alone', async () => {
    const before = await service.everything();
    const cid = 'TC0ONETIME';
    await expect(service.operating.suspend(cid)).rejects.toThrow('BUILT_IN_MERCHANT');
    await expect(service.operating.limit({ cid, payment_max: 1 })).rejects.toThrow('BUILT_IN_MERCHANT');
    await expect(service.operating.reissueKey({ cid, secret_key_hash: aHash() })).rejects.toThrow('BUILT_IN_MERCHANT');
    expect(await service.everything()).toEqual(before);
  });
});

describe('affiliating in live mode', () => {
  let service: AffiliationService;
  beforeAll(async () => {
    service = await AffiliationService.start({ MODE: 'live' });
    // The tax office is outside; its own spec is beside it.
    const registry = new SandboxRegistry();
    jest
      .spyOn(service.module.get(BusinessRegistry), 'lookUp')
      .mockImplementation((business) => registry.lookUp(business));
  });
  afterAll(() => service.stop());

  async function invite(changes: { business_no?: string } = {}): Promise<string> {
    const invitation_hash = aHash();
    await service.invitations.invite({ invitation_hash, days: 7, ...changes });
    return invitation_hash;
  }
  const anInvited = (invitation_hash: string) => anAffiliation({ invitation_hash, secret_key_hash: aHash() });

  it('takes an invitation, once, and answers the same request with it again, without a new key', async () => {
    const invitation = await invite();
    const request = anInvited(invitation);
    const first = await service.affiliate(request);
    expect(first).toMatchObject({ cid: expect.stringMatching(/^CC/), newly_issued: true });
    const again = { ...request, secret_key_hash: aHash() };
    expect(await service.affiliate(again)).toEqual({ ...first, newly_issued: false });
    await expect(service.affiliate(anInvited(invitation))).rejects.toThrow('SECRET_KEY_INVALID');
  });

  it('gives one invitation to one of many businesses that use it at once', async () => {
    const invitation = await invite();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, () => service.affiliate(anInvited(invitation))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason.code).toBe('SECRET_KEY_INVALID');
  });

  it('is refused without an invitation, with an unknown one, an expired one, and one for another business', async () => {
    const expired = await invite();
    await service.admin.query(
      `UPDATE invitations SET created_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE hash = $1`,
      [expired],
    );
    const others = await invite({ business_no: '1234567890' });
    const before = await service.everything();
    await expect(service.affiliate(anAffiliation())).rejects.toThrow('SECRET_KEY_REQUIRED');
    for (const hash of [aHash(), expired, others]) {
      await expect(service.affiliate(anInvited(hash))).rejects.toThrow('SECRET_KEY_INVALID');
    }
    await expect(service.invitations.check(expired)).rejects.toThrow('SECRET_KEY_INVALID');
    await expect(service.invitations.check(aHash())).rejects.toThrow('SECRET_KEY_INVALID');
    expect(await service.everything()).toEqual(before);
  });

  it('keeps an invitation unused when the business has a merchant already', async () => {
    const request = anInvited(await invite());
    await service.affiliate(request);
    const second = await invite();
    await service.affiliate({ ...request, invitation_hash: second });
    await expect(service.affiliate(anInvited(second))).resolves.toMatchObject({ newly_issued: true });
  });

  it('invites once for one command, however often it arrives', async () => {
    const command = { invitation_hash: aHash(), days: 7 };
    const first = await service.invitations.invite(command);
    expect(await service.invitations.invite(command)).toEqual(first);
  });

  it('asks the tax office, and says final when it cannot: nothing is stored', async () => {
    const live = await service.beside({ MODE: 'live' });
    const request = anInvited(await invite());
    const before = await service.everything();
    await expect(live.affiliate(request)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    expect(await service.everything()).toEqual(before);
    await live.stop();
  });
});
