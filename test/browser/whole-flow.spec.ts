import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { anApproval } from '../e2e/shop';
import { shot, troublesOf } from './browser';
import { CheckoutWorld, type Ordered } from './checkout';

describe('paying in a browser', () => {
  let world: CheckoutWorld;
  beforeAll(async () => {
    world = await CheckoutWorld.open();
  }, 60_000);
  afterAll(() => world.close());

  /** What a merchant checks, if it does: the signature under its redirect_secret. */
  async function signedBy({ order, tid }: Ordered, result: string): Promise<string> {
    const { REDIRECT_SECRET } = JSON.parse(await readFile(join(world.shop.dataDir, 'secrets.json'), 'utf8'));
    const secret = `rs_${createHmac('sha256', REDIRECT_SECRET).update('redirect_secret:TC0ONETIME').digest('base64url')}`;
    return createHmac('sha256', secret).update(`${tid}.${order.order_id}.${order.amount}.${result}`).digest('hex');
  }

  it('by QR code: the PC follows the phone and goes on by itself; the phone stays', async () => {
    const ordered = await world.ordered();
    const pc = await world.pc(ordered.pcUrl);
    await expect(pc.locator('h1').textContent()).resolves.toBe('휴대폰으로 QR을 찍어 주세요');
    const phone = await world.visit(ordered.scannedUrl);
    await pc.locator('#status', { hasText: '휴대폰에서 화면을 열었어요' }).waitFor();
    await world.toKeypad(phone);
    await pc.locator('h1', { hasText: '휴대폰에서 결제하고 있어요' }).waitFor();
    await world.pay(phone);
    await pc.waitForURL(`${world.merchant.url}/approval**`);
    const { searchParams } = new URL(pc.url());
    expect(Object.fromEntries(searchParams)).toEqual({
      tid: ordered.tid,
      order_id: ordered.order.order_id,
      result: 'authenticated',
      signature: await signedBy(ordered, 'authenticated'),
    });
    await phone.locator('main', { hasText: 'PC에서 계속돼요' }).waitFor();
    expect(phone.url()).toMatch(/^http:\/\/localhost/);
    const approved = await world.shop.form('/pay/success', anApproval(ordered.order));
    expect(approved.body).toMatchObject({ tid: ordered.tid, item_name: '고구마피자', payment_method_type: 'MONEY' });
    await phone.locator('h1', { hasText: '결제를 마쳤어요' }).waitFor();
    await shot(phone, 'flow-phone-complete');
    expect([...troublesOf(pc), ...troublesOf(phone)]).toEqual([]);
  });
});
