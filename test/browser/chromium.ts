import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '../..');
const PACKAGE = '@sparticuz/chromium';

/**
 * Unpacks the Chromium of the npm package, once for each of its versions. It brings the libraries that a bare machine
 * lacks, and sees the package's own fonts only, none of them Korean: a glyph that the pages' font lacks shows as missing.
 */
export async function packagedChromium(): Promise<{ executablePath: string; env: Record<string, string> }> {
  const manifest = await readFile(join(ROOT, 'node_modules', PACKAGE, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const dir = join(ROOT, '.cache', `chromium-${version}`);
  if (!existsSync(dir)) await unpack(dir);
  await configureFonts(dir);
  return {
    executablePath: join(dir, 'chromium'),
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: join(dir, 'al2023/lib'),
      FONTCONFIG_FILE: join(dir, 'fonts.conf'),
    },
  };
}

/** Beside the place first, so that test files that start at once never see half of it. */
async function unpack(dir: string): Promise<void> {
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const draft = await mkdtemp(`${dir}-`);
  try {
    // The package unpacks into the folder for temporary files, its libraries only for AWS Lambda, whose runtimes lack
    // them as a bare machine does. A process of its own can be told both.
    const script = `require(${JSON.stringify(PACKAGE)}).executablePath()`;
    await promisify(execFile)(process.execPath, ['-e', script], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: draft, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
    });
    await rename(draft, dir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(dir)) throw error; // else another test file was faster
  }
}

/** Each time, because the file names places and a project may be moved: without any font a page has no text at all. */
async function configureFonts(dir: string): Promise<void> {
  const file = join(dir, 'fonts.conf');
  const wanted = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${dir}/fonts</dir><cachedir>${dir}/fonts-cache</cachedir></fontconfig>
`;
  if (existsSync(file) && (await readFile(file, 'utf8')) === wanted) return;
  const draft = `${file}-${process.pid}`;
  await writeFile(draft, wanted);
  await rename(draft, file);
}
