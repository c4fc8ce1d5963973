import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';

const OWN_FONT = 'Wanted Sans Variable';

/** What can be said of a page by measuring it; nothing when all is well. */

/** Things that lie outside of the window, are cut off, or lie over each other. */
export function layoutFaultsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`scrolls sideways, ${root.scrollWidth} px wide`);

    const isShown = (element: Element) =>
      element.checkVisibility({ visibilityProperty: true }) && !element.closest('.visually-hidden, noscript');
    const lines: { readonly text: string; readonly block: Element | null; readonly rect: DOMRect; fixed: boolean }[] =
      [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.textContent?.trim() ?? '';
      const parent = node.parentElement;
      if (!text || !parent || !isShown(parent) || parent.closest('script')) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const name = parent.closest('.name')?.getBoundingClientRect();
      for (const rect of range.getClientRects()) {
        if (name && rect.top >= name.bottom - 2) continue; // a long name's third line, which is there for those who listen
        const block = parent.closest('p, h1, h2, dt, dd, a, button, label, div, legend, li');
        lines.push({ text, block, rect, fixed: parent.closest('.actions') !== null });
        if (rect.left < -0.5 || rect.right > innerWidth + 0.5) faults.push(`outside of the window: ${text}`);
      }
    }
    for (const [index, one] of lines.entries()) {
      for (const other of lines.slice(index + 1)) {
        if (one.block === other.block || one.fixed !== other.fixed) continue;
        const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
        const down = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
        if (across > 2 && down > 0.3 * Math.min(one.rect.height, other.rect.height)) {
          faults.push(`one over the other: ${one.text} | ${other.text}`);
        }
      }
    }

    for (const element of document.body.querySelectorAll('*')) {
      if (!isShown(element) || element.closest('svg, script')) continue;
      const { overflowX, overflowY } = getComputedStyle(element);
      const clips = overflowX !== 'visible' || overflowY !== 'visible';
      const long = element.matches('.name') && (element.textContent?.length ?? 0) > 30;
      const isTooSmall =
        element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
      const isControl = element.matches('button, .button');
      if ((clips || isControl) && isTooSmall && !long && element.clientWidth > 0 && !element.matches('input')) {
        faults.push(`cut off: ${element.textContent?.trim()}`);
      }
    }
    return faults;
  });
}

/** Targets that a thumb misses, and text that is too small to read. */
export function smallnessOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    for (const element of document.querySelectorAll('a[href], button, input:not([type=hidden])')) {
      if (!element.checkVisibility({ visibilityProperty: true })) continue;
      const target = element.matches('input[type=radio]') ? element.closest('label') : element;
      const { width = 0, height = 0 } = target?.getBoundingClientRect() ?? {};
      const isKey = element.matches('.key');
      const min = isKey ? (innerHeight < 620 ? 56 : 64) : 44;
      if (width < 44 || height < min - 0.01) {
        faults.push(
          `${Math.round(width)} × ${Math.round(height)} px: ${element.textContent?.trim() || element.outerHTML}`,
        );
      }
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!node.textContent?.trim() || !parent?.checkVisibility({ visibilityProperty: true })) continue;
      const size = Number.parseFloat(getComputedStyle(parent).fontSize);
      if (size < 14) faults.push(`${size} px: ${node.textContent}`);
    }
    return faults;
  });
}

/** Words of another language than the page's, wherever a reader or listener meets them; names may be of any. */
export function foreignWordsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { lang } = document.documentElement;
    const foreign = lang === 'ko' ? /[A-Za-z]{2,}/ : /\p{Script=Hangul}/u;
    const known = /\b(QR|PC|PUBLIC_URL)\b/g;
    const texts = [document.title, JSON.stringify(JSON.parse(document.getElementById('words')?.textContent ?? '{}'))];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const isOurs = !node.parentElement?.closest('bdi, script, noscript, [lang]:not(html)');
      if (isOurs) texts.push(node.textContent ?? '');
    }
    for (const element of document.querySelectorAll('[aria-label], [title], [alt], [placeholder]')) {
      for (const name of ['aria-label', 'title', 'alt', 'placeholder']) texts.push(element.getAttribute(name) ?? '');
    }
    const values = texts.map((text) =>
      lang === 'ko' && text.startsWith('{') ? text.replace(/"\w+":|\{\w\}/g, '') : text,
    );
    return values.filter((text) => foreign.test(text.replace(known, '')));
  });
}

/** What a phone's payer is asked to do, where it takes scrolling to see it. */
export function actionsOutOfSightOf(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('[data-page=phone] .actions .button')].slice(0, 1).flatMap((button) => {
      const { top, bottom } = button.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight ? [] : [`out of sight: ${button.textContent}`];
    }),
  );
}

/** Texts that another font than the pages' own shows, because that one lacks a glyph or did not come. */
export async function otherFontsOf(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('DOM.enable');
    await session.send('CSS.enable');
    const { root } = await session.send('DOM.getDocument');
    const { nodeIds } = await session.send('DOM.querySelectorAll', { nodeId: root.nodeId, selector: 'body *' });
    const found = await Promise.all(
      nodeIds.map(async (nodeId) => {
        const { fonts } = await session.send('CSS.getPlatformFontsForNode', { nodeId });
        const others = fonts.map(({ familyName }) => familyName).filter((name) => name !== OWN_FONT);
        if (others.length === 0) return [];
        return [`${others}: ${(await session.send('DOM.getOuterHTML', { nodeId })).outerHTML.slice(0, 200)}`];
      }),
    );
    return found.flat();
  } finally {
    await session.detach();
  }
}

/** Runs on the page: gives it a style of its reader's, which the page's policy has no say in. */
export function wear(css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.adoptedStyleSheets = [sheet];
}

/** The strongest contrast (WCAG 2) against the colour in the middle of the left half: at the edge, and further inside. */
export function contrastsOf(screenshot: Buffer): { border: number; inside: number } {
  const { data, width, height } = PNG.sync.read(screenshot);
  const luminanceAt = (x: number, y: number) => {
    const [r = 0, g = 0, b = 0] = [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3)].map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const middle = Math.floor(height / 2);
  const ground = luminanceAt(Math.min(6, Math.floor(width / 4)), middle);
  const strongest = (pixels: readonly number[]) =>
    Math.max(...pixels.map((light) => (Math.max(light, ground) + 0.05) / (Math.min(light, ground) + 0.05)));
  const row = Array.from({ length: width }, (_each, x) => luminanceAt(x, middle));
  const column = Array.from({ length: height }, (_each, y) => luminanceAt(Math.floor(width / 2), y));
  return { border: strongest(row.slice(0, 4)), inside: strongest([...row.slice(4, -4), ...column.slice(4, -4)]) };
}
