import { databaseError } from './database-error';

const outcomeOf = (error: unknown) => databaseError(error)?.outcome;

describe('an error of the database', () => {
  it.each(['53100', '53300', '55P03', '57014', '57P03', '25006', '40001', '40P01', 'ECONNREFUSED', 'ENOTFOUND'])(
    '%s is final: the statement certainly did not happen',
    (code) => {
      expect(outcomeOf(Object.assign(new Error(), { code }))).toBe('final');
      expect(outcomeOf({ driverError: { code } })).toBe('final');
    },
  );

  it.each(['08006', '40003', '57P01', '57P02', '57P04', '57P05', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT'])(
    '%s is unknown: the commit may have been reached',
    (code) => {
      expect(outcomeOf(Object.assign(new Error(), { code }))).toBe('unknown');
    },
  );

  it.each([
    ['timeout exceeded when trying to connect', 'final'],
    ['Connection terminated unexpectedly', 'unknown'],
    ['Query read timeout', 'unknown'],
    ['Client has encountered a connection error and is not queryable', 'unknown'],
  ])('%p is %s', (message, outcome) => {
    expect(outcomeOf(new Error(message))).toBe(outcome);
  });

  it.each([
    Object.assign(new Error(), { code: '23505' }),
    Object.assign(new Error(), { code: '42P01' }),
    new Error('a bug'),
    null,
  ])('is left as it is when it is not about being away (%#)', (error) => {
    expect(databaseError(error)).toBeUndefined();
  });
});
