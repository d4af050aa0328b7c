// How every test runs: TypeScript through tsx, nothing compiled first; in CI a forgotten .only or a skip is a failure.

const inCI = Boolean(process.env.CI)

module.exports = {
  'node-option': ['import=tsx'],
  extension: ['ts'],
  spec: ['test/**/*.test.ts'],
  timeout: 20_000,
  reporter: 'scripts/totals-reporter.cjs',
  'forbid-only': inCI,
  'forbid-pending': inCI,
}
