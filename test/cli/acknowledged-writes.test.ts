/** Tests of how the demo finds lost writes. */
import assert from 'node:assert/strict'
import { AcknowledgedWrites } from '../../src/cli/demo/acknowledged-writes.ts'

describe('the record of acknowledged writes', () => {
  for (const { what, stored, missing } of [
    { what: 'the acknowledged value', stored: 2, missing: [] },
    { what: 'an older value', stored: 1, missing: ['k'] },
    { what: 'nothing', stored: undefined, missing: ['k'] },
    { what: 'a later value', stored: 5, missing: [] },
  ])
    it(`reports ${missing.length === 0 ? 'no key' : 'the key'} as lost when ${what} is stored`, async () => {
      const writes = new AcknowledgedWrites()
      writes.recordAcknowledged('k', 1)
      writes.recordAcknowledged('k', 2)
      assert.deepEqual(await writes.lostKeys(async () => new Map(stored === undefined ? [] : [['k', stored]])), missing)
    })

  it('accepts that a write of unknown outcome replaces an acknowledged one later', async () => {
    const writes = new AcknowledgedWrites()
    writes.recordUnknown('k', 1)
    writes.recordAcknowledged('k', 2)
    assert.deepEqual(await writes.lostKeys(async () => new Map([['k', 1]])), [])
    assert.deepEqual([writes.acknowledged, writes.unknown], [1, 1])
  })

  it('does not look for a write that is acknowledged during the read', async () => {
    const writes = new AcknowledgedWrites()
    writes.recordAcknowledged('k', 1)
    const read = async (): Promise<Map<string, number>> => {
      writes.recordAcknowledged('k', 2)
      writes.recordAcknowledged('other', 3)
      return new Map([['k', 1]])
    }
    assert.deepEqual(await writes.lostKeys(read), [])
  })
})
