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
  const interceptors = MUTANTS.find(({ name }) => name === 'speaks before it has written')?.interceptors
  const directory = mkdtempSync(join(tmpdir(), 'quorate-report-'))
  const options = { runs: 5, seed: 1, shrinksMax: 20, fixed: { interceptors }, directory }
  after(() => rmSync(directory, { recursive: true, force: true }))

  it('says the promise in its sentence, the plan, the end of the trace, and how to run it again', async () => {
    const told = await failureOf(checkRuns(options))
    assert.match(
      told,
      /^I12 persist before send is violated: What a message states about its sender .* Violated by: n\d told n\d/,
    )
    assert.ok(told.includes(`\n${TRACE_HEADER}\n`))
    assert.match(told, /To run it again: make simulate SEED=1 REPLAY=[\d:]+$/)
  })

  it('has the whole plan in it: to simulate it is the same failure again', async () => {
    const told = await failureOf(checkRuns(options))
    const plan = JSON.parse(/The plan: (.*)/.exec(told)?.[1] ?? '')
    const { failure } = await simulate({ ...plan, interceptors })
    assert.ok(failure instanceof PropertyViolation)
    assert.ok(told.startsWith(failure.message))
  })

  it('is found again by its seed and path, without what was passed before', async () => {
    const told = await failureOf(checkRuns(options))
    const path = /REPLAY=([\d:]+)/.exec(told)?.[1]
    const again = await failureOf(checkRuns({ ...options, path, shrinksMax: 0 }))
    assert.equal(again.split('\n')[0], told.split('\n')[0])
  })
})

async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.fail('nothing was noticed'),
    (reason: Error) => reason,
  )
  return error.message
}
