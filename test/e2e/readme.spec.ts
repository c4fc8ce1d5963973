import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Shop } from './shop';

describe("README's first payment", () => {
  let shop: Shop;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oneq-readme-'));
    shop = await Shop.open();
  });
  afterAll(async () => {
    await shop?.close();
    await rm(folder, { recursive: true });
  });

  async function paste(): Promise<Record<string, unknown>[]> {
    const readme = await readFile(join(__dirname, '../../README.md'), 'utf8');
    const blocks = [...readme.matchAll(/<!-- session -->\n```sh\n(.*?)```/gs)].map(([, block]) => block);
    expect(blocks).toHaveLength(4);
    const script = blocks.join('\necho\n').replaceAll('http://localhost:8080', shop.url);
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], { cwd: folder });
    return stdout
      .trim()
      .split(/\n+/)
      .map((line) => JSON.parse(line));
  }

  it("ends in the specification's approval answer, however often it is pasted", async () => {
    const [prepared, authenticated, approved, affiliated] = await paste();
    expect(authenticated).toMatchObject({ tid: prepared?.tid, status: 'AUTHENTICATED' });
    expect(approved).toEqual({
      tid: prepared?.tid,
      cid: 'TC0ONETIME',
      order_id: 'order_id',
      member_id: 'member_id',
      payment_method_type: 'MONEY',
      item_name: '고구마피자',
      amount: 16000,
      tran_dt: '2016.11.15 21:18:22',
    });
    expect(affiliated).toMatchObject({
      cid: expect.stringMatching(/^TC/),
      secret_key: expect.stringMatching(/^sk_test_/),
    });
    const [, , again] = await paste();
    expect(again).toEqual(approved);
  });
});
