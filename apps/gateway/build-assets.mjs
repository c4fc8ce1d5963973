#!/usr/bin/env node
/**
 * Makes the files that the payer's pages load: browser/*.ts as plain ES modules (one file each, no bundle), browser/*.css,
 * and the two fonts that a Korean page needs. Plain JavaScript, because it runs beside `nest build`, not through it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const BROWSER = path.join(ROOT, 'apps/gateway/browser');
const PAGES = path.join(ROOT, 'apps/gateway/src/checkout');
const ASSETS = path.join(ROOT, 'dist/apps/gateway/assets');
const CACHE = path.join(ROOT, '.cache/fonts');

const FONT_PACKAGE = path.join(ROOT, 'node_modules/wanted-sans/fonts');
/** A name of our own: what pages load is not the whole of Wanted Sans, which may be on the reader's machine as well. */
const FONT_FAMILY = 'OneQ Sans';
const FONT_WEIGHTS = { min: 400, max: 700 };

const ASCII = [0x20, 0x7e];
const LATIN = [0xa0, 0x17f];
const KOREAN_LETTERS = [0x3131, 0x3163];
const KOREAN_SYLLABLES = [0xac00, 0xd7a3];
/** What pages put between words; the source may spell it as an escape, an entity or CSS content. */
const PUNCTUATION = '·…‹›•“”‘’⌫₩→←×—–✓○●';

if (process.argv.includes('--help') || process.argv.includes('-h')) {
  console.log(`Usage: node apps/gateway/build-assets.mjs

Writes dist/apps/gateway/assets: scripts and styles of apps/gateway/browser, fonts.css, the fonts and their licence.
Fonts are made again only when the font or the characters on the pages changed.`);
} else {
  await main();
}

async function main() {
  rmSync(ASSETS, { recursive: true, force: true });
  mkdirSync(ASSETS, { recursive: true });
  for (const file of filesBelow(BROWSER)) {
    const name = path.basename(file);
    if (isScript(name)) writeAsset(name.replace(/\.ts$/, '.js'), compile(file));
    if (name.endsWith('.css')) writeAsset(name, shorten(readFileSync(file, 'utf8')));
  }
  await writeFonts();
}

function compile(file) {
  return transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    swcrc: false,
    sourceMaps: false,
    minify: true,
    module: { type: 'es6' },
    jsc: {
      parser: { syntax: 'typescript' },
      target: 'es2020',
      minify: { compress: true, mangle: true, module: true },
    },
  }).code;
}

/** Without comments, indentation and empty lines; anything cleverer would need a CSS parser. */
function shorten(css) {
  return css
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s+|\s+$/gm, '')
    .concat('\n');
}

/**
 * Two files of one family: a small one with what the pages themselves say, which each page loads first, and one with what
 * names are written in, which a browser fetches only when it meets a character of it. The 8,822 rare syllables would be
 * another 860 KB; they and other scripts come from the reader's system.
 */
async function writeFonts() {
  const ui = uiCharacters();
  const letters = [...range(LATIN), ...range(KOREAN_LETTERS)];
  const faces = [
    { file: 'oneq-sans-ui.woff2', inFile: [...ui], inRange: [...ui] },
    {
      file: 'oneq-sans-names.woff2',
      // All of them, so that a new word on a page changes the small file only.
      inFile: [...letters, ...commonSyllables()],
      // Also of the rare ones, because the holes between the common ones would make the style sheet four times as long.
      inRange: [...letters, ...range(KOREAN_SYLLABLES)].filter((code) => !ui.has(code)),
    },
  ];
  const made = [];
  for (const { file, inFile } of faces) made.push({ file, ...(await subset(inFile)) });
  for (const { file, font } of made) writeAsset(file, font);
  discardOthers(made.map(({ key }) => key));
  writeAsset('fonts.css', faces.map(fontFace).join(''));
  writeAsset('OFL.txt', readFileSync(path.join(FONT_PACKAGE, 'OFL.txt')));
}

/** The characters of the pages' copy: ASCII, the punctuation above, and whatever else their sources contain. */
function uiCharacters() {
  const sources = [...filesBelow(PAGES), ...filesBelow(BROWSER)].filter((file) => isScript(path.basename(file)));
  const text = sources.map((file) => readFileSync(file, 'utf8')).join('') + PUNCTUATION;
  const codes = [...text].map((character) => character.codePointAt(0)).filter((code) => code > 0x9f);
  return new Set([...range(ASCII), ...codes].sort((a, b) => a - b));
}

/** The 2,350 syllables of KS X 1001, which are all that Korean is commonly written with, in Unicode's order. */
function commonSyllables() {
  const decoder = new TextDecoder('euc-kr');
  const rows = range([0xb0, 0xc8]).map((row) => Uint8Array.from(range([0xa1, 0xfe]).flatMap((cell) => [row, cell])));
  return rows.flatMap((row) => [...decoder.decode(row)].map((syllable) => syllable.codePointAt(0)));
}

/** A subset takes seconds, so it is kept; the key is all that decides about it. */
async function subset(codes) {
  const original = readFileSync(path.join(FONT_PACKAGE, 'variable/WantedSansVariable.ttf'));
  const options = { targetFormat: 'woff2', variationAxes: { wght: FONT_WEIGHTS } };
  const key = createHash('sha256')
    .update(original)
    .update(readFileSync(path.join(ROOT, 'node_modules/subset-font/package.json')))
    .update(JSON.stringify([options, codes]))
    .digest('hex');
  const cached = path.join(CACHE, `${key}.woff2`);
  try {
    return { key, font: readFileSync(cached) };
  } catch {
    const { default: subsetFont } = await import('subset-font');
    const font = await subsetFont(original, String.fromCodePoint(...codes), options);
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(`${cached}.draft`, font);
    renameSync(`${cached}.draft`, cached); // so that an interrupted build leaves no half of a font
    return { key, font };
  }
}

function discardOthers(keys) {
  for (const name of readdirSync(CACHE)) {
    if (!keys.includes(path.basename(name, '.woff2'))) rmSync(path.join(CACHE, name), { force: true });
  }
}

function fontFace({ file, inRange }) {
  return `@font-face{font-family:"${FONT_FAMILY}";font-weight:${FONT_WEIGHTS.min} ${FONT_WEIGHTS.max};font-display:swap;
src:url("./${file}") format("woff2");unicode-range:${unicodeRange(inRange)}}
`;
}

/** As CSS writes it: U+20-7E,U+B7 for sorted code points. */
function unicodeRange(codes) {
  const runs = [];
  for (const code of codes) {
    const last = runs.at(-1);
    if (last && code === last.to + 1) last.to = code;
    else runs.push({ from: code, to: code });
  }
  const hex = (code) => code.toString(16).toUpperCase();
  return runs.map(({ from, to }) => `U+${hex(from)}${to > from ? `-${hex(to)}` : ''}`).join(',');
}

function range([from, to]) {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function isScript(name) {
  return name.endsWith('.ts') && !name.endsWith('.spec.ts') && !name.endsWith('.d.ts');
}

function filesBelow(dir) {
  return readdirSync(dir, { recursive: true })
    .sort()
    .map((name) => path.join(dir, name));
}

function writeAsset(name, content) {
  writeFileSync(path.join(ASSETS, name), content);
}
