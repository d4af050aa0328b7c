// Mocha's spec reporter with two additions: it writes the totals to the file named by TEST_TOTALS, and it fails a run that does not
// exit because a test left a handle open.

const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

const EXIT_TIMEOUT_MS = 15_000

module.exports = class TotalsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats
      if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passes} passed, ${failures} failed\n`)
      setTimeout(failForOpenHandles, EXIT_TIMEOUT_MS).unref()
    })
  }
}

function failForOpenHandles() {
  const open = process.getActiveResourcesInfo().filter((name) => !/^(TTYWrap|PipeWrap)$/.test(name))
  console.error(`The tests have finished, but open handles keep the process alive: ${open.join(', ')}`)
  // Mocha sets the exit code to the number of failures when the process exits; this listener runs after that.
  process.once('exit', () => {
    process.exitCode ||= 1
  })
  process.exit()
}
