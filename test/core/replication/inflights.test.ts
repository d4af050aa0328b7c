import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Inflights } from '../../../src/core/replication/inflights.ts'

describe('what is on its way to a follower', () => {
  it('is bounded in messages', () => {
    const inflights = new Inflights(2, 1000)
    inflights.add(1, 10)
    assert.equal(inflights.isFull, false)
    inflights.add(2, 10)
    assert.equal(inflights.isFull, true)
  })

  it('is bounded in bytes', () => {
    const inflights = new Inflights(9, 100)
    inflights.add(5, 99)
    assert.equal(inflights.isFull, false)
    inflights.add(6, 1)
    assert.equal(inflights.isFull, true)
  })

  it('is released up to the index that is acknowledged, and no further', () => {
    const inflights = new Inflights(9, 1000)
    for (const last of [3, 5, 9]) inflights.add(last, 10)
    inflights.release(4)
    assert.deepEqual([inflights.messages, inflights.bytes], [2, 20])
    inflights.release(5)
    inflights.release(2)
    assert.deepEqual([inflights.messages, inflights.bytes], [1, 10])
  })

  it('agrees with a list under any sends and acknowledgements', () => {
    const happening = fc.record({ isSend: fc.boolean(), step: fc.integer({ min: 1, max: 5 }), bytes: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(happening), (happenings) => {
        const inflights = new Inflights(5, 100)
        let list: { last: number; bytes: number }[] = []
        let sent = 0
        for (const { isSend, step, bytes } of happenings) {
          if (isSend) {
            sent += step
            inflights.add(sent, bytes)
            list.push({ last: sent, bytes })
          } else {
            inflights.release(sent - step)
            list = list.filter(({ last }) => last > sent - step)
          }
        }
        const sum = list.reduce((total, { bytes }) => total + bytes, 0)
        assert.deepEqual([inflights.messages, inflights.bytes], [list.length, sum])
        assert.equal(inflights.isFull, list.length >= 5 || sum >= 100)
      }),
    )
  })
})
