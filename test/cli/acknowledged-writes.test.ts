/** The book that the demo keeps of what was acknowledged. */
import assert from 'node:assert/strict'
import { AcknowledgedWrites } from '../../src/cli/demo/acknowledged-writes.ts'

describe("the demo's ledger", () => {
  for (const { what, stored, missing } of [
    { what: 'the acknowledged value', stored: 2, missing: [] },
    { what: 'an older value', stored: 1, missing: ['k'] },
    { what: 'nothing', stored: undefined, missing: ['k'] },
    { what: 'a later value', stored: 5, missing: [] },
  ])
    it(`misses ${missing.length === 0 ? 'nothing' : 'the key'} when ${what} is stored`, () => {
      const ledger = new AcknowledgedWrites()
      ledger.recordAcknowledged('k', 1)
      ledger.recordAcknowledged('k', 2)
      assert.deepEqual(ledger.lostKeys(new Map(stored === undefined ? [] : [['k', stored]])), missing)
    })

  it('lets a write of unknown outcome land late, over an acknowledged one', () => {
    const ledger = new AcknowledgedWrites()
    ledger.recordUnknown('k', 1)
    ledger.recordAcknowledged('k', 2)
    assert.deepEqual(ledger.lostKeys(new Map([['k', 1]])), [])
    assert.deepEqual([ledger.acknowledged, ledger.unknown], [1, 1])
  })
})
