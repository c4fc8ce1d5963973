import { ConfigurationError, commonVariables, databaseVariables, readEnvironment, urlOf } from '@oneq/service-kit';
import { str } from 'envalid';

export type AffiliationConfig = ReturnType<typeof readConfig>;

/** 국세청 사업자등록정보 진위확인 및 상태조회 서비스, on the public data portal. */
const TAX_OFFICE_URL = 'https://api.odcloud.kr/api/nts-businessman/v1/status';

/** @throws {ConfigurationError} naming every wrong variable */
export function readConfig(environment: NodeJS.ProcessEnv = process.env) {
  const read = readEnvironment(
    {
      ...commonVariables,
      ...databaseVariables,
      /** Whom affiliation asks about a business: by default `sandbox` in sandbox mode, `tax-office` in live mode. */
      BUSINESS_REGISTRY: str({ choices: ['sandbox', 'tax-office'] as const, default: undefined }),
      TAX_OFFICE_URL: urlOf('https:', 'http:')({ default: TAX_OFFICE_URL }),
      /** The key that the public data portal issued, decoded form. */
      TAX_OFFICE_SERVICE_KEY: str({ default: undefined }),
    },
    environment,
  );
  const { MODE, BUSINESS_REGISTRY } = read;
  const problems: string[] = [];
  if (MODE === 'live' && BUSINESS_REGISTRY === 'sandbox') problems.push('BUSINESS_REGISTRY: live mode asks tax-office');
  // Live mode that was not told of a registry starts without the key, so that all but affiliation works; it warns of it.
  if (BUSINESS_REGISTRY === 'tax-office' && !read.TAX_OFFICE_SERVICE_KEY)
    problems.push('TAX_OFFICE_SERVICE_KEY is not set');
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    ...read,
    BUSINESS_REGISTRY: BUSINESS_REGISTRY ?? (MODE === 'live' ? ('tax-office' as const) : ('sandbox' as const)),
    TAX_OFFICE_SERVICE_KEY: read.TAX_OFFICE_SERVICE_KEY || undefined,
  };
}
