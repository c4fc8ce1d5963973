import { FINISHED_ERRORS, FINISHED_STATUSES, isFinished, LIVE_STATUSES, PAYMENT_STATUSES, TRANSITIONS } from './state';

describe('the states of a payment', () => {
  it('are each either live or finished', () => {
    expect([...LIVE_STATUSES, ...FINISHED_STATUSES].sort()).toEqual([...PAYMENT_STATUSES].sort());
    for (const status of PAYMENT_STATUSES) expect(isFinished(status)).toBe(Object.hasOwn(FINISHED_ERRORS, status));
  });

  it('change as this table says and in no other way', () => {
    const moves = PAYMENT_STATUSES.flatMap((from) =>
      Object.entries(TRANSITIONS)
        .filter(([, transition]) => (transition.from as readonly string[]).includes(from))
        .map(([command, { to }]) => `${from} --${command}--> ${to}`),
    );
    expect(moves).toEqual([
      'READY --authenticate--> AUTHENTICATED',
      'READY --cancel--> CANCELLED',
      'READY --fail--> FAILED',
      'READY --expire--> EXPIRED',
      'AUTHENTICATED --approve--> APPROVED',
      'AUTHENTICATED --cancel--> CANCELLED',
      'AUTHENTICATED --fail--> FAILED',
      'AUTHENTICATED --expire--> EXPIRED',
      'APPROVED --refund--> CANCELLED',
      'APPROVED --refundPart--> PARTIALLY_CANCELLED',
      'PARTIALLY_CANCELLED --refund--> CANCELLED',
      'PARTIALLY_CANCELLED --refundPart--> PARTIALLY_CANCELLED',
    ]);
  });

  it('never leave a finished state', () => {
    for (const { from } of Object.values(TRANSITIONS)) {
      for (const status of FINISHED_STATUSES) expect(from).not.toContain(status);
    }
  });
});
