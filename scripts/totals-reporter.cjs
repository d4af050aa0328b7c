// Mocha's own spec report; when TEST_TOTALS names a file, the counts go there too, for whoever has to quote them.

const { writeFileSync } = require('node:fs')
const { reporters, Runner } = require('mocha')

module.exports = class TotalsReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats
      if (process.env.TEST_TOTALS) writeFileSync(process.env.TEST_TOTALS, `${passes} passed, ${failures} failed\n`)
    })
  }
}
