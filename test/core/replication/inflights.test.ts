import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Inflights } from '../../../src/core/replication/inflights.ts'

describe('the messages in flight to a follower', () => {
  it('are limited in number', () => {
    const inflights = new Inflights(2, 1000)
    inflights.add(1, 10)
    assert.equal(inflights.isFull, false)
    inflights.add(2, 10)
    assert.equal(inflights.isFull, true)
  })

  it('are limited in bytes', () => {
    const inflights = new Inflights(9, 100)
    inflights.add(5, 99)
    assert.equal(inflights.isFull, false)
    inflights.add(6, 1)
    assert.equal(inflights.isFull, true)
  })

  it('are released up to the acknowledged index', () => {
    const inflights = new Inflights(9, 1000)
    for (const last of [3, 5, 9]) inflights.add(last, 10)
    inflights.release(4)
    assert.deepEqual([inflights.messages, inflights.bytes], [2, 20])
    inflights.release(5)
    inflights.release(2)
    assert.deepEqual([inflights.messages, inflights.bytes], [1, 10])
  })

  it('equal a list after any sends and acknowledgements', () => {
    const step = fc.record({ isSend: fc.boolean(), by: fc.integer({ min: 1, max: 5 }), bytes: fc.nat(50) })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const inflights = new Inflights(5, 100)
        let list: { last: number; bytes: number }[] = []
        let sent = 0
        for (const { isSend, by, bytes } of steps) {
          if (isSend) {
            sent += by
            inflights.add(sent, bytes)
            list.push({ last: sent, bytes })
          } else {
            inflights.release(sent - by)
            list = list.filter(({ last }) => last > sent - by)
          }
        }
        const sum = list.reduce((total, { bytes }) => total + bytes, 0)
        assert.deepEqual([inflights.messages, inflights.bytes], [list.length, sum])
        assert.equal(inflights.isFull, list.length >= 5 || sum >= 100)
      }),
    )
  })
})
