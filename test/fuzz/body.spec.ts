/**
 * Bodies, from bytes to a request class; `FUZZ_BODIES=50000` is the long form. A failure prints its seed and path; `FUZZ_SEED=… FUZZ_PATH=…` runs just that
 * one again, and what was found stays below as a case.
 */
import { PrepareRequest } from '@oneq/contracts';
import fc from 'fast-check';
import { fuzzBody, REQUESTS } from './body-target';
import { damaged, fieldsFor, formBytes, jsonBytes } from './values';

const SEED = Number(process.env.FUZZ_SEED ?? 20_161_115);
const PATH = process.env.FUZZ_PATH;
const BODIES = Number(process.env.FUZZ_BODIES ?? 10_000);

describe('the fields of a body', () => {
  it(`are taken or refused, and mean the same when written again: ${BODIES} bodies (seed ${SEED})`, () => {
    const choice = fc.nat({ max: 3 * REQUESTS.length - 1 });
    const withChoice = (number: number, body: Buffer) => Buffer.concat([Buffer.from([number]), body]);
    const body = choice.chain((number) => {
      const fields = fieldsFor(REQUESTS[number % REQUESTS.length] ?? PrepareRequest);
      const bytes = fc.oneof(
        { arbitrary: damaged(fields.map(formBytes)), weight: 4 },
        { arbitrary: damaged(fields.map(jsonBytes)), weight: 4 },
        { arbitrary: fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)), weight: 1 },
      );
      return bytes.map((body) => withChoice(number, body));
    });
    let taken = 0;
    fc.assert(
      fc.property(body, (data) => {
        taken += fuzzBody(data);
      }),
      { seed: SEED, path: PATH, numRuns: BODIES },
    );
    if (PATH === undefined) expect(taken).toBeGreaterThan(BODIES / 10);
  }, 180_000);

  it.each([
    ['names that are all different', [...Array(3_000).keys()].map((n) => `${n}=`).join('&')],
    ['one name, thousands of times', 'a&'.repeat(8_000)],
    ['thousands of escapes', `item_name=${'%EA%B0%80'.repeat(1_800)}`],
    ['combining marks', `item_name=e${'%CC%81'.repeat(2_700)}`],
    ['combining marks in no order', `item_name=e${'%CC%81%CC%A3'.repeat(1_360)}`],
    ['blanks', `item_name=a${'+'.repeat(16_000)}b`],
    ['invisible characters', `item_name=${'%E2%80%8B'.repeat(1_800)}a`],
    ['digits', `amount=${'9'.repeat(16_000)}`],
    ['digits with hyphens', `business_no=${'1-'.repeat(8_000)}`],
    ['a URL of slashes', `approval_url=http://${'/'.repeat(16_000)}`],
    ['brackets', `{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`],
    ['objects', `{"a":${'{"a":'.repeat(2_700)}1${'}'.repeat(2_700)}}`],
    ['one name in JSON, thousands of times', `{${'"a":1,'.repeat(2_700)}"a":1}`],
    ['backslashes', `{"a":"${'\\\\'.repeat(8_000)}"}`],
    ['minus nought', '{"balance":-0}'],
  ])('are read at once, 16 KiB of %s', (_what, text) => {
    for (const number of REQUESTS.keys()) fuzzBody(Buffer.concat([Buffer.from([number]), Buffer.from(text)]));
  });
});
