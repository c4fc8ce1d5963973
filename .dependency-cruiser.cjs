/** What may import what: the design's rules, checked. */
module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'apps-meet-only-over-nats',
      comment: 'An app imports libs and itself, never another app.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    { name: 'libs-know-no-app', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'the-gateway-has-no-database',
      comment: 'Nor loads one: what it shares with the other services has none either.',
      severity: 'error',
      from: { path: '^(apps/gateway|libs/(contracts|service-kit))/', pathNot: '\\.spec\\.ts$' },
      to: { path: '(^libs/database/)|(node_modules/(typeorm|pg|@nestjs/typeorm)/)' },
    },
    {
      name: 'contracts-stand-alone',
      comment: 'What crosses a wire depends on no transport, no database, no framework.',
      severity: 'error',
      from: { path: '^libs/contracts/src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '(^libs/(?!contracts))|(node_modules/(@nestjs|typeorm|pg|nats|fastify)/)' },
    },
    {
      name: 'service-kit-knows-no-business',
      severity: 'error',
      from: { path: '^libs/service-kit/src/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/contracts/src/(affiliation|payment)/' },
    },
    {
      name: 'browser-scripts-stand-alone',
      comment: 'A browser loads them one by one; only types may come from elsewhere.',
      severity: 'error',
      from: { path: '^apps/gateway/browser/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^apps/gateway/browser/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'tests-stay-out-of-production',
      severity: 'error',
      from: { path: '^(apps|libs/(contracts|database|service-kit)|stack)/', pathNot: '(\\.spec\\.ts$)|(/test/)' },
      to: { path: '(\\.spec\\.ts$)|(/test/)|(^libs/testing/)|(node_modules/@nestjs/testing/)' },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'no-development-package-in-production',
      severity: 'error',
      from: {
        path: '^(apps|libs/(contracts|database|service-kit))/',
        pathNot: '(\\.spec\\.ts$)|(/test/)|(/build-assets\\.mjs$)',
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
  },
};
