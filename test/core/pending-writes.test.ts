import assert from 'node:assert/strict'
import { PendingWrites } from '../../src/core/pending-writes.ts'

describe('pending writes', () => {
  it('are numbered in order', () => {
    const writes = new PendingWrites()
    assert.deepEqual([writes.begin(1, false, 0), writes.begin(2, false, 0), writes.lastNumber], [1, 2, 2])
  })

  it('make the log durable as far as it reached when each write began', () => {
    const writes = pendingOf(3, 5, 9)
    assert.equal(writes.complete(1), 3)
    assert.equal(writes.complete(3), 9)
    assert.equal(writes.isIdle, true)
  })

  it('make no truncated entries durable', () => {
    const writes = pendingOf(3, 9)
    writes.truncateAfter(4)
    writes.begin(6, false, 0)
    assert.equal(writes.complete(1), 3)
    assert.equal(writes.complete(2), 4)
    assert.equal(writes.complete(3), 6)
  })

  it('contain a term or vote until that write is durable', () => {
    const writes = pendingOf(3)
    assert.equal(writes.isHardStatePending, false)
    writes.begin(3, true, 0)
    writes.complete(1)
    assert.equal(writes.isHardStatePending, true)
    writes.complete(2)
    assert.equal(writes.isHardStatePending, false)
  })

  it('are as old as the oldest of them', () => {
    const writes = new PendingWrites()
    assert.equal(writes.oldestSince, undefined)
    writes.begin(1, false, 100)
    writes.begin(2, false, 200)
    assert.equal(writes.oldestSince, 100)
    writes.complete(1)
    assert.equal(writes.oldestSince, 200)
  })

  it('are not counted as older because this node was paused', () => {
    const writes = new PendingWrites()
    writes.begin(1, true, 100)
    writes.resetAges(9000)
    assert.equal(writes.oldestSince, 9000)
    assert.equal(writes.isHardStatePending, true)
    assert.equal(writes.complete(1), 1)
  })

  it('cannot become durable before they begin', () => {
    assert.throws(() => pendingOf(3).complete(2), /only requested writes become durable/)
  })

  it('may be completed twice', () => {
    const writes = pendingOf(3)
    writes.complete(1)
    assert.equal(writes.complete(1), 0)
  })
})

function pendingOf(...lastIndexes: readonly number[]): PendingWrites {
  const writes = new PendingWrites()
  for (const lastIndex of lastIndexes) writes.begin(lastIndex, false, 0)
  return writes
}
