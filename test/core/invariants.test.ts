import assert from 'node:assert/strict'
import { InvariantError } from '../../src/core/index.ts'
import { checkState, checkTransition, type StateSummary, summaryOf } from '../../src/core/invariants.ts'
import type { RaftState } from '../../src/core/state.ts'
import { candidateOf, followerOf, membershipOf, readyLeaderOf, type TestNode } from './builders.ts'

describe('the check of a state', () => {
  for (const { claim, node = followerOf('a b c', { log: '1 1x3', commit: 4 }), breakIt } of [
    { claim: 'nothing is applied that was not handed out', breakIt: ({ log }) => log.appliedIndex++ },
    { claim: 'nothing is applied that is not committed', breakIt: ({ log }) => log.applyingIndex++ },
    { claim: 'nothing is committed that is not in the log', breakIt: ({ log }) => log.commitIndex++ },
    { claim: 'nothing is durable that is not in the log', breakIt: ({ log }) => log.persistedIndex++ },
    {
      claim: 'blocks are committed whole',
      node: followerOf('a b c', { log: '1 1x3', commit: 1 }),
      breakIt: ({ log }) => log.commitIndex++,
    },
    {
      claim: 'blocks are persisted whole',
      node: followerOf('a b c', { log: '1 1x3', commit: 1 }),
      breakIt: ({ log }) => log.persistedIndex--,
    },
    { claim: 'the last entry is of this term or an older one', breakIt: (state) => state.term-- },
    {
      claim: 'a learner does not vote',
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
      claim: 'a candidate has its own vote',
      node: candidateOf('a b c', { term: 2 }),
      breakIt: (state) => (state.votedFor = 'b'),
    },
    { claim: 'a leader knows who leads', node: leading(), breakIt: (state) => (state.leader = 'b') },
    {
      claim: 'what matches is not sent again',
      node: leading(),
      breakIt: (state) => progressOf(state).nextIndex--,
    },
    {
      claim: 'nobody has more of this log than its leader',
      node: leading(),
      breakIt: (state) => progressOf(state).recordMatch(9),
    },
    {
      claim: 'what comes next is at most the next entry',
      node: leading(),
      breakIt: (state) => progressOf(state).nextIndex++,
    },
    {
      claim: 'every other member is looked after',
      node: leading(),
      breakIt: ({ role }) => role.type === 'leader' && role.progress.delete('b'),
    },
  ] satisfies { claim: string; node?: TestNode; breakIt: (state: RaftState) => unknown }[]) {
    it(`finds out when it does not hold that ${claim}`, () => {
      checkState(node.raft.state)
      breakIt(node.raft.state)
      assert.throws(() => checkState(node.raft.state), new InvariantError(`this does not hold: ${claim}`))
    })
  }
})

describe('the check of two states of one life', () => {
  for (const { claim, before } of [
    { claim: 'the term never falls', before: { term: 9 } },
    { claim: 'the commit index never falls', before: { commitIndex: 9 } },
    { claim: 'the applied index never falls', before: { appliedIndex: 9 } },
    { claim: 'the snapshot index never falls', before: { snapshotIndex: 9 } },
    { claim: 'the vote is given once a term', before: { votedFor: 'b' } },
    { claim: 'a term has one leader', before: { leader: 'b' } },
    { claim: 'a leader only appends', before: { lastIndex: 9 } },
  ] satisfies { claim: string; before: Partial<StateSummary> }[]) {
    it(`finds out when it does not hold that ${claim}`, () => {
      const { state } = leading().raft
      const { ...digest } = summaryOf(state)
      checkTransition(digest, state)
      assert.throws(
        () => checkTransition({ ...digest, ...before }, state),
        new InvariantError(`this does not hold: ${claim}`),
      )
    })
  }

  it('lets vote, leader and log change with the term', () => {
    const { state } = followerOf('a b c', { term: 3 }).raft
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
