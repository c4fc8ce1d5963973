import axeCore from 'axe-core';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { axe, newContext, qrOf, shot, troublesOf } from './browser';
import { CheckoutWorld } from './checkout';
import {
  actionsOutOfSightOf,
  contrastsOf,
  foreignWordsOf,
  layoutFaultsOf,
  otherFontsOf,
  smallnessOf,
  wear,
} from './look';
import { SCENES, type Scene, type Situation, TROUBLE } from './scenes';

const LANGUAGES = ['ko', 'en'] as const;
type Language = (typeof LANGUAGES)[number];
const BRANDS = { ko: '원큐페이', en: 'OneQ Pay' };
const ERRORS = { ko: '오류: ', en: 'Error: ' };
const THEMES = ['light', 'dark'] as const;
const WIDTHS = [320, 360, 1280] as const;
/**
 * Colours do not depend on the width, nor places on the colours: every screen in each language and theme at one width,
 * and once at each of the others.
 */
const SEEN_BY_AXE = {
  ko: { 320: ['light'], 360: ['light', 'dark'], 1280: [] },
  en: { 320: [], 360: ['light', 'dark'], 1280: ['light'] },
} as const;
/** Text as people set it who read it with difficulty (WCAG 2.2, 1.4.4 and 1.4.12). */
const LARGER = {
  'text twice as large': 'html { font-size: 200% !important }',
  'text further apart':
    '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important } p { margin-bottom: 2em !important }',
};
const HEIGHTS = { 320: 568, 360: 740, 1280: 800 };

/** Where the keypad needs no scrolling on 320 × 568 px; in English, whose lines are longer, a message may push it down. */
const WHOLE_ON_SMALL: readonly string[] = ['password-enter', 'password-set-2', 'password-wrong', 'password-stale'];

describe('every screen', () => {
  let world: CheckoutWorld;
  const pages = {} as Record<Language, Page>;
  const situations = new Map<string, Promise<Situation>>();

  beforeAll(async () => {
    world = await CheckoutWorld.open();
    for (const language of LANGUAGES) {
      // Without motion, so that nothing is measured half way.
      const lang = language === 'ko' ? 'ko-KR' : 'en-GB';
      const context = await newContext(world.browser, { lang, reducedMotion: true });
      await stayHere(context);
      await context.addInitScript({ content: axeCore.source }); // sooner there than when it is first asked for
      pages[language] = await context.newPage();
    }
  }, 60_000);
  afterAll(() => world.close());

  /** Pages that go on to the shop by themselves stay. */
  async function stayHere(context: BrowserContext): Promise<void> {
    await context.route(`${world.merchant.url}/**`, (route) => route.fulfill({ status: 204 }));
  }

  async function open(page: Page, scene: Scene, situation?: Situation): Promise<void> {
    const known = situations.get(scene.name) ?? scene.open(world);
    situations.set(scene.name, known);
    const { url, payer, headers = {}, posts } = situation ?? (await known);
    const context = page.context();
    await context.clearCookies();
    await payer?.lend(context);
    await page.setExtraHTTPHeaders({ ...headers });
    if (posts) {
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      const post = (route: Route) =>
        route.continue({ method: 'POST', postData: posts, headers: { ...route.request().headers(), ...type } });
      await page.route(url, post, { times: 1 });
    }
    const response = await page.goto(url);
    expect({ status: response?.status(), screen: await page.getAttribute('#main', 'data-screen') }).toEqual({
      status: scene.status ?? 200,
      screen: scene.screen,
    });
  }

  /** What is wrong with a screen, each with where it was seen. */
  async function faultsOf(scene: Scene, situation?: Situation): Promise<string[]> {
    const faults: string[] = [];
    const lookIn = async (language: Language) => {
      const page = pages[language];
      const note = (place: string, found: readonly string[]) =>
        faults.push(...found.map((fault) => `${language}, ${place}: ${fault}`));
      await page.setViewportSize({ width: 360, height: HEIGHTS[360] });
      await page.emulateMedia({ colorScheme: 'light' });
      await open(page, scene, situation);
      await page.evaluate(() => document.fonts.ready);
      note('words', await foreignWordsOf(page));
      note('language', await wrongWordsOf(page, scene, language));
      note('fonts', await otherFontsOf(page));
      note('first thing to do', await actionsOutOfSightOf(page));
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: HEIGHTS[width] });
        note(`${width} px`, [...(await layoutFaultsOf(page)), ...(await smallnessOf(page))]);
        for (const [how, css] of Object.entries(LARGER)) {
          await page.evaluate(wear, css);
          note(`${width} px, ${how}`, await layoutFaultsOf(page));
        }
        await page.evaluate(wear, '');
        for (const theme of SEEN_BY_AXE[language][width]) {
          await page.emulateMedia({ colorScheme: theme });
          note(`${width} px, ${theme}`, await axe(page));
        }
      }
      note('console and network', troublesOf(page).splice(0));
      if (process.env.SCREENSHOTS) await photograph(page, scene, language);
    };
    await Promise.all(LANGUAGES.map(lookIn));
    return faults;
  }

  async function wrongWordsOf(page: Page, { ko, en, alert }: Scene, language: Language): Promise<string[]> {
    const heading = (await page.textContent('h1')) ?? '';
    const expected = language === 'ko' ? ko : en;
    const title = `${alert ? ERRORS[language] : ''}${heading} | ${BRANDS[language]}`;
    return [
      ...(heading.includes(expected) ? [] : [`heading ${heading}`]),
      ...((await page.title()) === title ? [] : [`title ${await page.title()}`]),
      ...((await page.getAttribute('html', 'lang')) === language ? [] : ['html lang']),
    ];
  }

  async function photograph(page: Page, { name, screen }: Scene, language: Language): Promise<void> {
    for (const theme of language === 'ko' ? THEMES : (['light'] as const)) {
      await page.emulateMedia({ colorScheme: theme });
      for (const width of screen === 'password' ? WIDTHS : ([360, 1280] as const)) {
        await page.setViewportSize({ width, height: HEIGHTS[width] });
        await shot(page, `screen-${name}-${width}-${theme}-${language}`);
      }
    }
  }

  it.each(SCENES)(
    '$name: axe finds nothing, all of it is there at any width and text size, in the right language, from us alone',
    async (scene) => {
      expect(await faultsOf(scene)).toEqual([]);
    },
  );

  it('paint their heading with scripts blocked', async () => {
    const page = await (await newContext(world.browser, { javaScript: false })).newPage();
    const unseen: string[] = [];
    for (const scene of SCENES) {
      await open(page, scene);
      const heading = page.locator('h1');
      if (!(await heading.isVisible()) || !(await heading.textContent())?.includes(scene.ko)) unseen.push(scene.name);
    }
    expect(unseen).toEqual([]);
  });

  it('take less than 100 KB without the font, on a first visit', async () => {
    const heaviest = ['qr', 'method-top-up', 'password-enter', 'already-paid'];
    for (const scene of SCENES.filter(({ name }) => heaviest.includes(name))) {
      const page = await (await newContext(world.browser)).newPage();
      const session = await page.context().newCDPSession(page);
      await session.send('Network.enable');
      const fonts = new Set<string>();
      let bytes = 0;
      session.on('Network.responseReceived', ({ requestId, type }) => {
        if (type === 'Font') fonts.add(requestId);
      });
      session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
        if (!fonts.has(requestId)) bytes += encodedDataLength;
      });
      await open(page, scene);
      await page.evaluate(() => document.fonts.ready);
      expect(fonts.size).toBeGreaterThan(0);
      expect(bytes).toBeGreaterThan(5_000);
      expect(bytes).toBeLessThan(100_000);
      await page.context().close();
    }
  });

  it('show the whole keypad on the smallest phone in Korean, also after a wrong password', async () => {
    const context = await newContext(world.browser, { width: 320, height: 568 });
    const page = await context.newPage();
    const ends: Record<string, number> = {};
    for (const scene of SCENES.filter(({ name }) => WHOLE_ON_SMALL.includes(name))) {
      await open(page, scene);
      await page.evaluate(() => document.fonts.ready);
      const last = await page.locator('#pad [data-key=delete]').boundingBox();
      ends[scene.name] = (last?.y ?? 999) + (last?.height ?? 0);
    }
    expect(Object.keys(ends)).toHaveLength(WHOLE_ON_SMALL.length);
    expect(Object.entries(ends).filter(([, end]) => end > 568)).toEqual([]);
    await context.close();
  });

  describe('for whom motion is too much', () => {
    const MOVING = SCENES.filter(({ name }) => ['confirmed-elsewhere', 'password-set-1'].includes(name));

    async function animationsOf(scene: Scene, reducedMotion: boolean): Promise<{ running: number; planned: number }> {
      const context = await newContext(world.browser, { reducedMotion });
      const page = await context.newPage();
      // Seen from the first frame on, because an animation is soon over.
      await page.addInitScript(() => {
        addEventListener('animationstart', () => sessionStorage.setItem('moved', '1'), true);
        addEventListener('transitionrun', () => sessionStorage.setItem('moved', '1'), true);
      });
      await open(page, scene);
      const key = page.locator('#pad [data-code]').first();
      if (await key.isVisible()) {
        await key.click();
        await page.locator('.dot.filled').waitFor();
      }
      const found = await page.evaluate(async () => {
        await new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)));
        const durations = [...document.querySelectorAll('*')].flatMap((element) => {
          const { animationName, transitionDuration } = getComputedStyle(element);
          return [animationName !== 'none', transitionDuration.split(', ').some((each) => each !== '0s')];
        });
        return { running: Number(sessionStorage.getItem('moved') ?? 0), planned: durations.filter(Boolean).length };
      });
      await context.close();
      return found;
    }

    it.each(MOVING)('nothing moves: $name', async (scene) => {
      expect(await animationsOf(scene, true)).toEqual({ running: 0, planned: 0 });
      expect((await animationsOf(scene, false)).running).toBe(1); // there is something to leave out
    });
  });

  describe('in forced colours', () => {
    it.each([false, true])('keys, choices and the QR code are seen (dark: %s)', async (dark) => {
      const context = await newContext(world.browser, { forcedColors: true, dark, width: 700, height: 900 });
      const page = await context.newPage();
      const named = (wanted: string) => SCENES.find(({ name }) => name === wanted) as Scene;

      await open(page, named('password-set-1'));
      for (const key of await page.locator('.key').all()) {
        const { border, inside } = contrastsOf(await key.screenshot());
        expect(Math.min(border, inside)).toBeGreaterThan(3);
      }
      await open(page, named('method'));
      for (const choice of await page.locator('.choice').all()) {
        expect(contrastsOf(await choice.screenshot()).border).toBeGreaterThan(3);
        const { border, inside } = contrastsOf(await choice.locator('input').screenshot());
        expect(Math.max(border, inside)).toBeGreaterThan(3);
      }
      const radios = page.locator('.choice input');
      expect(await radios.nth(0).screenshot()).not.toEqual(await radios.nth(1).screenshot()); // the chosen one differs

      await open(page, named('qr'));
      expect(await qrOf(page, '.qr svg')).toMatch(/&via=qr$/);
      await context.close();
    });
  });

  it('trouble: the same, and needs no payment service', async () => {
    const { phoneUrl } = await world.ordered();
    await world.shop.without('payment', async () => {
      const scene = { ...TROUBLE, open: async () => ({ url: phoneUrl }) };
      expect(await faultsOf(scene)).toEqual([]);
    });
  });
});
