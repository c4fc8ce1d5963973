import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Injectable } from '@nestjs/common';

/** Beside the compiled gateway; for tests, which run the sources, in the project's build. */
const FOLDERS = [path.join(__dirname, '../../assets'), path.join(__dirname, '../../../../dist/apps/gateway/assets')];

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Without these no page is whole. */
const NEEDED = ['checkout.js', 'checkout.css', 'fonts.css', 'oneq-sans-ui.woff2'];

/** Characters of the hash in an address. */
const HASH_LENGTH = 16;

export interface Asset {
  readonly type: string;
  readonly content: Buffer;
}

/** The files of the payer's pages, in memory. One hash stands for all, as they refer to each other by name. */
@Injectable()
export class Assets {
  readonly hash: string;
  private readonly files = new Map<string, Asset>();

  /** @throws {Error} when they were not built */
  constructor(folders: readonly string[] = FOLDERS) {
    const folder = folders.find((each) => existsSync(each));
    const names = folder ? readdirSync(folder).sort() : [];
    const missing = NEEDED.filter((name) => !names.includes(name));
    if (!folder || missing.length > 0) {
      throw new Error(`The payer's pages lack ${missing.join(', ')} in ${folder ?? folders[0]}. Run npm run build.`);
    }
    const hash = createHash('sha256');
    for (const name of names) {
      const type = TYPES[path.extname(name)];
      if (!type) continue;
      const content = readFileSync(path.join(folder, name));
      this.files.set(name, { type, content });
      hash.update(`${name}:${content.length}:`).update(content);
    }
    this.hash = hash.digest('hex').slice(0, HASH_LENGTH);
  }

  get(name: string): Asset | undefined {
    return this.files.get(name);
  }

  url(name: string): string {
    return `/pay/assets/${this.hash}/${name}`;
  }
}
