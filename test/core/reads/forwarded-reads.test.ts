import assert from 'node:assert/strict'
import { Random } from '../../../src/core/random.ts'
import { ForwardedReads } from '../../../src/core/reads/forwarded-reads.ts'

describe('the reads that a follower has forwarded', () => {
  it('complete once, by their ticket', () => {
    const reads = new ForwardedReads(new Random(1))
    const ticket = reads.add(7, 100)
    assert.equal(reads.take(ticket), 7)
    assert.equal(reads.take(ticket), undefined)
    assert.equal(reads.length, 0)
  })

  it('have tickets that differ from those before a restart', () => {
    const tickets = [1, 2].map((seed) => new ForwardedReads(new Random(seed)).add(7, 100))
    assert.notEqual(tickets[0], tickets[1])
    assert.ok(tickets.every(Number.isSafeInteger))
  })

  it('expire at their deadline, in order', () => {
    const reads = new ForwardedReads(new Random(1))
    reads.add(1, 100)
    reads.add(2, 100)
    reads.add(3, 200)
    assert.equal(reads.nextDeadline, 100)
    assert.deepEqual(reads.takeExpired(99), [])
    assert.deepEqual(reads.takeExpired(100), [1, 2])
    assert.equal(reads.nextDeadline, 200)
  })

  it('are all removed by drain', () => {
    const reads = new ForwardedReads(new Random(1))
    const ticket = reads.add(1, 100)
    reads.add(2, 100)
    assert.deepEqual(reads.drain(), [1, 2])
    assert.equal(reads.take(ticket), undefined)
    assert.equal(reads.nextDeadline, Infinity)
  })
})
