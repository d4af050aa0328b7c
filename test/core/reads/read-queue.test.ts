import assert from 'node:assert/strict'
import { ReadQueue } from '../../../src/core/reads/read-queue.ts'

describe('the pending reads of a leader', () => {
  it('are confirmed by the round that starts after them, at its commit index', () => {
    const queue = queueOf(1, 2)
    queue.beginRound(7, 30)
    assert.deepEqual(queue.confirmed(6), [])
    assert.deepEqual(
      queue.confirmed(7).map(({ read, index }) => [read, index]),
      [
        [1, 30],
        [2, 30],
      ],
    )
    assert.equal(queue.length, 0)
  })

  it('are not confirmed by a round that started before them', () => {
    const queue = queueOf(1)
    queue.beginRound(7, 30)
    queue.add({ from: undefined, read: 2 })
    assert.deepEqual(
      queue.confirmed(7).map(({ read }) => read),
      [1],
    )
    assert.equal(queue.needsRound, true)
  })

  it('are confirmed by any later round, in order', () => {
    const queue = queueOf(1)
    queue.beginRound(7, 30)
    queue.add({ from: 'b', read: 2 })
    queue.beginRound(8, 31)
    assert.deepEqual(queue.confirmed(9), [
      { from: undefined, read: 1, index: 30, round: 7 },
      { from: 'b', read: 2, index: 31, round: 8 },
    ])
  })

  it('need no round while they are held', () => {
    const queue = new ReadQueue()
    queue.hold({ from: undefined, read: 1 })
    assert.deepEqual([queue.needsRound, queue.length], [false, 1])
    queue.beginRound(1, 5)
    assert.deepEqual(queue.confirmed(9), [])
    queue.releaseHeld()
    assert.equal(queue.needsRound, true)
  })

  it('are distinguished by requester even if their numbers are equal', () => {
    const queue = queueOf(1)
    queue.add({ from: 'b', read: 1 })
    queue.beginRound(1, 5)
    assert.deepEqual(
      queue.confirmed(1).map(({ from }) => from),
      [undefined, 'b'],
    )
  })

  it('are all removed by drain', () => {
    const queue = queueOf(1)
    queue.beginRound(1, 5)
    queue.add({ from: undefined, read: 2 })
    queue.hold({ from: undefined, read: 3 })
    assert.deepEqual(
      queue
        .drain()
        .map(({ read }) => read)
        .sort(),
      [1, 2, 3],
    )
    assert.equal(queue.length, 0)
    assert.deepEqual(queue.confirmed(9), [])
  })
})

function queueOf(...reads: readonly number[]): ReadQueue {
  const queue = new ReadQueue()
  for (const read of reads) queue.add({ from: undefined, read })
  return queue
}
