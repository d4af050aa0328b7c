import assert from 'node:assert/strict'
import fastCheck from 'fast-check'
import { isRaftError } from '../../src/errors.ts'
import { fc, loadFastCheck } from '../../src/testing/arbitraries/fast-check.ts'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'

describe('the lazily loaded fast-check', () => {
  it('fails with the install command as hint if it is not installed', () => {
    const missing = Object.assign(new Error(`Cannot find module 'fast-check'`), { code: 'MODULE_NOT_FOUND' })
    assert.throws(
      () =>
        loadFastCheck(() => {
          throw missing
        }),
      (error) => isRaftError(error, 'ERR_RAFT_RUNTIME') && error.hint === 'npm install --save-dev fast-check',
    )
  })

  it('passes on any other error of loading', () => {
    const broken = new Error('it is broken')
    assert.throws(
      () =>
        loadFastCheck(() => {
          throw broken
        }),
      broken,
    )
  })

  it('generates the same values as the fast-check that a test imports, which can shrink them', () => {
    const sampleOf = (from: typeof fastCheck): unknown =>
      from.sample(runPlans({ untilMs: 500 }), { numRuns: 3, seed: 4 })
    assert.deepEqual(sampleOf(fastCheck), sampleOf(fc))
    const property = fastCheck.property(runPlans({ untilMs: 500 }), ({ workload }) => workload.length < 3)
    const { failed, counterexample } = fastCheck.check(property, { seed: 4 })
    assert.ok(failed)
    assert.equal(counterexample?.[0].workload.length, 3)
  })
})
