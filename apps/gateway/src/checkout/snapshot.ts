/** What an open page is told; types alone, so that the browser's scripts share them. */

/** Where a payment stands, as one page sees it. `opened` and `paying` are about the phone. */
export type Phase =
  | 'waiting'
  | 'opened'
  | 'paying'
  | 'authenticated'
  | 'approved'
  | 'cancelled'
  | 'failed'
  | 'expired'
  | 'elsewhere';

/** The whole state: whoever has the newest needs no other. Times are ms since 1970 by the database's clock. */
export interface Snapshot {
  /** Grows with every change of the payment and of its binding. */
  readonly seq: number;
  readonly phase: Phase;
  readonly expires_at: number;
  readonly now: number;
  /** Where this page sends the payer on; null while it does not, and on a phone while the PC goes on. */
  readonly redirect_url: string | null;
  /** On a phone that came by QR code: nobody is at the PC's page, so the phone may go on itself. */
  readonly pc_gone: boolean;
}
