import assert from 'node:assert/strict'
import fc from 'fast-check'
import { runPlans } from '../../src/testing/arbitraries/plans.ts'
import { simulate } from '../../src/testing/simulate.ts'
import { SEED } from './budget.ts'

describe('a simulation', () => {
  it('has the same trace for the same plan', async () => {
    for (const plan of fc.sample(runPlans({ untilMs: 2000 }), { numRuns: 5, seed: SEED })) {
      const one = await simulate({ ...plan, healAtMs: 2000, isTraced: true })
      const other = await simulate({ ...plan, healAtMs: 2000, isTraced: true })
      assert.ok((one.trace ?? '').length > 1000)
      assert.equal(one.trace, other.trace)
    }
  })

  it('has another trace for another seed', async () => {
    const plan = { workload: [], faults: [], healAtMs: 500 }
    const one = await simulate({ ...plan, seed: 1, isTraced: true })
    const other = await simulate({ ...plan, seed: 2, isTraced: true })
    assert.notEqual(one.trace, other.trace)
  })

  it('uses no real clock, timer or random number', async () => {
    const plans = fc.sample(runPlans({ untilMs: 2000 }), { numRuns: 3, seed: SEED })
    const restore = [
      forbid(Math, 'random'),
      forbid(Date, 'now'),
      forbid(performance, 'now'),
      forbid(globalThis, 'setTimeout'),
      forbid(globalThis, 'setInterval'),
      forbid(globalThis.crypto, 'randomUUID'),
      forbid(globalThis.crypto, 'getRandomValues'),
    ]
    try {
      for (const plan of plans) assert.equal((await simulate({ ...plan, healAtMs: 2000 })).failure, undefined)
    } finally {
      for (const undo of restore) undo()
    }
  })
})

function forbid<Owner extends object>(owner: Owner, name: keyof Owner & string): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, name)
  const value = (): never => {
    throw new Error(`a simulation may not call ${name}`)
  }
  Object.defineProperty(owner, name, { value, configurable: true, writable: true })
  return () => {
    if (own === undefined) delete owner[name]
    else Object.defineProperty(owner, name, own)
  }
}
