import assert from 'node:assert/strict'
import {
  appendRejection,
  blocksOf,
  followerOf,
  leaderOf,
  membershipBlock,
  membershipOf,
  ofType,
  snapshotAt,
  TestNode,
} from './builders.ts'

describe('the core', () => {
  it('returns the terms of its log, and none for compacted or missing entries', () => {
    const snapshot = snapshotAt('5@1', membershipOf('a b c'))
    const { raft } = followerOf('a b c', { term: 3, snapshot, log: '1 3' })
    assert.deepEqual(
      [4, 5, 6, 7, 8].map((index) => raft.termAt(index)),
      [undefined, 1, 1, 3, undefined],
    )
  })

  describe('that restarts with membership entries behind its snapshot', () => {
    // Index 2 adds the learner c, index 3 removes it, and the snapshot covers both.
    const first = membershipOf('a b +c')
    const second = membershipOf('a b')
    const log = [...blocksOf('1'), membershipBlock(2, 1, first), membershipBlock(3, 1, second), ...blocksOf('1 1', 3)]
    const setup = { term: 1, snapshot: snapshotAt('4@1', second), log, commit: 5 }

    it('sends each with the membership that its log holds', () => {
      const leader = leaderOf('a b', { ...setup, term: 2 })
      const { messages } = leader.process({
        type: 'receive',
        from: 'b',
        message: appendRejection({ term: 2, prev: 5, hint: '1@1', round: 1 }),
      })
      const [request] = ofType('AppendEntriesRequest', messages)
      const block = request?.blocks.find(({ kind }) => kind === 'membership')
      assert.deepEqual([block?.first, block?.membership], [2, first])
    })

    it('knows that it was removed, and reports it again', () => {
      const removed = new TestNode(second, { ...setup, id: 'c' })
      assert.equal(removed.status.isRemoved, true)
      assert.deepEqual(
        removed.startEvents.filter(({ type }) => type === 'removed'),
        [{ type: 'removed', index: 3 }],
      )
    })
  })
})
