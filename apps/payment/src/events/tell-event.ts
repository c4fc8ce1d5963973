/** Where the columns of an event come from, as SQL. */
interface Source {
  /** The CTE that changed the payment; it returns id, cid, sequence, status and amount. */
  readonly from: string;
  readonly type: string;
  /** Won; the payment's amount if not given. */
  readonly amount?: string;
  readonly reason?: string;
}

/**
 * The part of a command's statement that writes its event and, for a merchant with a webhook, what is to be delivered:
 * together with the change itself, or not at all.
 */
export function tellEvent({ from, type, amount = 'amount', reason = 'NULL' }: Source): string {
  return `event AS (
      INSERT INTO events (payment_id, cid, sequence, type, status, amount, reason)
      SELECT id, cid, sequence, ${type}, status, ${amount}, ${reason} FROM ${from}
      RETURNING id, cid, payment_id, sequence, type
    ), delivery AS (
      INSERT INTO webhook_deliveries (endpoint_id, cid, url, event_id, payment_id, sequence, type)
      SELECT endpoint.id, event.cid, endpoint.url, event.id, payment_id, sequence, type
      FROM event JOIN webhook_endpoints endpoint ON endpoint.cid = event.cid AND enabled
    )`;
}
