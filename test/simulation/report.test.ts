import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkRuns } from '../../src/testing/check-runs.ts'
import { PropertyViolation } from '../../src/testing/properties/property.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { TRACE_HEADER } from '../../src/testing/simulation/trace.ts'
import { MUTANTS } from './mutants.ts'

describe('the report of a failed run', () => {
  const interceptors = MUTANTS.find(({ name }) => name === 'sends messages before its write is durable')?.interceptors
  const directory = mkdtempSync(join(tmpdir(), 'quorate-report-'))
  const options = { runs: 5, seed: 1, shrinksMax: 20, fixed: { interceptors }, directory }
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('contains the violation, the plan, the end of the trace and the command that repeats the run', async () => {
    const report = await failureOf(checkRuns(options))
    assert.match(
      report,
      /^I12 persist before send is violated: What a message states about its sender .* Violated by: n\d told n\d/,
    )
    assert.ok(report.includes(`\n${TRACE_HEADER}\n`))
    assert.match(
      report,
      /To run it again: make simulate SEED=1 REPLAY=[\d:]+\nShrinking ended after 20 attempts \(shrinksMax\): there may be a smaller run\.$/,
    )
  })

  it('contains the whole plan, which fails in the same way when simulated', async () => {
    const report = await failureOf(checkRuns(options))
    const plan = JSON.parse(/The plan: (.*)/.exec(report)?.[1] ?? '')
    const { failure } = await simulate({ ...plan, interceptors })
    assert.ok(failure instanceof PropertyViolation)
    assert.ok(report.startsWith(failure.message))
  })

  it('is reproduced by its seed and path without the runs before it', async () => {
    const report = await failureOf(checkRuns(options))
    const path = /REPLAY=([\d:]+)/.exec(report)?.[1]
    const again = await failureOf(checkRuns({ ...options, path, shrinksMax: 0 }))
    assert.equal(again.split('\n')[0], report.split('\n')[0])
  })
})

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('no violation was detected'),
    (reason: Error) => reason,
  )
  return error.message
}
