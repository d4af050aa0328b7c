/** The history of client calls, as M1 checks it. */
import assert from 'node:assert/strict'
import { PLAIN_TEXTS } from '../../src/testing/properties/machine-texts.ts'
import type { Observation } from '../../src/testing/properties/observation.ts'
import { machineLinearizability } from '../../src/testing/state-machine/machine-linearizability.ts'
import { machineUnderTest } from '../../src/testing/state-machine/machine-under-test.ts'
import { Sum } from './importable-machines.ts'

describe('M1', () => {
  /** What M1 says about one write that was applied and answered with this result. */
  function verdictOn(result: string | undefined): unknown {
    const property = machineLinearizability({
      machine: machineUnderTest({ make: () => new Sum(), command: (number) => number }),
      hasQueries: false,
      texts: PLAIN_TEXTS,
      stepsMax: 1000,
      verdicts: { linearizable: 0, undecided: 0 },
    })
    const watch = property.watch({} as never)
    const command = 'w3'
    for (const observation of [
      { type: 'invoked', call: command, node: 'n0', what: 'write', command },
      { type: 'applied', node: 'n0', index: 1, term: 1, command, result: '3' },
      { type: 'returned', call: command, outcome: 'applied', index: 1, result },
    ])
      assert.equal(watch(observation as unknown as Observation), undefined)
    return watch({ type: 'ended' } as unknown as Observation)
  }

  it('accepts a call that was applied and whose result the session no longer has', () => {
    assert.equal(verdictOn('3'), undefined)
    assert.equal(verdictOn(undefined), undefined)
    assert.notEqual(verdictOn('4'), undefined)
  })
})
