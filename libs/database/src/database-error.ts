import { OneQError, unavailable } from '@oneq/contracts';

/**
 * SQLSTATEs after which the statement certainly had no effect: it was rolled back or never started (25006: this server
 * is a standby now).
 */
const ROLLED_BACK = /^(53|55P03|57014|57P03|25006|40(?!003))/;
/** SQLSTATEs of a connection that ended: whether the commit was reached is not known. */
const CONNECTION_LOST = /^(08|40003|57P01|57P02|57P04|57P05)/;
/** Failures to connect, before anything was sent. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN']);
const SOCKET_LOST = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

/** SQLSTATE or system error code of what TypeORM or pg threw. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('driverError' in error) return errorCode(error.driverError);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The constraint that a statement broke, by its name. */
export function brokenConstraint(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('driverError' in error) return brokenConstraint(error.driverError);
  return 'constraint' in error && typeof error.constraint === 'string' ? error.constraint : undefined;
}

/**
 * SERVICE_UNAVAILABLE when the database is away, final or unknown as it is; undefined for any other error.
 */
export function databaseError(error: unknown): OneQError | undefined {
  if (error instanceof OneQError) return error;
  const code = errorCode(error);
  if (code) {
    if (ROLLED_BACK.test(code) || NOT_CONNECTED.has(code)) return unavailable('final', error);
    if (CONNECTION_LOST.test(code) || SOCKET_LOST.has(code)) return unavailable('unknown', error);
    return undefined;
  }
  const message = error instanceof Error ? error.message : '';
  if (/timeout exceeded when trying to connect/.test(message)) return unavailable('final', error);
  if (/Connection terminated|Query read timeout|Client was closed|not queryable/.test(message)) {
    return unavailable('unknown', error);
  }
  return undefined;
}
