import { readFileSync } from 'node:fs';
import path from 'node:path';
import { OptionsError, parseOptions } from './options';
import { projectRoot } from './project';

describe('parseOptions', () => {
  it('has a default for everything', () => {
    expect(parseOptions({})).toMatchObject({
      port: 8080,
      host: 'localhost',
      publicUrl: 'http://localhost:8080',
      dataDir: path.resolve('.data'),
      mode: 'sandbox',
      paymentReplicas: 1,
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(parseOptions({ PORT: '', MODE: ' ' })).toEqual(parseOptions({}));
  });

  it('derives the public address from the port, and drops a slash at the end of a given one', () => {
    expect(parseOptions({ PORT: '9090' }).publicUrl).toBe('http://localhost:9090');
    expect(parseOptions({ PUBLIC_URL: 'https://pay.example.com/' }).publicUrl).toBe('https://pay.example.com');
  });

  it('names every problem at once, one sentence each', () => {
    const environment = { PORT: 'abc', PAYMENT_REPLICAS: '0', MODE: 'prod' };
    expect(() => parseOptions(environment, ['--fast'])).toThrow(
      new OptionsError([
        'There is no option --fast; npm start -- --help lists what there is.',
        'PORT must be a whole number from 1 to 65535, not "abc".',
        'MODE must be sandbox or live, not "prod".',
        'PAYMENT_REPLICAS must be a whole number from 1 to 16, not "0".',
      ]),
    );
  });

  it.each(['0', '65536', '80.0', '-1', '0x50', '1e3'])('refuses PORT=%s', (port) => {
    expect(() => parseOptions({ PORT: port })).toThrow(OptionsError);
  });

  it('does not repeat a URL, which may hold a password', () => {
    expect(() => parseOptions({ DATABASE_URL: 'mysql://root:hunter2@db/pay' })).toThrow(
      'DATABASE_URL must be a URL that starts with postgres:// or postgresql://.',
    );
  });

  it('reads no variable that the help does not explain', () => {
    const help = readFileSync(path.join(projectRoot(), 'stack', 'start.txt'), 'utf8');
    const source = readFileSync(path.join(projectRoot(), 'stack', 'src', 'options.ts'), 'utf8');
    const read = [...source.matchAll(/(?:text|integer|oneOf|url)\('([A-Z_]+)'/g)].map(([, name]) => name);
    expect(read.length).toBeGreaterThan(8);
    for (const name of read) expect(help).toContain(`  ${name} `);
  });
});
