import assert from 'node:assert/strict'
import { checkInteger, findOptionProblems, throwOnProblems, withDefaults } from '../../src/platform/options.ts'

describe('the options check', () => {
  it('reports unknown names with a suggestion, and invalid values with their range', () => {
    const checks = { cacheBytes: checkInteger(0, 100), delayMs: checkInteger(1) }
    assert.deepEqual(findOptionProblems({ cachebytes: 1, delayMs: 0 }, checks), [
      { path: 'cachebytes', problem: 'is not an option; did you mean cacheBytes?' },
      { path: 'delayMs', problem: 'must be a whole number of at least 1, not 0' },
    ])
    assert.deepEqual(findOptionProblems({ cacheBytes: 101, delayMs: undefined }, checks), [
      { path: 'cacheBytes', problem: 'must be a whole number from 0 to 100, not 101' },
    ])
  })

  it('throws one error that lists every problem', () => {
    throwOnProblems([])
    const problems = ['a', 'b'].map((path) => ({ path, problem: 'is missing' }))
    assert.throws(() => throwOnProblems(problems), {
      code: 'ERR_RAFT_OPTIONS',
      message: 'invalid options: a is missing; b is missing',
      details: { problems: 2, a: 'is missing', b: 'is missing' },
    })
  })
})

describe('withDefaults', () => {
  it('uses the default of an option that is left out or undefined, and ignores other options', () => {
    const defaults = { a: 1, b: true, c: 'x' }
    const given = { a: undefined, b: false, d: 5 }
    assert.deepEqual(withDefaults(defaults, given), { a: 1, b: false, c: 'x' })
  })
})
