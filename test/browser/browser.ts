import { join } from 'node:path';
import axeCore from 'axe-core';
import jsQR from 'jsqr';
import { type Browser, type BrowserContext, chromium, type Page, type Request } from 'playwright-core';
import { PNG } from 'pngjs';
import { packagedChromium } from './chromium';

const SCREENSHOTS = join(__dirname, 'screenshots');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is awaited comes within this time, ms, which is shorter than a test's, so that it is told which did not. */
const AWAIT_MS = 15_000;

export interface ContextOptions {
  /** Language of the browser, as in `Accept-Language`. */
  lang?: string;
  dark?: boolean;
  width?: number;
  height?: number;
  /** Pixels of the screen to a pixel of the page. */
  scale?: number;
  javaScript?: boolean;
  reducedMotion?: boolean;
  forcedColors?: boolean;
}

/** A Chromium to test in; whoever opens it closes it. */
export async function openBrowser(): Promise<Browser> {
  // No sandbox, because Chromium refuses to have one when root starts it, as in most containers; no hinting, as on
  // phones, because it rounds widths to whole pixels. None of the package's own arguments: with its --single-process,
  // closing one context ends the whole browser.
  const args = ['--no-sandbox', '--font-render-hinting=none'];
  const executablePath = process.env.CHROMIUM_PATH;
  if (executablePath) return chromium.launch({ args, executablePath });
  if (process.platform === 'linux' && process.arch === 'x64') {
    return chromium.launch({ args, ...(await packagedChromium()) });
  }
  // The package has no program for this machine: the Chrome that is installed here.
  return chromium.launch({ args, channel: 'chrome' });
}

/** A visitor of its own: own cookies, own window; a phone's unless told otherwise. */
export async function newContext(browser: Browser, options: ContextOptions = {}): Promise<BrowserContext> {
  const context = await browser.newContext({
    locale: options.lang ?? 'ko-KR',
    colorScheme: options.dark ? 'dark' : 'light',
    viewport: { width: options.width ?? 360, height: options.height ?? 740 },
    deviceScaleFactor: options.scale ?? 1,
    javaScriptEnabled: options.javaScript ?? true,
    reducedMotion: options.reducedMotion ? 'reduce' : 'no-preference',
    forcedColors: options.forcedColors ? 'active' : 'none',
  });
  context.setDefaultTimeout(AWAIT_MS);
  context.on('page', watch);
  return context;
}

const troubles = new WeakMap<Page, string[]>();

/**
 * What went wrong on a page since it was opened: errors of scripts and on the console (which is where violations of the
 * content security policy appear), files that did not come, and files from another origin than the page's.
 */
export function troublesOf(page: Page): string[] {
  return troubles.get(page) ?? [];
}

function watch(page: Page): void {
  const found: string[] = [];
  troubles.set(page, found);
  page.on('pageerror', (error) => found.push(`script: ${error.message}`));
  page.on('console', (message) => {
    // Chromium repeats every answer of 400 and more there; the answers below tell which file it was.
    const isRepeated = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRepeated) found.push(`console: ${message.text()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400 && isFile(response.request())) found.push(`${response.status()}: ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // A page that is left stops what it still waits for.
    if (reason !== 'net::ERR_ABORTED') found.push(`${reason}: ${request.url()}`);
  });
  page.on('request', (request) => {
    if (isFile(request) && isForeign(request)) found.push(`foreign: ${request.url()}`);
  });
}

/** Something that a page loads, rather than the page. */
function isFile(request: Request): boolean {
  return !request.isNavigationRequest();
}

function isForeign(request: Request): boolean {
  const { origin, protocol } = new URL(request.url());
  return protocol.startsWith('http') && origin !== new URL(request.frame().url()).origin;
}

/** What axe finds against WCAG 2.2 AA and its best practices, a line for each element; nothing when all is well. */
export async function axe(page: Page): Promise<string[]> {
  // Not as a script element, which the page's policy would refuse; once a page, because it is large.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axeCore.source);
  const violations = await page.evaluate(async (tags) => {
    const { axe } = window as unknown as { axe: typeof axeCore };
    return (await axe.run({ runOnly: tags, resultTypes: ['violations'] })).violations; // the rest is large, too
  }, AXE_TAGS);
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${impact}) ${target.join(' ')}: ${failureSummary}`),
  );
}

/**
 * The fonts that show the text of an element and of its children, by the names in their files. A pages' font is
 * `Wanted Sans Variable`; any other has what that one lacks.
 */
export async function fontsOf(page: Page, selector: string): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('DOM.enable');
    await session.send('CSS.enable');
    const { root } = await session.send('DOM.getDocument');
    const { nodeId } = await session.send('DOM.querySelector', { nodeId: root.nodeId, selector });
    const { fonts } = await session.send('CSS.getPlatformFontsForNode', { nodeId });
    return fonts.map(({ familyName }) => familyName);
  } finally {
    await session.detach();
  }
}

/** The text of the QR code in an element as it is seen, undefined when none can be read. */
export async function qrOf(page: Page, selector: string): Promise<string | undefined> {
  const { data, width, height } = PNG.sync.read(await page.locator(selector).screenshot());
  return jsQR(new Uint8ClampedArray(data), width, height)?.data;
}

/** A picture of the whole page, for a person to look at. */
export async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}
