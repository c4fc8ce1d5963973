import type { Locator, Page } from 'playwright-core';
import { CheckoutWorld, type Ordered, PASSWORD, WRONG } from './checkout';
import { entriesOf, eventsOf, listen, returnUrl, says, shows, triesTaken } from './payer';

describe('the keypad', () => {
  let world: CheckoutWorld;
  beforeAll(async () => {
    world = await CheckoutWorld.open();
  }, 60_000);
  afterAll(() => world?.close());
  afterEach(() => Promise.all(world.browser.contexts().map((context) => context.close())));

  /** An order of a wallet with a password, and its page at the keypad. */
  async function atKeypad(): Promise<{ ordered: Ordered; phone: Page }> {
    const ordered = await world.ordered({ bank_acct_num: await world.account() });
    const phone = await world.visit(ordered.phoneUrl);
    await world.toKeypad(phone);
    await phone.waitForLoadState();
    return { ordered, phone };
  }

  async function atField(): Promise<{ ordered: Ordered; phone: Page; field: Locator }> {
    const { ordered, phone } = await atKeypad();
    await phone.getByRole('link', { name: '키보드로 입력하기' }).click();
    const field = phone.getByLabel('비밀번호 여섯 자리');
    await field.waitFor();
    await phone.waitForLoadState();
    return { ordered, phone, field };
  }

  const filled = async (page: Page, count: number) => {
    await page.locator('#entered', { hasText: `6자리 중 ${count}자리` }).waitFor({ state: 'attached' });
    expect(await page.locator('.dot.filled').count()).toBe(count);
  };

  describe('one attempt', () => {
    /** What the page would send for these digits. */
    const entryOf = async (page: Page, digits: string): Promise<Record<string, string>> => {
      const form = page.locator('form#password');
      const fields = JSON.parse((await form.getAttribute('data-fields')) ?? '{}') as Record<string, string>;
      const codes = await world.codes(page);
      const keys = [...digits].map((digit) => codes[Number(digit)]).join('');
      return { ...fields, attempt: (await form.getAttribute('data-attempt')) ?? '', keys };
    };
    const send = async (page: Page, form: Record<string, string>) => {
      const response = await page.request.post(`${world.shop.url}/pay/checkout/password`, { form });
      const { trace_id, ...body } = await response.json();
      return { status: response.status(), body };
    };

    it('sent again, also at the same time, is answered the same and counted once', async () => {
      const { ordered, phone } = await atKeypad();
      const entry = await entryOf(phone, WRONG);
      const [one, two] = await Promise.all([send(phone, entry), send(phone, entry)]);
      expect(one).toMatchObject({ status: 401, body: { code: 'PIN_INVALID', attempts_left: 4 } });
      expect(two).toEqual(one);
      // The codes of other digits on the same attempt are no further guess.
      expect(await send(phone, await entryOf(phone, PASSWORD))).toEqual(one);
      expect(await triesTaken(world, ordered)).toBe(1);
      expect(await world.statusOf(ordered)).toBe('READY');
    });

    it('sent again when it was right, pays once', async () => {
      const { ordered, phone } = await atKeypad();
      const entry = await entryOf(phone, PASSWORD);
      const answers = [...(await Promise.all([send(phone, entry), send(phone, entry)])), await send(phone, entry)];
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: { outcome: 'authenticated' } });
      expect(await eventsOf(world, ordered)).toEqual(['payment.authenticated']);
      expect(await world.shop.wallet(ordered.order)).toMatchObject({ money_held: 16_000, bank_held: 0 });
    });

    it("of another browser's keypad is stale: the payer gets a new keypad and loses no try", async () => {
      const one = await atKeypad();
      const other = await atKeypad();
      const foreign = await entryOf(other.phone, WRONG);
      await one.phone.evaluate(
        ([attempt, keys]) => {
          const form = document.querySelector<HTMLElement>('form#password');
          if (form) form.dataset.attempt = attempt;
          for (const key of form?.querySelectorAll<HTMLElement>('[data-code]') ?? []) {
            key.dataset.code = keys.slice(0, 8);
          }
        },
        [foreign.attempt, foreign.keys] as [string, string],
      );
      for (let key = 0; key < 6; key += 1) await one.phone.locator('#pad [data-code]').nth(key).click();
      const alert = '자판을 새로 불러왔어요. 처음부터 눌러 주세요. 틀린 횟수에는 넣지 않았어요.';
      await one.phone.locator('[role=alert]:focus', { hasText: alert }).waitFor();
      expect([await triesTaken(world, one.ordered), await triesTaken(world, other.ordered)]).toEqual([0, 0]);
      await world.press(one.phone, PASSWORD);
      await one.phone.waitForURL(await returnUrl(world, one.ordered, 'authenticated'));
    });

    it('of a phone that the PC has taken the payment back from does nothing', async () => {
      const { ordered, phone } = await atKeypad();
      const entry = await entryOf(phone, PASSWORD);
      const pc = await world.pc(ordered.pcUrl);
      await pc.getByRole('button', { name: 'QR 다시 보기' }).click();
      await shows(pc, 'qr');
      expect(await send(phone, entry)).toMatchObject({ status: 200, body: { outcome: 'stale' } });
      expect(await triesTaken(world, ordered)).toBe(0);
      expect(await world.statusOf(ordered)).toBe('READY');
      await shows(phone, 'intro');
    });

    it('is new with each load, and an entry that was left is forgotten', async () => {
      const { ordered, phone } = await atKeypad();
      const before = await world.codes(phone);
      await world.press(phone, '482');
      await phone.reload();
      await filled(phone, 0);
      expect((await world.codes(phone)).filter((code) => before.includes(code))).toEqual([]);
      await world.press(phone, '482');
      await phone.getByRole('link', { name: '이전' }).click();
      await shows(phone, 'review');
      await phone.locator('[data-screen=review] .button').click();
      await shows(phone, 'password');
      await filled(phone, 0);
      expect(await triesTaken(world, ordered)).toBe(0);
    });
  });

  describe('pressing', () => {
    it('fills a dot a press, takes back one or all, and does nothing when the finger leaves the key', async () => {
      const { ordered, phone } = await atKeypad();
      const entries = entriesOf(phone);
      await world.press(phone, '482');
      await filled(phone, 3);
      await phone.getByRole('button', { name: '지우기', exact: true }).click();
      await filled(phone, 2);
      await phone.keyboard.press('Backspace');
      await filled(phone, 1);
      await world.press(phone, '82');
      await phone.getByRole('button', { name: '전체 지우기' }).click();
      await filled(phone, 0);
      await phone.getByRole('button', { name: '지우기', exact: true }).click();
      await filled(phone, 0);

      const key = phone.locator('#pad [data-code]').first();
      await key.hover();
      await phone.mouse.down();
      await phone.locator('#pad [data-code]').nth(4).hover();
      await phone.mouse.up();
      await filled(phone, 0);
      expect(entries).toHaveLength(0);
      await world.press(phone, PASSWORD);
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(entries).toHaveLength(1);
    });

    it('counts a click once and a double click twice', async () => {
      const { phone } = await atKeypad();
      const [one, other] = [phone.locator('#pad [data-code]').nth(2), phone.locator('#pad [data-code]').nth(7)];
      await one.click();
      await filled(phone, 1);
      await one.dblclick();
      await filled(phone, 3);
      await other.click();
      await filled(phone, 4);
    });

    it('counts a tap once and two quick ones twice, as those of a finger', async () => {
      const ordered = await world.ordered({ bank_acct_num: await world.account() });
      const context = await world.browser.newContext({ hasTouch: true, locale: 'ko-KR' });
      const phone = await context.newPage();
      await phone.goto(ordered.phoneUrl);
      await world.toKeypad(phone);
      const key = phone.locator('#pad [data-code]').nth(3);
      await key.tap();
      await filled(phone, 1);
      await Promise.all([key.tap(), key.tap()]);
      await filled(phone, 3);
    });

    it('counts what a screen reader presses, which is a click without a pointer', async () => {
      const { ordered, phone } = await atKeypad();
      const codes = await world.codes(phone);
      for (const digit of PASSWORD) {
        await phone.locator(`#pad [data-code="${codes[Number(digit)]}"]`).evaluate((key: HTMLElement) => key.click());
      }
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
    });

    it('digit keys of a keyboard only say how to enter the password', async () => {
      const { phone } = await atKeypad();
      const heard = await listen(phone);
      await phone.keyboard.type('4829');
      const hint = '화면의 숫자를 눌러 주세요. 키보드로 치려면 키보드로 입력하기를 골라 주세요.';
      await phone.locator('#status', { hasText: hint }).waitFor();
      await filled(phone, 0);
      expect(new Set(heard)).toEqual(new Set([hint]));
    });
  });

  describe('typing', () => {
    /** The field never holds a digit, and the page's body none of those typed. */
    const isMasked = async (phone: Page, field: Locator, count: number) => {
      await phone.locator('#entered', { hasText: `6자리 중 ${count}자리` }).waitFor({ state: 'attached' });
      expect(await field.inputValue()).toBe('•'.repeat(count));
    };

    it.each<[string, (phone: Page, field: Locator) => Promise<void>]>([
      ['filled in at once, as password managers do', (_phone, field) => field.fill(PASSWORD)],
      [
        'key by key',
        async (phone, field) => {
          await field.focus();
          for (const [index, digit] of [...PASSWORD].entries()) {
            await phone.keyboard.press(digit);
            await isMasked(phone, field, index + 1);
          }
        },
      ],
      [
        'with slips that Backspace and Delete take back',
        async (phone, field) => {
          await field.focus();
          await phone.keyboard.type('4827');
          await phone.keyboard.press('Backspace');
          await isMasked(phone, field, 3);
          await phone.keyboard.type('x9 ');
          await isMasked(phone, field, 4);
          await phone.keyboard.type('315');
          await isMasked(phone, field, 6);
          await phone.keyboard.press('ArrowLeft');
          await phone.keyboard.press('Backspace'); // the 3
          await isMasked(phone, field, 5);
          await phone.keyboard.press('Delete'); // the 1
          await isMasked(phone, field, 4);
          await phone.keyboard.type('15');
        },
      ],
      [
        'pasted, over what was there',
        async (phone, field) => {
          await field.focus();
          await phone.keyboard.type('777');
          await isMasked(phone, field, 3);
          await phone.evaluate(
            (text) => navigator.clipboard.writeText(text),
            `${PASSWORD.slice(0, 3)} ${PASSWORD.slice(3)}`,
          );
          await field.focus();
          await phone.keyboard.press('ControlOrMeta+A');
          await phone.keyboard.press('ControlOrMeta+V');
        },
      ],
    ])('%s: works, shows dots, and sends codes only, when the button is pressed', async (_how, type) => {
      const { ordered, phone, field } = await atField();
      await phone.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: world.shop.url });
      const entries = entriesOf(phone);
      const codes = await world.codes(phone);
      const expected = [...PASSWORD].map((digit) => codes[Number(digit)]);
      await type(phone, field);
      await isMasked(phone, field, 6);
      expect(await phone.content()).not.toContain(PASSWORD);
      expect(entries).toHaveLength(0); // it waits for the button
      await phone.getByRole('button', { name: '16,000원 결제하기' }).click();
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
      expect(entries).toHaveLength(1);
      const body = new URLSearchParams(entries[0]?.postData() ?? '');
      expect(body.get('keys')).toBe(expected.join(''));
      expect([...body.values()].join(' ')).not.toContain(PASSWORD);
    });

    it('filled in before the script came: is turned into codes all the same', async () => {
      const { ordered, phone } = await atKeypad();
      let come: () => void = () => undefined;
      const coming = new Promise<void>((resolve) => {
        come = resolve;
      });
      await phone.route('**/checkout.js', async (route) => {
        await coming;
        await route.continue();
      });
      await phone.getByRole('link', { name: '키보드로 입력하기' }).click();
      const field = phone.getByLabel('비밀번호 여섯 자리');
      await field.fill(PASSWORD);
      come();
      await isMasked(phone, field, 6);
      await phone.getByRole('button', { name: '16,000원 결제하기' }).click();
      await phone.waitForURL(await returnUrl(world, ordered, 'authenticated'));
    });

    it('too few digits are not sent: it says how many are there, and the field has the focus', async () => {
      const { phone, field } = await atField();
      const entries = entriesOf(phone);
      await field.fill('482');
      await phone.getByRole('button', { name: '16,000원 결제하기' }).click();
      await phone.locator('#status', { hasText: '6자리 중 3자리' }).waitFor();
      expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
      expect(entries).toHaveLength(0);
    });

    it('a wrong one: the alert has the focus, and the field is there again, empty', async () => {
      const { ordered, phone, field } = await atField();
      const attempt = await phone.locator('form#password').getAttribute('data-attempt');
      await field.fill(WRONG);
      await field.press('Enter');
      await phone.locator(`form#password[data-mode=type]:not([data-attempt="${attempt}"])`).waitFor();
      await phone.locator('[role=alert]:focus', { hasText: '비밀번호가 달라요. 4번 더 틀리면' }).waitFor();
      await isMasked(phone, phone.locator('#typed'), 0);
      expect(await triesTaken(world, ordered)).toBe(1);
    });

    it('is remembered, and so is going back to the pad', async () => {
      const { phone } = await atField();
      const next = async () => {
        const ordered = await world.ordered({ bank_acct_num: await world.account() });
        await phone.goto(ordered.phoneUrl);
        await world.toKeypad(phone);
      };
      await next();
      await says(phone, '결제 비밀번호를 입력해 주세요');
      await phone.getByRole('link', { name: '보안 키패드로 누르기' }).click();
      await phone.locator('#pad').waitFor();
      await says(phone, '결제 비밀번호를 눌러 주세요');
      await next();
      await says(phone, '결제 비밀번호를 눌러 주세요');
    });
  });

  describe('a keyboard alone', () => {
    /** Something has the focus, and it is seen; a heading, which can only be read, needs no ring. */
    const hasVisibleFocus = async (page: Page) => {
      const focused = await page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return 'nothing';
        if (element.matches('h1')) return 'visible';
        const { width, height } = element.getBoundingClientRect();
        const rings = [element, element.closest('label')].map((each) => {
          if (!each) return false;
          const { outlineStyle, outlineWidth } = getComputedStyle(each);
          return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
        });
        return rings.some(Boolean) && width > 0 && height > 0
          ? 'visible'
          : `unseen: ${element.outerHTML.slice(0, 120)}`;
      });
      expect(focused).toBe('visible');
    };

    /** Presses Tab until this has the focus. */
    const tabTo = async (page: Page, selector: string) => {
      for (let tab = 0; tab < 15; tab += 1) {
        await page.keyboard.press('Tab');
        await hasVisibleFocus(page);
        if (await page.evaluate((css) => document.activeElement?.matches(css), selector)) return;
      }
      throw new Error(`Tab does not come to ${selector}`);
    };

    const intro2password = async (page: Page) => {
      await tabTo(page, '[data-screen=intro] .button');
      await page.keyboard.press('Enter');
      await shows(page, 'method');
      await tabTo(page, 'input[type=radio]');
      await page.keyboard.press('ArrowDown');
      expect(await page.locator('input[value="계좌"]').isChecked()).toBe(true);
      await hasVisibleFocus(page);
      await tabTo(page, '[data-screen=method] .button');
      await page.keyboard.press('Enter');
      await shows(page, 'review');
      await tabTo(page, '[data-screen=review] .button');
      await page.keyboard.press('Enter');
      await shows(page, 'password');
    };

    it('pays on the pad, from the first page to the last, with the focus in sight all the way', async () => {
      const ordered = await world.ordered();
      const phone = await world.visit(ordered.scannedUrl);
      await intro2password(phone);
      const press = async (digits: string) => {
        const codes = await world.codes(phone);
        const order = await phone
          .locator('#pad button')
          .evaluateAll((keys) => keys.map((key) => (key as HTMLElement).dataset.code));
        for (const [index, digit] of [...digits].entries()) {
          await phone.keyboard.press('Home');
          const steps = order.indexOf(codes[Number(digit)]);
          for (let down = 0; down < Math.floor(steps / 3); down += 1) await phone.keyboard.press('ArrowDown');
          for (let right = 0; right < steps % 3; right += 1) await phone.keyboard.press('ArrowRight');
          await hasVisibleFocus(phone);
          await phone.keyboard.press(index % 2 ? 'Enter' : 'Space');
        }
      };
      await tabTo(phone, '#pad button');
      await phone.keyboard.press('Tab'); // the pad is one stop, and no trap
      expect(await phone.evaluate(() => document.activeElement?.closest('#pad'))).toBeNull();
      await phone.keyboard.press('Shift+Tab');
      await press(PASSWORD);
      await phone.locator('form#password[data-purpose=set2]').waitFor();
      await hasVisibleFocus(phone);
      await tabTo(phone, '#pad button');
      await press(WRONG);
      await phone.locator('[role=alert]:focus').waitFor();
      await hasVisibleFocus(phone);
      await tabTo(phone, '#pad button');
      await press(PASSWORD);
      await phone.locator('form#password[data-purpose=set2]').waitFor();
      await tabTo(phone, '#pad button');
      await press(PASSWORD);
      await phone.locator('h1:focus', { hasText: '결제를 확인했어요' }).waitFor();
      expect(await world.statusOf(ordered)).toBe('AUTHENTICATED');
    });

    it('pays by typing, from the first page to the last, with the focus in sight all the way', async () => {
      const ordered = await world.ordered({ bank_acct_num: await world.account() });
      const phone = await world.visit(ordered.scannedUrl);
      await intro2password(phone);
      await tabTo(phone, 'form#password a');
      expect(await phone.evaluate(() => document.activeElement?.textContent)).toBe('키보드로 입력하기');
      await phone.keyboard.press('Enter');
      await phone.locator('#typed').waitFor();
      await tabTo(phone, '#typed');
      await phone.keyboard.type(WRONG);
      await hasVisibleFocus(phone);
      await tabTo(phone, 'form#password .button');
      await phone.keyboard.press('Enter');
      await phone.locator('[role=alert]:focus').waitFor();
      await hasVisibleFocus(phone);
      await tabTo(phone, '#typed');
      await phone.keyboard.type(PASSWORD);
      await phone.keyboard.press('Enter');
      await phone.locator('h1:focus', { hasText: '결제를 확인했어요' }).waitFor();
      expect(await world.statusOf(ordered)).toBe('AUTHENTICATED');
    });
  });
});
