import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OneQError } from '@oneq/contracts';
import { ATTEMPT_DEADLINE_MS } from '@oneq/service-kit';
import { anAffiliation } from '@oneq/testing';
import { readConfig } from '../config';
import { TaxOfficeRegistry } from './tax-office-registry';

const SERVICE_KEY = 'a+key/of==the-portal';
const BUSINESS = anAffiliation({ business_no: '2208162517', opponent_name: '동네카페' });

const answerOf = (b_stt_cd: string, b_no = BUSINESS.business_no) =>
  JSON.stringify({
    status_code: 'OK',
    request_cnt: 1,
    data: [{ b_no, b_stt: '계속사업자', b_stt_cd, tax_type: '부가가치세' }],
  });

describe('the tax office’s registry', () => {
  let server: Server;
  let registry: TaxOfficeRegistry;
  let asked: Array<{ url: string | undefined; method: string | undefined; body: string }>;
  /** What the stand-in does with a request whose body it has read. */
  let act: (response: ServerResponse) => void;

  beforeAll(async () => {
    server = createServer(async (request: IncomingMessage, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      asked.push({ url: request.url, method: request.method, body });
      act(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    registry = new TaxOfficeRegistry({ url: `http://127.0.0.1:${port}/status`, serviceKey: SERVICE_KEY });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
  });

  const answering = (status: number, text: string, headers = {}) => {
    act = (response) => response.writeHead(status, headers).end(text);
  };
  const refusal = () => registry.lookUp(BUSINESS).then(undefined, (error: OneQError) => error);

  it('takes a business that is in operation, and its category by its name', async () => {
    answering(200, answerOf('01'));
    expect(await registry.lookUp(BUSINESS)).toEqual({ category_cd: 552303 });
    expect(asked).toEqual([
      { url: `/status?serviceKey=${encodeURIComponent(SERVICE_KEY)}`, method: 'POST', body: '{"b_no":["2208162517"]}' },
    ]);
  });

  it.each([
    ['suspended', '02'],
    ['closed', '03'],
    ['not registered', ''],
  ])('refuses a business that is %s', async (_state, code) => {
    answering(200, answerOf(code));
    expect(await refusal()).toMatchObject({
      code: 'INVALID_PARAMETER',
      extras: { errors: [{ field: 'business_no', code: 'INVALID_FORMAT' }] },
    });
  });

  it.each<[string, number, string, object?]>([
    ['another status', 200, answerOf('09')],
    ['about another business', 200, answerOf('01', '1111111111')],
    ['no JSON', 200, '<html>점검 중</html>'],
    ['null', 200, 'null'],
    ['no data', 200, '{"status_code":"OK","data":[]}'],
    ['a failure', 200, '{"status_code":"INTERNAL_ERROR"}'],
    ['far too much', 200, answerOf('01') + ' '.repeat(100_000)],
    ['that it is broken', 500, '{}'],
    ['that it was asked too often', 429, '{}'],
    ['that the key is wrong', 401, '{"code":-4,"msg":"등록되지 않은 인증키 입니다."}'],
    ['that it moved', 302, '', { location: 'http://127.0.0.1:1/' }],
  ])('is not believed when it answers %s', async (_what, status, text, headers = {}) => {
    answering(status, text, headers);
    const error = await refusal();
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    expect(asked).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['never answers', () => undefined],
    ['never finishes', (response) => response.writeHead(200).write('{')],
    ['breaks the connection', (response) => response.destroy()],
  ])('is given up when it %s, before the gateway gives affiliation up', async (_what, how) => {
    act = how;
    const started = performance.now();
    expect(await refusal()).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    expect(performance.now() - started).toBeLessThan(ATTEMPT_DEADLINE_MS - 500);
  });

  it('never tells the service key', async () => {
    const away = new TaxOfficeRegistry({ url: 'http://127.0.0.1:1/status', serviceKey: SERVICE_KEY });
    const error = await away.lookUp(BUSINESS).then(undefined, (reason: OneQError) => reason);
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'final' });
    const told = JSON.stringify(error) + String((error as OneQError).cause) + (error as OneQError).stack;
    expect(told).not.toContain('a+key');
    expect(told).not.toContain(encodeURIComponent(SERVICE_KEY));
  });
});

describe('the registry that affiliation is configured with', () => {
  const DATABASE_URL = 'postgres://localhost/oneq';

  it('is the sandbox’s in sandbox mode and the tax office in live mode', () => {
    expect(readConfig({ DATABASE_URL }).BUSINESS_REGISTRY).toBe('sandbox');
    expect(readConfig({ DATABASE_URL, MODE: 'live' }).BUSINESS_REGISTRY).toBe('tax-office');
  });

  it('is not the sandbox’s in live mode, and not the tax office without its key', () => {
    expect(() => readConfig({ DATABASE_URL, MODE: 'live', BUSINESS_REGISTRY: 'sandbox' })).toThrow('BUSINESS_REGISTRY');
    expect(() => readConfig({ DATABASE_URL, BUSINESS_REGISTRY: 'tax-office' })).toThrow('TAX_OFFICE_SERVICE_KEY');
  });
});
