import assert from 'node:assert/strict'
import { followerOf, membershipOf, snapshotAt } from './builders.ts'

describe('the core', () => {
  it('returns the terms of its log, and none for compacted or missing entries', () => {
    const snapshot = snapshotAt('5@1', membershipOf('a b c'))
    const { raft } = followerOf('a b c', { term: 3, snapshot, log: '1 3' })
    assert.deepEqual(
      [4, 5, 6, 7, 8].map((index) => raft.termAt(index)),
      [undefined, 1, 1, 3, undefined],
    )
  })
})
