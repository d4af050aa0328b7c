// How every test runs: TypeScript through tsx, nothing compiled first; in CI a forgotten .only or a skip is a failure.

const inCI = Boolean(process.env.CI)

// Mocha adds what the command line names to the spec given here, so this speaks up only when nothing was named.
const isNamed = process.argv.slice(2).some((argument) => /^(\.\/)?test\/|\.ts$/.test(argument))

module.exports = {
  'node-option': ['import=tsx'],
  extension: ['ts'],
  spec: isNamed ? [] : ['test/**/*.test.ts'],
  timeout: 20_000,
  reporter: 'scripts/totals-reporter.cjs',
  'forbid-only': inCI,
  'forbid-pending': inCI,
}
