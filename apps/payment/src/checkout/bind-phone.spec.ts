import { Payer } from '../../test/payer';
import { PaymentService } from '../../test/service';

describe('which phone pays', () => {
  let service: PaymentService;
  beforeAll(async () => {
    service = await PaymentService.start();
  });
  afterAll(() => service.stop());

  it('looking binds nobody, and writes nothing', async () => {
    const { phone_token, pc_token } = await service.prepared();
    const before = await service.everything();
    for (let i = 0; i < 20; i += 1) {
      expect(await new Payer(service, phone_token).view()).toMatchObject({ bound: 'nobody', via: null, paying: null });
    }
    expect(await new Payer(service, pc_token, 'pc').view()).toMatchObject({ bound: 'nobody' });
    expect(await service.everything()).toEqual(before);
  });

  it('is the first one that proceeds, also of twenty at once', async () => {
    const { phone_token } = await service.prepared();
    const phones = Array.from({ length: 20 }, () => new Payer(service, phone_token));
    const views = await Promise.all(phones.map((phone) => phone.begin()));
    expect(views.filter(({ bound }) => bound === 'you')).toHaveLength(1);
    expect(views.filter(({ bound }) => bound === 'other')).toHaveLength(19);
    const winner = phones[views.findIndex(({ bound }) => bound === 'you')];
    expect(await winner?.begin()).toMatchObject({ bound: 'you', via: 'qr' });
  });

  it('shows methods to that phone alone, and where the payer goes on to nobody else', async () => {
    const payment = await service.prepared();
    const [phone, other] = [await service.payer(payment), new Payer(service, payment.phone_token)];
    expect((await phone.view()).paying?.methods).toHaveLength(2);
    expect((await other.begin()).paying).toBeNull();
    await service.authenticating.authenticate({ tid: payment.tid });
    expect((await phone.view()).done).toMatchObject({ result: 'authenticated' });
    expect((await other.view()).done).toBeNull();
    expect((await new Payer(service, payment.pc_token, 'pc').view()).done).toMatchObject({ result: 'authenticated' });
  });

  it('the PC can take it back while the payment is ready, and another phone may begin', async () => {
    const payment = await service.prepared();
    const phone = await service.payer(payment);
    const pc = new Payer(service, payment.pc_token, 'pc');
    const bound = await pc.view();
    const released = await pc.release();
    expect(released).toMatchObject({ bound: 'nobody' });
    expect(released.seq).toBeGreaterThan(bound.seq);
    const another = await service.payer(payment);
    expect(await another.view()).toMatchObject({ bound: 'you' });
    expect(await phone.view()).toMatchObject({ bound: 'other' });

    await service.authenticating.authenticate({ tid: payment.tid });
    expect(await pc.release()).toMatchObject({ bound: 'other', status: 'AUTHENTICATED' });
  });

  it('a phone cannot take it back, nor cancel what another one pays', async () => {
    const payment = await service.prepared();
    await service.payer(payment);
    const other = new Payer(service, payment.phone_token);
    const before = await service.everything();
    await expect(other.release()).rejects.toThrow('PAYMENT_NOT_FOUND');
    expect(await other.cancel()).toMatchObject({ bound: 'other', status: 'READY' });
    expect(await service.everything()).toEqual(before);
  });

  it('cancels from the PC, from the phone that pays, and from a phone before anyone has begun', async () => {
    for (const canceller of [
      async (payment: { pc_token: string }) => new Payer(service, payment.pc_token, 'pc'),
      (payment: { phone_token: string }) => service.payer(payment),
      async (payment: { phone_token: string }) => new Payer(service, payment.phone_token),
    ]) {
      const payment = await service.prepared();
      const view = await (await canceller(payment)).cancel();
      expect(view).toMatchObject({ status: 'CANCELLED', done: { result: 'cancelled' } });
      expect(await (await canceller(payment)).cancel()).toMatchObject({ status: 'CANCELLED' });
    }
  });

  it('leaves an authenticated payment alone: the one who cancels too late is shown the truth', async () => {
    const payment = await service.prepared();
    const phone = await service.payer(payment);
    await service.authenticating.authenticate({ tid: payment.tid });
    const before = await service.everything();
    for (const late of [phone, new Payer(service, payment.pc_token, 'pc')]) {
      expect(await late.cancel()).toMatchObject({ status: 'AUTHENTICATED' });
    }
    expect(await phone.begin()).toMatchObject({ status: 'AUTHENTICATED' });
    expect(await service.everything()).toEqual(before);
  });

  it('binds nobody to a payment whose time is over', async () => {
    const payment = await service.prepared();
    await service.outOfTime(payment.command.order_id);
    const view = await new Payer(service, payment.phone_token).begin();
    expect(view).toMatchObject({ bound: 'nobody', status: 'EXPIRED', done: { result: 'expired' } });
  });

  it('tells the gateways of each change, and of nothing else', async () => {
    const payment = await service.prepared();
    const told = () => service.hints.filter((hint) => 'tid' in hint && hint.tid === payment.tid).length;
    const phone = await service.payer(payment);
    expect(told()).toBe(1);
    await phone.begin();
    await phone.view();
    expect(told()).toBe(1);
    await new Payer(service, payment.pc_token, 'pc').release();
    expect(told()).toBe(2);
    await phone.cancel(); // binds, then cancels
    expect(told()).toBe(4);
    await phone.cancel();
    expect(told()).toBe(4);
  });

  it.each(['', 'x', 'A'.repeat(32)])('opens nothing with the token %j', async (token) => {
    const phone = new Payer(service, token);
    await expect(phone.view()).rejects.toThrow('PAYMENT_NOT_FOUND');
    await expect(phone.begin()).rejects.toThrow('PAYMENT_NOT_FOUND');
    await expect(phone.open()).rejects.toThrow('PAYMENT_NOT_FOUND');
  });

  it('has a different token for each page: one does not open the other', async () => {
    const { pc_token, phone_token } = await service.prepared();
    expect((await new Payer(service, pc_token, 'pc').view()).phone_token).toBe(phone_token);
    expect((await new Payer(service, phone_token).view()).phone_token).toBeNull();
    await expect(new Payer(service, phone_token, 'pc').view()).rejects.toThrow('PAYMENT_NOT_FOUND');
    await expect(new Payer(service, pc_token).view()).rejects.toThrow('PAYMENT_NOT_FOUND');
  });
});
