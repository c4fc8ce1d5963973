import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './project';

/** The module is plain JavaScript for a bare Node, so it is called as that. */
function call(name: 'sourceStamp' | 'isInstalled', root: string): string {
  const url = pathToFileURL(path.join(projectRoot(), 'stack', 'stamp.mjs')).href;
  const script = `import { ${name} } from ${JSON.stringify(url)}; console.log(${name}(process.argv[1]))`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script, root], { encoding: 'utf8' }).trim();
}

describe('what the bootstrap does again', () => {
  let root: string;
  const write = (name: string, content: unknown) => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
  };

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'oneq-stamp-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('builds when a source is changed, added or removed, and not otherwise', () => {
    write('apps/gateway/main.ts', 'a');
    write('README.md', 'a');
    const first = call('sourceStamp', root);
    write('README.md', 'another');
    expect(call('sourceStamp', root)).toBe(first);

    utimesSync(path.join(root, 'apps/gateway/main.ts'), 1, 1);
    const touched = call('sourceStamp', root);
    write('libs/new.ts', 'a');
    const added = call('sourceStamp', root);
    rmSync(path.join(root, 'libs/new.ts'));
    expect(new Set([first, touched, added]).size).toBe(3);
    expect(call('sourceStamp', root)).toBe(touched);
  });

  describe('installs', () => {
    const packages = {
      '': { name: 'oneq-pay' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/other-platform': { version: '1.0.0', optional: true },
    };

    beforeEach(() => write('package-lock.json', { packages }));

    it('in a fresh clone, and where an install was interrupted', () => {
      expect(call('isInstalled', root)).toBe('false');
      write('node_modules/a/package.json', {});
      expect(call('isInstalled', root)).toBe('false');
    });

    it('when a version has changed', () => {
      write('node_modules/.package-lock.json', { packages: { 'node_modules/a': { version: '0.9.0' } } });
      expect(call('isInstalled', root)).toBe('false');
    });

    it('not when everything that this platform needs is there', () => {
      write('node_modules/.package-lock.json', { packages: { 'node_modules/a': packages['node_modules/a'] } });
      expect(call('isInstalled', root)).toBe('true');
    });
  });
});
