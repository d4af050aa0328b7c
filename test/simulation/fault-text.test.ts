/** Every fault has words, for traces, pages and reports. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseRun } from '../../src/testing/run-files/run-file.ts'
import { describeFault, formatFault } from '../../src/testing/simulation/fault-text.ts'
import { LEADER } from '../../src/testing/simulation/workload.ts'

const FILE = join(import.meta.dirname, '..', 'runs', 'every-call-and-fault-once.txt')

describe('the words of a fault', () => {
  it('name nodes, durations and what is lost', () => {
    const start = { atMs: 900, forMs: 300 }
    assert.equal(
      formatFault({ ...start, type: 'crash', node: LEADER, isHard: true }),
      'crash at 900 ms: the leader crashes for 300 ms; unsynced writes are lost',
    )
    assert.equal(
      describeFault({ ...start, type: 'partition', side: [0, 2, 4] }),
      'n0, n2 and n4 cannot reach the others for 300 ms',
    )
    assert.equal(
      describeFault({
        ...{ ...start, type: 'networkConditions' },
        conditions: {
          ...{ delayMinUs: 200, delayMaxUs: 2000, lossPerMille: 25, isOrdered: false },
          ...{ duplicatePerMille: 0, slowPerMille: 0, stalePerMille: 10 },
        },
      }),
      'messages take 0.2 to 2 ms, 2.5 % are lost, 1 % arrive again later, their order may change, for 300 ms',
    )
  })

  it('of every type are without JSON', () => {
    const { faults } = parseRun(readFileSync(FILE, 'utf8')).run
    assert.ok(faults.length > 20)
    for (const fault of faults) assert.doesNotMatch(describeFault(fault), /[{}"[\]]|undefined|NaN/)
  })
})
