import assert from 'node:assert/strict'
import {
  appendRequest,
  candidateOf,
  followerOf,
  leaderOf,
  ofType,
  only,
  preCandidateOf,
  preVoteRequest,
  preVoteResponse,
  readyLeaderOf,
  voteRequest,
} from '../core/builders.ts'

describe('thesis §9.6 Preventing disruptions when a server rejoins the cluster: pre-vote', () => {
  // "A candidate … only increments its term if it first learns from a majority of the cluster that they would be willing."
  it('a pre-candidate campaigns only after a majority granted its pre-vote', () => {
    const node = followerOf('a b c d e', { term: 2, votedFor: 'b', leader: 'b' })
    const { messages } = node.timeOut()
    assert.equal(ofType('PreVoteRequest', messages).length, 4)
    assert.deepEqual([node.status.role, node.status.term, node.status.votedFor], ['pre-candidate', 2, 'b'])
    node.receive('b', preVoteResponse({ term: 3 }))
    assert.deepEqual([node.status.role, node.status.term], ['pre-candidate', 2])
    node.receive('c', preVoteResponse({ term: 3 }))
    assert.deepEqual([node.status.role, node.status.term], ['candidate', 3])
  })

  it('a pre-vote request has the term of the possible election and the last entry of the log', () => {
    const node = followerOf('a b c', { term: 2, log: '1 2' })
    const [request] = ofType('PreVoteRequest', node.timeOut().messages)
    assert.deepEqual(request, preVoteRequest({ term: 3, last: '2@2' }))
  })

  // "A partitioned server’s … term will not increase."
  it('an isolated node does not increase its term', () => {
    const node = followerOf('a b c', { term: 2 })
    node.wait(60_000)
    assert.equal(node.status.term, 2)
  })

  // "… if the candidate’s log is sufficiently up-to-date."
  it('a node grants a pre-vote only to a log that is at least as up-to-date', () => {
    const node = followerOf('a b c', { term: 2, log: '1 2 2' })
    const isGranted = (last: string): boolean =>
      only('PreVoteResponse', node.receive('b', preVoteRequest({ term: 3, last }))).isGranted
    assert.deepEqual(
      [isGranted('2@2'), isGranted('9@1'), isGranted('3@2'), isGranted('1@3')],
      [false, false, true, true],
    )
  })

  // "… and … the voters have not received heartbeats from a valid leader for at least a baseline election timeout."
  it('a node grants no pre-vote while it is in contact with a leader', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    const ask = (): boolean =>
      only('PreVoteResponse', node.receive('c', preVoteRequest({ term: 3, last: '9@2' }))).isGranted
    node.wait(node.options.electionTimeoutMinMs - 1)
    assert.equal(ask(), false)
    node.wait(1)
    assert.equal(ask(), true)
  })

  it('a leader grants no pre-vote', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.equal(
      only('PreVoteResponse', leader.receive('c', preVoteRequest({ term: 3, last: '9@2' }))).isGranted,
      false,
    )
  })

  it('a granted pre-vote changes no state, so that any number may be granted', () => {
    const node = followerOf('a b c', { term: 2 })
    const { deadline } = node.state.timer
    for (const from of ['b', 'c', 'b']) {
      assert.equal(
        only('PreVoteResponse', node.receive(from, preVoteRequest({ term: 3, last: '0@0' }))).isGranted,
        true,
      )
    }
    assert.deepEqual([node.status.term, node.status.votedFor, node.state.timer.deadline], [2, undefined, deadline])
  })

  it('a node denies a pre-vote in a term that is not new, and responds with its own term', () => {
    const node = followerOf('a b c', { term: 5 })
    const answer = only('PreVoteResponse', node.receive('b', preVoteRequest({ term: 5, last: '9@4' })))
    assert.deepEqual(answer, preVoteResponse({ term: 5, isGranted: false }))
  })

  it('a pre-candidate adopts the higher term of a denied pre-vote', () => {
    const node = preCandidateOf('a b c', { term: 3 })
    node.receive('b', preVoteResponse({ term: 7, isGranted: false }))
    assert.deepEqual([node.status.role, node.status.term], ['follower', 7])
  })

  it('a pre-candidate ignores a pre-vote in any term but the next', () => {
    for (const term of [2, 4]) {
      const node = preCandidateOf('a b c', { term: 3 })
      node.receive('b', preVoteResponse({ term }))
      assert.equal(node.status.role, 'pre-candidate')
    }
  })

  it('a candidate does not count pre-votes as votes', () => {
    const candidate = candidateOf('a b c d e', { term: 3 })
    for (const from of ['b', 'c', 'd', 'e']) candidate.receive(from, preVoteResponse({ term: 4 }))
    assert.equal(candidate.status.role, 'candidate')
  })

  it('a pre-candidate that grants its vote becomes a follower', () => {
    const node = preCandidateOf('a b c', { term: 3, log: '1' })
    assert.equal(only('PreVoteResponse', node.receive('b', preVoteRequest({ term: 3, last: '1@1' }))).isGranted, true)
    node.receive('b', voteRequest({ term: 3, last: '1@1' }))
    assert.deepEqual([node.status.role, node.status.votedFor, node.status.term], ['follower', 'b', 3])
  })

  it('a pre-candidate with a free vote in its own term may grant it', () => {
    const node = preCandidateOf('a b c', { term: 3 })
    node.receive('b', voteRequest({ term: 2, last: '0@0' }))
    assert.deepEqual([node.status.role, node.status.votedFor, node.status.term], ['follower', 'b', 2])
  })

  it('a pre-candidate that receives a heartbeat follows its leader again, in the same term', () => {
    const node = preCandidateOf('a b c', { term: 3 })
    node.receive('b', appendRequest({ term: 2, prev: '0@0' }))
    assert.deepEqual([node.status.role, node.status.leader, node.status.term], ['follower', 'b', 2])
  })

  // Otherwise two pre-candidates could deny each other forever.
  it('a pre-candidate has no leader', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    node.timeOut()
    assert.equal(node.status.leader, undefined)
    assert.equal(only('PreVoteResponse', node.receive('c', preVoteRequest({ term: 3, last: '0@0' }))).isGranted, true)
  })

  it('a node of a single-node cluster needs no pre-votes from others', () => {
    assert.equal(leaderOf('a', { term: 2 }).status.role, 'leader')
  })

  // Clusters with mixed settings still elect leaders.
  it('a node without preVote campaigns at once and still grants pre-votes', () => {
    const node = followerOf('a b c', { term: 2, options: { preVote: false } })
    node.timeOut()
    assert.equal(node.status.term, 3)
    const answer = only('PreVoteResponse', node.receive('b', preVoteRequest({ term: 4, last: '0@0' })))
    assert.equal(answer.isGranted, true)
  })
})
