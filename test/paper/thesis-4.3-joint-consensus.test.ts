import assert from 'node:assert/strict'
import { formatMembership } from '../../src/testing/text/format-message.ts'
import {
  acknowledgeAll,
  appendRequest,
  candidateOf,
  followerOf,
  leaderOf,
  membershipBlock,
  membershipOf,
  only,
  readyLeaderOf,
  type TestNode,
  voteResponse,
} from '../core/builders.ts'

describe('thesis §4.3 Arbitrary configuration changes using joint consensus', () => {
  // "The cluster first switches to a transitional configuration."
  it('a change of two voters appends a joint membership', () => {
    const leader = replacing()
    assert.equal(membersOf(leader), '(a b d)&(a b c)')
  })

  // "Log entries are replicated to all servers in both configurations."
  it('a leader replicates to the members of both halves', () => {
    const leader = jointLeader()
    const { messages } = leader.propose()
    assert.deepEqual(
      messages.map(({ to }) => to),
      ['b', 'c', 'd', 'e'],
    )
  })

  // "Any server from either configuration may serve as leader."
  it('a voter of either half may campaign', () => {
    for (const id of ['c', 'd']) {
      const node = followerOf('a b d & a b c', { id, term: 2 })
      node.timeOut()
      assert.equal(node.status.role, 'pre-candidate')
    }
  })

  // "Agreement … requires majorities from both the old and new configurations."
  it('an entry is committed once both halves have a majority', () => {
    const leader = jointLeader()
    leader.propose()
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.commitIndex, 2) // Only a of (a d e) has it.
    acknowledgeAll(leader, 'd')
    assert.ok(leader.status.commitIndex >= 3)
  })

  it('a candidate wins once it has the votes of both majorities', () => {
    for (const { votes, role } of [
      { votes: 'b c', role: 'candidate' },
      { votes: 'd e', role: 'candidate' },
      { votes: 'b d', role: 'leader' },
      { votes: 'c e', role: 'leader' },
    ]) {
      const candidate = candidateOf('a d e & a b c', { term: 3 })
      for (const voter of votes.split(' ')) candidate.receive(voter, voteResponse({ term: 3 }))
      assert.equal(candidate.status.role, role, votes)
    }
  })

  // "Once C_old,new has been committed, … the leader … create[s] a log entry describing C_new and replicate[s] it."
  it('a leader appends the incoming half once the joint membership is committed', () => {
    const leader = replacing()
    acknowledgeAll(leader, 'b')
    assert.deepEqual([membersOf(leader), leader.status.isMembershipCommitted], ['(a b d)', false])
    acknowledgeAll(leader, 'b')
    assert.deepEqual([leader.status.isMembershipCommitted, leader.status.membershipIndex], [true, 3])
  })

  it('a leader appends the incoming half only once', () => {
    const leader = replacing()
    for (let time = 0; time < 3; time++) acknowledgeAll(leader)
    assert.deepEqual([leader.status.lastIndex, leader.status.membershipIndex], [3, 3])
  })

  it('a change completes when the final membership is committed', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    const change = { promote: ['d'], remove: ['c'] }
    leader.step({ type: 'changeMembership', request: 7, change })
    const settled = [...leader.settle().settled]
    for (let time = 0; time < 2; time++) {
      leader.step(
        { type: 'receive', from: 'b', message: answerOf(leader) },
        { type: 'receive', from: 'd', message: answerOf(leader) },
      )
      settled.push(...leader.settle().settled)
    }
    assert.deepEqual(settled, [
      { type: 'changeAccepted', request: 7, index: 2, term: 2 },
      { type: 'changeDone', request: 7, index: 3 },
    ])
  })

  it('a new leader completes a change that it finds in its log', () => {
    const blocks = [membershipBlock(1, 1, membershipOf('a b d & a b c'))]
    const leader = leaderOf('a b c', { term: 2, log: blocks })
    assert.equal(membersOf(leader), '(a b d)&(a b c)')
    acknowledgeAll(leader, 'b')
    assert.equal(membersOf(leader), '(a b d)')
  })

  it('a new leader completes a change only after it has committed an entry of its own term', () => {
    const blocks = [membershipBlock(1, 1, membershipOf('a b d & a b c'))]
    const leader = leaderOf('a b c', { term: 2, log: blocks, commit: 1 })
    assert.equal(membersOf(leader), '(a b d)&(a b c)')
  })

  it('a leader outside the final membership leads until that is committed', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    leader.process({ type: 'changeMembership', request: 1, change: { promote: ['d'], remove: ['a'] } })
    acknowledgeAll(leader)
    assert.deepEqual([membersOf(leader), leader.status.role], ['(b c d)', 'leader'])
    acknowledgeAll(leader, 'b')
    assert.equal(leader.status.role, 'leader')
    acknowledgeAll(leader, 'c')
    assert.equal(leader.status.role, 'follower')
  })

  it('a follower that truncates the final membership reverts to the joint one', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const joint = membershipBlock(1, 2, membershipOf('a b d & a b c'))
    const after = membershipBlock(2, 2, membershipOf('a b d'))
    follower.receive('b', appendRequest({ term: 2, prev: '0@0', entries: [joint, after] }))
    assert.equal(membersOf(follower), '(a b d)')
    const answers = follower.receive('c', appendRequest({ term: 3, prev: '1@2', entries: '3' }))
    assert.equal(only('AppendEntriesResponse', answers).isAccepted, true)
    assert.equal(membersOf(follower), '(a b d)&(a b c)')
  })

  // Thesis §4.1.
  it('a change of one voter takes one step', () => {
    const leader = readyLeaderOf('a b c +d', { term: 2 })
    leader.process({ type: 'changeMembership', request: 1, change: { promote: ['d'] } })
    assert.equal(membersOf(leader), '(a b c d)')
  })
})

/** a is leader and replaces c by d: the joint membership is at 2, uncommitted. */
function replacing(): TestNode {
  const leader = readyLeaderOf('a b c +d', { term: 2 })
  leader.process({ type: 'changeMembership', request: 1, change: { promote: ['d'], remove: ['c'] } })
  return leader
}

/** a is leader of the joint membership (a d e) and (a b c) at 1, committed with the no-op at 2. */
function jointLeader(): TestNode {
  const leader = leaderOf('a b c', { term: 2, log: [membershipBlock(1, 1, membershipOf('a d e & a b c'))] })
  acknowledgeAll(leader, 'b', 'c', 'd', 'e')
  return leader
}

function answerOf(leader: TestNode) {
  const match = leader.status.lastIndex
  const rest = { isAccepted: true, hintIndex: 0, hintTerm: 0, chain: undefined, round: 0, session: 0 }
  return { type: 'AppendEntriesResponse', term: 2, index: match, ...rest } as const
}

function membersOf({ status }: TestNode): string {
  return formatMembership(status.membership)
}
