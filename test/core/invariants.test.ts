import assert from 'node:assert/strict'
import { InvariantError } from '../../src/core/index.ts'
import { checkState, checkTransition, type StateSummary, summaryOf } from '../../src/core/invariants.ts'
import type { RaftState } from '../../src/core/state.ts'
import { candidateOf, followerOf, membershipOf, readyLeaderOf, type TestNode } from './builders.ts'

describe('the check of a state', () => {
  for (const { claim, node = followerOf('a b c', { log: '1 1x3', commit: 4 }), breakIt } of [
    { claim: 'only entries passed to the state machine are applied', breakIt: ({ log }) => log.appliedIndex++ },
    { claim: 'only committed entries are applied', breakIt: ({ log }) => log.applyingIndex++ },
    { claim: 'only entries of the log are committed', breakIt: ({ log }) => log.commitIndex++ },
    { claim: 'only entries of the log are durable', breakIt: ({ log }) => log.persistedIndex++ },
    {
      claim: 'blocks are committed as a whole',
      node: followerOf('a b c', { log: '1 1x3', commit: 1 }),
      breakIt: ({ log }) => log.commitIndex++,
    },
    {
      claim: 'blocks are persisted as a whole',
      node: followerOf('a b c', { log: '1 1x3', commit: 1 }),
      breakIt: ({ log }) => log.persistedIndex--,
    },
    { claim: 'the term of the last entry is at most the current term', breakIt: (state) => state.term-- },
    {
      claim: 'a learner is not a voter',
      breakIt: ({ memberships }) => memberships.append(4, { ...membershipOf('a b'), learners: ['a'] }),
    },
    {
      claim: 'a joint membership has two halves',
      breakIt: ({ memberships }) => memberships.append(4, { ...membershipOf('a b'), voters: [], outgoing: ['a'] }),
    },
    {
      claim: 'the membership in force is in the log',
      breakIt: ({ memberships }) => memberships.append(9, membershipOf('a b')),
    },
    {
      claim: 'a candidate votes for itself',
      node: candidateOf('a b c', { term: 2 }),
      breakIt: (state) => (state.votedFor = 'b'),
    },
    { claim: 'a leader knows itself as the leader', node: leading(), breakIt: (state) => (state.leader = 'b') },
    {
      claim: 'matching entries are not sent again',
      node: leading(),
      breakIt: (state) => progressOf(state).nextIndex--,
    },
    {
      claim: 'no follower matches beyond the end of the leader log',
      node: leading(),
      breakIt: (state) => progressOf(state).recordMatch(9),
    },
    {
      claim: 'the next index is at most one past the log',
      node: leading(),
      breakIt: (state) => progressOf(state).nextIndex++,
    },
    {
      claim: 'a leader tracks every other member',
      node: leading(),
      breakIt: ({ role }) => role.type === 'leader' && role.progress.delete('b'),
    },
  ] satisfies { claim: string; node?: TestNode; breakIt: (state: RaftState) => unknown }[]) {
    it(`detects a violation of: ${claim}`, () => {
      checkState(node.state)
      breakIt(node.state)
      assert.throws(() => checkState(node.state), new InvariantError(`invariant violated: ${claim}`))
    })
  }
})

describe('the check of two states', () => {
  for (const { claim, before } of [
    { claim: 'the term never decreases', before: { term: 9 } },
    { claim: 'the commit index never decreases', before: { commitIndex: 9 } },
    { claim: 'the applied index never decreases', before: { appliedIndex: 9 } },
    { claim: 'the snapshot index never decreases', before: { snapshotIndex: 9 } },
    { claim: 'a node votes once per term', before: { votedFor: 'b' } },
    { claim: 'a term has one leader', before: { leader: 'b' } },
    { claim: 'a leader only appends', before: { lastIndex: 9 } },
  ] satisfies { claim: string; before: Partial<StateSummary> }[]) {
    it(`detects a violation of: ${claim}`, () => {
      const { state } = leading()
      const summary = summaryOf(state)
      checkTransition(summary, state)
      assert.throws(
        () => checkTransition({ ...summary, ...before }, state),
        new InvariantError(`invariant violated: ${claim}`),
      )
    })
  }

  it('allows vote, leader and log to change with the term', () => {
    const { state } = followerOf('a b c', { term: 3 })
    checkTransition({ ...summaryOf(state), term: 2, votedFor: 'b', leader: 'b', isLeader: true, lastIndex: 9 }, state)
  })
})

function leading(): TestNode {
  return readyLeaderOf('a b c', { term: 2, log: '1 1' })
}

function progressOf({
  role,
}: RaftState): Extract<RaftState['role'], { type: 'leader' }>['progress'] extends Map<string, infer P> ? P : never {
  if (role.type !== 'leader') throw new Error('only a leader has progress')
  return role.progress.get('b') as never
}
