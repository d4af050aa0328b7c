import assert from 'node:assert/strict'
import { PendingWrites } from '../../src/core/pending-writes.ts'

describe('pending writes', () => {
  it('are numbered in order', () => {
    const disk = new PendingWrites()
    assert.deepEqual([disk.begin(1, false, 0), disk.begin(2, false, 0), disk.lastNumber], [1, 2, 2])
  })

  it('make the log durable as far as it reached when each write began', () => {
    const disk = diskOf(3, 5, 9)
    assert.equal(disk.complete(1), 3)
    assert.equal(disk.complete(3), 9)
    assert.equal(disk.isIdle, true)
  })

  it('make no truncated entries durable', () => {
    const disk = diskOf(3, 9)
    disk.truncateAfter(4)
    disk.begin(6, false, 0)
    assert.equal(disk.complete(1), 3)
    assert.equal(disk.complete(2), 4)
    assert.equal(disk.complete(3), 6)
  })

  it('contain a term or vote until that write is durable', () => {
    const disk = diskOf(3)
    assert.equal(disk.isHardStatePending, false)
    disk.begin(3, true, 0)
    disk.complete(1)
    assert.equal(disk.isHardStatePending, true)
    disk.complete(2)
    assert.equal(disk.isHardStatePending, false)
  })

  it('are as old as the oldest of them', () => {
    const disk = new PendingWrites()
    assert.equal(disk.oldestSince, undefined)
    disk.begin(1, false, 100)
    disk.begin(2, false, 200)
    assert.equal(disk.oldestSince, 100)
    disk.complete(1)
    assert.equal(disk.oldestSince, 200)
  })

  it('are not counted as older because this node was paused', () => {
    const disk = new PendingWrites()
    disk.begin(1, true, 100)
    disk.resetAges(9000)
    assert.equal(disk.oldestSince, 9000)
    assert.equal(disk.isHardStatePending, true)
    assert.equal(disk.complete(1), 1)
  })

  it('cannot become durable before they begin', () => {
    assert.throws(() => diskOf(3).complete(2), /only requested writes become durable/)
  })

  it('may be completed twice', () => {
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
