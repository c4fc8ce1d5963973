import { type AffiliateRequest, invalidParameter, unavailable } from '@oneq/contracts';
import { BusinessRegistry, type RegisteredBusiness } from './business-registry';
import { categoryOf } from './categories';

/** Longest wait for the whole answer, ms: the gateway gives one attempt three seconds, statements included. */
const TIMEOUT_MS = 1_500;
/** Longest answer that is read, bytes; one about one business has some hundred. */
const ANSWER_MAX = 16_384;

/** `b_stt_cd`: 01 계속사업자, 02 휴업자, 03 폐업자, empty for a number that is not registered. */
const IN_OPERATION = '01';
const NOT_IN_OPERATION = ['02', '03', ''];

export interface TaxOfficeOptions {
  /** Address of the status service. */
  readonly url: string;
  /** The key that the public data portal issued, decoded form; undefined: none yet, so nothing can be asked. */
  readonly serviceKey: string | undefined;
}

/**
 * The tax office's status service (국세청 사업자등록정보 상태조회), asked whether the business is in operation. Whatever is
 * not a clear answer is no answer, and nothing was stored. The key is in the address that is asked, so neither that address
 * nor what fetch says of it goes into an error or a log.
 */
export class TaxOfficeRegistry extends BusinessRegistry {
  constructor(private readonly options: TaxOfficeOptions) {
    super();
  }

  async lookUp({ business_no, opponent_name }: AffiliateRequest): Promise<RegisteredBusiness> {
    const status = statusIn(await this.ask(business_no), business_no);
    if (status === IN_OPERATION) return { category_cd: categoryOf(opponent_name) };
    if (!NOT_IN_OPERATION.includes(status)) throw silent('answered a status that is not known');
    const format = { ko: '영업 중인 사업자등록번호', en: 'the number of a business in operation' };
    throw invalidParameter({ field: 'business_no', code: 'INVALID_FORMAT', params: { format } });
  }

  private async ask(business_no: string): Promise<string> {
    const { url, serviceKey } = this.options;
    if (serviceKey === undefined) throw silent('cannot be asked: TAX_OFFICE_SERVICE_KEY is not set');
    const address = new URL(url);
    address.searchParams.set('serviceKey', serviceKey);
    let response: Response;
    try {
      response = await fetch(address, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ b_no: [business_no] }),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.ok) return await readText(response);
    } catch (error) {
      throw silent(error instanceof Error && error.name === 'TimeoutError' ? 'did not answer in time' : 'is away');
    }
    void response.body?.cancel().catch(() => undefined);
    throw silent(`answered HTTP ${response.status}`);
  }
}

/** The text of an answer. @throws {RangeError} when there is more than anybody asked for */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early ends the connection.
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > ANSWER_MAX) throw new RangeError('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `b_stt_cd` of the business that was asked for. */
function statusIn(text: string, business_no: string): string {
  let answer: { status_code?: unknown; data?: unknown } | null;
  try {
    answer = JSON.parse(text);
  } catch {
    throw silent('answered what is no JSON');
  }
  const businesses: unknown[] = answer?.status_code === 'OK' && Array.isArray(answer.data) ? answer.data : [];
  const [business] = businesses;
  if (typeof business === 'object' && business !== null && 'b_no' in business && business.b_no === business_no) {
    if ('b_stt_cd' in business && typeof business.b_stt_cd === 'string') return business.b_stt_cd;
  }
  throw silent('answered something else than was asked');
}

function silent(what: string) {
  return unavailable('final', `the tax office ${what}`);
}
