import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The folder that holds the project's package.json: found upwards, because this file runs both from `stack/src`
 * (through the tests' transform) and from `dist/stack/src`.
 */
export function projectRoot(): string {
  for (let directory = __dirname; directory !== path.dirname(directory); directory = path.dirname(directory)) {
    const manifest = path.join(directory, 'package.json');
    if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === 'oneq-pay') return directory;
  }
  throw new Error('The package.json of oneq-pay is in none of the folders above the running code.');
}
