// Mocha runs the TypeScript sources through tsx without a build. In CI, `.only` is a failure. A test is skipped only by itself, if this machine
// lacks what it needs; REQUIRE_BROWSER=1 makes the lack of Chromium a failure, REQUIRE_TOOLS=1 that of promtool and systemd-analyze.

const inCI = Boolean(process.env.CI)

// Mocha adds the files on the command line to `spec`, so `spec` must be empty if any are given.
const hasFiles = process.argv.slice(2).some((argument) => /^(\.\/)?test\/|\.ts$|^--spec$/.test(argument))

module.exports = {
  'node-option': ['import=tsx'],
  extension: ['ts'],
  spec: hasFiles ? [] : ['test/**/*.test.ts'],
  timeout: 60_000,
  reporter: 'scripts/totals-reporter.cjs',
  'forbid-only': inCI,
}
