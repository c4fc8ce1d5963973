import { readFileSync } from 'node:fs';
import type { ClientBase } from 'pg';
import type { Finding } from './audit';

/** One 2xx answer that a client got, as it wrote it down before it went on. */
export interface JournalLine {
  readonly call: 'prepare' | 'authenticate' | 'approve' | 'refund';
  readonly cid: string;
  readonly order_id: string;
  /** Won: of the payment, or what this request refunded. */
  readonly amount: number;
  /** Names the request, where several change one order: its Idempotency-Key. */
  readonly reference?: string;
}

/** What was promised by each kind of answer; `answers` has the lines that are checked. */
const PROMISES: Readonly<Record<JournalLine['call'], { readonly sentence: string; readonly kept: string }>> = {
  prepare: {
    sentence: 'Every prepare that was answered is a payment of its amount.',
    kept: 'EXISTS (SELECT FROM payment.payments p WHERE p.cid = a.cid AND p.order_id = a.order_id AND p.amount = a.amount)',
  },
  authenticate: {
    sentence: 'Every authentication that was answered is in the history of its payment.',
    kept: `EXISTS (SELECT FROM payment.payments p JOIN payment.events e ON e.payment_id = p.id
      WHERE p.cid = a.cid AND p.order_id = a.order_id AND e.type = 'payment.authenticated')`,
  },
  approve: {
    sentence: 'Every approval that was answered was captured, once.',
    kept: `(SELECT count(*) FROM payment.payments p JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'capture'
      WHERE p.cid = a.cid AND p.order_id = a.order_id AND t.amount = a.amount) = 1`,
  },
  refund: {
    sentence: 'Every refund that was answered was booked, once.',
    kept: `(SELECT sum(t.amount) FROM payment.payments p JOIN payment.transfers t ON t.payment_id = p.id AND t.kind = 'refund'
      WHERE p.cid = a.cid AND p.order_id = a.order_id) = a.amount`,
  },
};

/** The lines of a journal file; a last line that was cut off by a crash was never acknowledged and does not count. */
export function readJournal(file: string): JournalLine[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

/** Which answers of the journal are not true in the database. Refunds of one order are compared as their sum. */
export async function journalFindings(client: ClientBase, lines: readonly JournalLine[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [call, { sentence, kept }] of Object.entries(PROMISES)) {
    const { rows } = await client.query(
      `WITH lines AS (
         SELECT DISTINCT ON (cid, order_id, reference) cid, order_id, amount
         FROM jsonb_to_recordset($1::jsonb) AS line (call text, cid text, order_id text, amount bigint, reference text)
         WHERE call = $2
       ), a AS (
         SELECT cid, order_id, CASE $2 WHEN 'refund' THEN sum(amount) ELSE max(amount) END AS amount
         FROM lines GROUP BY cid, order_id
       )
       SELECT * FROM a WHERE NOT (${kept})`,
      [JSON.stringify(lines), call],
    );
    findings.push({ invariant: sentence, broken: rows });
  }
  return findings;
}
