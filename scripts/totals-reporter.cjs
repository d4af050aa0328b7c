// Mocha's own spec report, and two things more: when TEST_TOTALS names a file, the counts go there, for whoever has to quote
// them; and a run that cannot end, because a test left something open, says what that is and fails.

const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

const PATIENCE_MS = 15_000

module.exports = class TotalsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats
      if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passes} passed, ${failures} failed\n`)
      setTimeout(failForWhatIsOpen, PATIENCE_MS).unref()
    })
  }
}

function failForWhatIsOpen() {
  const open = process.getActiveResourcesInfo().filter((name) => !/^(TTYWrap|PipeWrap)$/.test(name))
  console.error(`The tests are over, but something they left open keeps the process alive: ${open.join(', ')}`)
  // Mocha sets the exit code to the number of failures as the process exits; this comes after it.
  process.once('exit', () => {
    process.exitCode ||= 1
  })
  process.exit()
}
