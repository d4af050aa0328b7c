import assert from 'node:assert/strict'
import {
  acknowledgeAll,
  appendRequest,
  candidateOf,
  followerOf,
  leaderOf,
  messagesTo,
  ofType,
  only,
  preCandidateOf,
  preVoteResponse,
  readyLeaderOf,
  timeoutNow,
  voteRequest,
  voteResponse,
} from '../core/builders.ts'

/** The algorithm of the paper, without pre-vote and check-quorum. */
const PLAIN = { preVote: false, checkQuorum: false } as const

describe('§5.2 Leader election', () => {
  // "When servers start up, they begin as followers."
  it('a node starts as a follower', () => {
    const node = followerOf('a b c', { term: 3, votedFor: 'a', log: '1 3' })
    assert.equal(node.status.role, 'follower')
    assert.deepEqual(node.wait(node.options.electionTimeoutMinMs - 1).messages, [])
  })

  // "A server remains in follower state as long as it receives valid RPCs from a leader …"
  it('a follower stays a follower while it receives heartbeats', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    for (let beat = 0; beat < 100; beat++) {
      const { messages } = node.wait(node.options.electionTimeoutMinMs - 1)
      assert.deepEqual(messages, [])
      node.receive('b', appendRequest({ term: 2, prev: '0@0' }))
    }
    assert.deepEqual([node.status.role, node.status.term], ['follower', 2])
  })

  // "… or candidate."
  it('granting a vote restarts the election timeout', () => {
    const node = followerOf('a b c', { term: 2, options: PLAIN })
    for (let term = 3; term < 50; term++) {
      assert.deepEqual(node.wait(node.options.electionTimeoutMinMs - 1).messages, [])
      node.receive('b', voteRequest({ term, last: '0@0' }))
    }
    assert.equal(node.status.role, 'follower')
  })

  // A candidate that cannot win must not delay other elections.
  it('rejecting a vote request does not restart the election timeout', () => {
    const node = followerOf('a b c', { term: 2, log: '2 2', options: PLAIN })
    const { deadline } = node.state.timer
    node.wait(node.options.electionTimeoutMinMs - 1)
    node.receive('b', voteRequest({ term: 3, last: '1@2' }))
    assert.equal(node.state.timer.deadline, deadline)
  })

  // "Leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all followers."
  it('a leader sends periodic heartbeats to all followers', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.deepEqual(
      messages.map(({ to }) => to),
      ['b', 'c'],
    )
    for (const { blocks, term } of ofType('AppendEntriesRequest', messages)) assert.deepEqual([blocks, term], [[], 2])
  })

  // "If a follower receives no communication over … the election timeout, then it … begins an election."
  it('a follower without contact for an election timeout campaigns', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    node.wait(node.options.electionTimeoutMaxMs)
    assert.equal(node.status.role, 'candidate')
  })

  // "To begin an election, a follower increments its current term and transitions to candidate state."
  it('a follower that campaigns increments its term and becomes a candidate', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    node.timeOut()
    assert.deepEqual([node.status.role, node.status.term, node.status.leader], ['candidate', 3, undefined])
  })

  // "It then votes for itself and issues RequestVote RPCs in parallel to each of the other servers."
  it('a candidate votes for itself and requests votes from all other voters', () => {
    const node = followerOf('a b c d e', { term: 2, log: '1 2 2', options: PLAIN })
    const { messages } = node.timeOut()
    assert.equal(node.status.votedFor, 'a')
    const request = voteRequest({ term: 3, last: '3@2' })
    assert.deepEqual(
      messages,
      ['b', 'c', 'd', 'e'].map((to) => ({ to, message: request })),
    )
  })

  it('a candidate requests votes only after its own vote is durable', () => {
    const candidate = preCandidateOf('a b c', { term: 3 })
    const { send, persist } = candidate.step({ type: 'receive', from: 'b', message: preVoteResponse({ term: 3 }) })
    assert.deepEqual(send, [])
    assert.deepEqual([persist?.hardState?.term, persist?.hardState?.votedFor], [3, 'a'])
    assert.equal(persist?.then.length, 2)
  })

  it('an earlier write that completes does not make a candidate’s own vote durable', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    const append = appendRequest({ term: 2, prev: '0@0', entries: '2' })
    const earlier = node.step({ type: 'receive', from: 'b', message: append }).persist?.number as number
    const vote = node.step({ type: 'receive', from: 'b', message: timeoutNow(2) }).persist?.number as number
    node.step({ type: 'persisted', number: earlier })
    node.step({ type: 'receive', from: 'c', message: voteResponse({ term: 3 }) })
    assert.equal(node.status.role, 'candidate')
    node.step({ type: 'persisted', number: vote })
    assert.equal(node.status.role, 'leader')
  })

  for (const { members, votes, role } of [
    { members: 'a', votes: '', role: 'leader' },
    { members: 'a b c', votes: 'b', role: 'leader' },
    { members: 'a b c', votes: '', role: 'candidate' },
    { members: 'a b c d e', votes: 'b c', role: 'leader' },
    { members: 'a b c d e', votes: 'b b b', role: 'candidate' },
    { members: 'a b c d', votes: 'b', role: 'candidate' },
    { members: 'a b c d', votes: 'b d', role: 'leader' },
    { members: 'a b +c +d', votes: 'c d', role: 'candidate' },
  ]) {
    // "A candidate wins an election if it receives votes from a majority of the servers in the full cluster …"
    it(`a candidate of (${members}) with votes from [${votes}] ${role === 'leader' ? 'wins' : 'does not win'}`, () => {
      const candidate = candidateOf(members, { term: 2 })
      for (const voter of votes.split(' ')) candidate.receive(voter, voteResponse({ term: 2 }))
      assert.equal(candidate.status.role, role)
    })
  }

  // "… for the same term."
  it('a vote of an earlier term does not count', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    candidate.receive('b', voteResponse({ term: 2 }))
    assert.equal(candidate.status.role, 'candidate')
  })

  // "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis."
  it('a node votes for the first candidate that requests its vote, and for no other in that term', () => {
    const node = followerOf('a b c', { term: 2 })
    assert.equal(only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted, true)
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@2' }))).isGranted, false)
    assert.equal(node.status.votedFor, 'b')
  })

  it('a restarted node remembers its vote', () => {
    const node = followerOf('a b c', { term: 3, votedFor: 'b' })
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@2' }))).isGranted, false)
    assert.equal(only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted, true)
  })

  // The first response may be lost.
  it('a node grants its vote again to the same candidate', () => {
    const node = followerOf('a b c', { term: 2 })
    for (let time = 0; time < 2; time++) {
      assert.equal(
        only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted,
        true,
      )
    }
  })

  it('a node sends a granted vote only after the vote is durable', () => {
    const node = followerOf('a b c', { term: 3 })
    const { send, persist } = node.step({ type: 'receive', from: 'b', message: voteRequest({ term: 3, last: '0@0' }) })
    assert.deepEqual(send, [])
    assert.deepEqual([persist?.hardState?.votedFor, persist?.isUrgent], ['b', true])
    assert.deepEqual(persist?.then, [{ to: 'b', message: voteResponse({ term: 3 }) }])
  })

  it('a node that knows the leader of its term grants no vote in it', () => {
    const node = followerOf('a b c', { term: 3, leader: 'b', options: PLAIN })
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@3' }))).isGranted, false)
  })

  it('a candidate or leader grants no vote in its own term', () => {
    for (const node of [candidateOf('a b c', { term: 3 }), leaderOf('a b c', { term: 3 })]) {
      assert.equal(
        only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '9@3' }))).isGranted,
        false,
      )
    }
  })

  // "Once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers."
  it('a candidate that wins becomes leader and sends heartbeats to all followers', () => {
    const candidate = candidateOf('a b c', { term: 2 })
    const messages = candidate.receive('b', voteResponse({ term: 2 }))
    assert.deepEqual([candidate.status.role, candidate.status.leader], ['leader', 'a'])
    assert.deepEqual(
      messages.filter(({ message }) => message.type === 'AppendEntriesRequest').map(({ to }) => to),
      ['b', 'c'],
    )
  })

  // "If the leader’s term … is at least as large as the candidate’s current term, then the candidate recognizes the leader …"
  it('a candidate follows a leader of its own or a higher term', () => {
    for (const term of [3, 4]) {
      const candidate = candidateOf('a b c', { term: 3 })
      const messages = candidate.receive('b', appendRequest({ term, prev: '0@0' }))
      assert.deepEqual([candidate.status.role, candidate.status.leader, candidate.status.term], ['follower', 'b', term])
      assert.equal(only('AppendEntriesResponse', messages).isAccepted, true)
    }
  })

  it('a candidate that follows the leader of its term keeps its vote for itself', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    candidate.receive('b', appendRequest({ term: 3, prev: '0@0' }))
    assert.equal(candidate.status.votedFor, 'a')
  })

  // "If the term in the RPC is smaller than the candidate’s current term, then the candidate rejects the RPC and continues …"
  it('a candidate rejects a leader of a lower term and stays a candidate', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    const answer = only('AppendEntriesResponse', candidate.receive('b', appendRequest({ term: 2, prev: '0@0' })))
    assert.deepEqual([answer.isAccepted, answer.term, candidate.status.role], [false, 3, 'candidate'])
  })

  // "Each candidate will time out and start a new election by incrementing its term …"
  it('a candidate starts a new election in the next term after a split vote', () => {
    const candidate = candidateOf('a b c', { term: 3, options: PLAIN })
    for (const from of ['b', 'c']) candidate.receive(from, voteResponse({ term: 3, isGranted: false }))
    const { messages } = candidate.timeOut()
    assert.deepEqual([candidate.status.role, candidate.status.term], ['candidate', 4])
    assert.equal(ofType('RequestVoteRequest', messages).length, 2)
  })

  // "Raft uses randomized election timeouts …"
  it('nodes with different seeds time out at different times', () => {
    const times = Array.from({ length: 20 }, (_, seed) => {
      const node = followerOf('a b c', { term: 2, options: { seed } })
      node.timeOut()
      return node.now
    })
    assert.ok(new Set(times).size > 15)
  })

  // "… to prevent split votes in the first place."
  it('a restarted node waits at least the minimum election timeout', () => {
    const node = followerOf('a b c', { term: 2 })
    assert.ok(node.state.timer.deadline >= node.now + node.options.electionTimeoutMinMs)
  })

  // Election Safety: "at most one leader can be elected in a given term".
  it('a follower ignores a second leader of the same term', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b' })
    const { messages, events } = node.process({
      type: 'receive',
      from: 'c',
      message: appendRequest({ term: 2, prev: '0@0', entries: '2' }),
    })
    assert.deepEqual(messages, [])
    assert.equal(events[0]?.type, 'protocolViolation')
    assert.deepEqual([node.status.leader, node.status.lastIndex], ['b', 0])
  })

  it('a single-node cluster elects its node as soon as its own vote is durable', () => {
    const node = followerOf('a', { term: 2 })
    node.timeOut()
    assert.deepEqual([node.status.role, node.status.commitIndex], ['leader', 1])
    assert.deepEqual(messagesTo('a', { messages: acknowledgeAll(node) }), [])
  })

  // It may be a voter already without knowing it.
  it('a learner never campaigns and still grants votes', () => {
    const learner = followerOf('b c +a', { term: 2 })
    learner.wait(10 * learner.options.electionTimeoutMaxMs)
    assert.equal(learner.status.role, 'follower')
    assert.equal(
      only('RequestVoteResponse', learner.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted,
      true,
    )
  })
})
