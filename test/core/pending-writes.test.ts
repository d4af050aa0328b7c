import assert from 'node:assert/strict'
import { PendingWrites } from '../../src/core/pending-writes.ts'

describe('the writes under way', () => {
  it('are numbered in order', () => {
    const disk = new PendingWrites()
    assert.deepEqual([disk.begin(1, false, 0), disk.begin(2, false, 0), disk.lastNumber], [1, 2, 2])
  })

  it('make the log durable as far as it reached when each was asked for', () => {
    const disk = diskOf(3, 5, 9)
    assert.equal(disk.complete(1), 3)
    assert.equal(disk.complete(3), 9)
    assert.equal(disk.isIdle, true)
  })

  it('make nothing durable that was truncated meanwhile', () => {
    const disk = diskOf(3, 9)
    disk.truncateAfter(4)
    disk.begin(6, false, 0)
    assert.equal(disk.complete(1), 3)
    assert.equal(disk.complete(2), 4)
    assert.equal(disk.complete(3), 6)
  })

  it('are known to hold a term or a vote until they are durable', () => {
    const disk = diskOf(3)
    assert.equal(disk.isHardStatePending, false)
    disk.begin(3, true, 0)
    disk.complete(1)
    assert.equal(disk.isHardStatePending, true)
    disk.complete(2)
    assert.equal(disk.isHardStatePending, false)
  })

  it('wait since the oldest was asked for', () => {
    const disk = new PendingWrites()
    assert.equal(disk.oldestSince, undefined)
    disk.begin(1, false, 100)
    disk.begin(2, false, 200)
    assert.equal(disk.oldestSince, 100)
    disk.complete(1)
    assert.equal(disk.oldestSince, 200)
  })

  it('are not blamed for the time this node was away', () => {
    const disk = new PendingWrites()
    disk.begin(1, true, 100)
    disk.resetAges(9000)
    assert.equal(disk.oldestSince, 9000)
    assert.equal(disk.isHardStatePending, true)
    assert.equal(disk.complete(1), 1)
  })

  it('cannot become durable before they are asked for', () => {
    assert.throws(() => diskOf(3).complete(2), /only requested writes become durable/)
  })

  it('may be said to be durable twice', () => {
    const disk = diskOf(3)
    disk.complete(1)
    assert.equal(disk.complete(1), 0)
  })
})

function diskOf(...lastIndexes: readonly number[]): PendingWrites {
  const disk = new PendingWrites()
  for (const lastIndex of lastIndexes) disk.begin(lastIndex, false, 0)
  return disk
}
