import { commonVariables, readEnvironment, urlOf } from '@oneq/service-kit';

export type AffiliationConfig = ReturnType<typeof readConfig>;

/** @throws {ConfigurationError} naming every wrong variable */
export function readConfig(environment?: NodeJS.ProcessEnv) {
  return readEnvironment({ ...commonVariables, DATABASE_URL: urlOf('postgres:', 'postgresql:')() }, environment);
}
