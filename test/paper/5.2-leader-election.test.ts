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

/** As the paper has it: no pre-vote, no check-quorum. */
const PLAIN = { preVote: false, checkQuorum: false } as const

describe('§5.2 Leader election', () => {
  it('"when servers start up, they begin as followers"', () => {
    const node = followerOf('a b c', { term: 3, votedFor: 'a', log: '1 3' })
    assert.equal(node.status.role, 'follower')
    assert.deepEqual(node.settle().messages, [])
  })

  it('"a server remains in follower state as long as it receives valid RPCs from a leader"', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    for (let beat = 0; beat < 100; beat++) {
      const { messages } = node.wait(node.options.electionTimeoutMinMs - 1)
      assert.deepEqual(messages, [])
      node.receive('b', appendRequest({ term: 2, prev: '0@0' }))
    }
    assert.deepEqual([node.status.role, node.status.term], ['follower', 2])
  })

  it('"… or candidate": granting a vote starts the election timeout anew', () => {
    const node = followerOf('a b c', { term: 2, options: PLAIN })
    for (let term = 3; term < 50; term++) {
      assert.deepEqual(node.wait(node.options.electionTimeoutMinMs - 1).messages, [])
      node.receive('b', voteRequest({ term, last: '0@0' }))
    }
    assert.equal(node.status.role, 'follower')
  })

  it('but refusing one does not: a candidate that cannot win keeps nobody waiting', () => {
    const node = followerOf('a b c', { term: 2, log: '2 2', options: PLAIN })
    const { deadline } = node.state.timer
    node.wait(node.options.electionTimeoutMinMs - 1)
    node.receive('b', voteRequest({ term: 3, last: '1@2' }))
    assert.equal(node.state.timer.deadline, deadline)
  })

  it('"leaders send periodic heartbeats (AppendEntries RPCs that carry no log entries) to all followers"', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.deepEqual(
      messages.map(({ to }) => to),
      ['b', 'c'],
    )
    for (const { blocks, term } of ofType('AppendEntriesRequest', messages)) assert.deepEqual([blocks, term], [[], 2])
  })

  it('"if a follower receives no communication over … the election timeout, then it … begins an election"', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    node.wait(node.options.electionTimeoutMaxMs)
    assert.equal(node.status.role, 'candidate')
  })

  it('"to begin an election, a follower increments its current term and transitions to candidate state"', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: PLAIN })
    node.timeOut()
    assert.deepEqual([node.status.role, node.status.term, node.status.leader], ['candidate', 3, undefined])
  })

  it('"it then votes for itself and issues RequestVote RPCs in parallel to each of the other servers"', () => {
    const node = followerOf('a b c d e', { term: 2, log: '1 2 2', options: PLAIN })
    const { messages } = node.timeOut()
    assert.equal(node.status.votedFor, 'a')
    const request = voteRequest({ term: 3, last: '3@2' })
    assert.deepEqual(
      messages,
      ['b', 'c', 'd', 'e'].map((to) => ({ to, message: request })),
    )
  })

  it('and says so to nobody before its own vote is on disk', () => {
    const candidate = preCandidateOf('a b c', { term: 3 })
    const { send, persist } = candidate.step({ type: 'receive', from: 'b', message: preVoteResponse({ term: 3 }) })
    assert.deepEqual(send, [])
    assert.deepEqual([persist?.hardState?.term, persist?.hardState?.votedFor], [3, 'a'])
    assert.equal(persist?.then.length, 2)
  })

  it('an earlier write that ends meanwhile does not make its vote durable', () => {
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
    it(`"a candidate wins an election if it receives votes from a majority": of (${members}) by [${votes}] it is a ${role}`, () => {
      const candidate = candidateOf(members, { term: 2 })
      for (const voter of votes.split(' ')) candidate.receive(voter, voteResponse({ term: 2 }))
      assert.equal(candidate.status.role, role)
    })
  }

  it('"… for the same term": a vote for an earlier term does not count', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    candidate.receive('b', voteResponse({ term: 2 }))
    assert.equal(candidate.status.role, 'candidate')
  })

  it('"each server will vote for at most one candidate in a given term, on a first-come-first-served basis"', () => {
    const node = followerOf('a b c', { term: 2 })
    assert.equal(only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted, true)
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@2' }))).isGranted, false)
    assert.equal(node.status.votedFor, 'b')
  })

  it('restarts included: the vote is read from disk', () => {
    const node = followerOf('a b c', { term: 3, votedFor: 'b' })
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@2' }))).isGranted, false)
    assert.equal(only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted, true)
  })

  it('a vote is given again to whoever asks again, since the first answer may be lost', () => {
    const node = followerOf('a b c', { term: 2 })
    for (let time = 0; time < 2; time++) {
      assert.equal(
        only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted,
        true,
      )
    }
  })

  it('a vote is told only once it is on disk', () => {
    const node = followerOf('a b c', { term: 3 })
    const { send, persist } = node.step({ type: 'receive', from: 'b', message: voteRequest({ term: 3, last: '0@0' }) })
    assert.deepEqual(send, [])
    assert.deepEqual([persist?.hardState?.votedFor, persist?.isUrgent], ['b', true])
    assert.deepEqual(persist?.then, [{ to: 'b', message: voteResponse({ term: 3 }) }])
  })

  it('no vote is given in a term whose leader is known, though it was not given yet', () => {
    const node = followerOf('a b c', { term: 3, leader: 'b', options: PLAIN })
    assert.equal(only('RequestVoteResponse', node.receive('c', voteRequest({ term: 3, last: '9@3' }))).isGranted, false)
  })

  it('neither a candidate nor a leader votes for another in its term', () => {
    for (const node of [candidateOf('a b c', { term: 3 }), leaderOf('a b c', { term: 3 })]) {
      assert.equal(
        only('RequestVoteResponse', node.receive('b', voteRequest({ term: 3, last: '9@3' }))).isGranted,
        false,
      )
    }
  })

  it('"once a candidate wins an election, it becomes leader. It then sends heartbeat messages to all of the other servers"', () => {
    const candidate = candidateOf('a b c', { term: 2 })
    const messages = candidate.receive('b', voteResponse({ term: 2 }))
    assert.deepEqual([candidate.status.role, candidate.status.leader], ['leader', 'a'])
    assert.deepEqual(
      messages.filter(({ message }) => message.type === 'AppendEntriesRequest').map(({ to }) => to),
      ['b', 'c'],
    )
  })

  it('"if the leader’s term … is at least as large as the candidate’s current term, then the candidate recognizes the leader"', () => {
    for (const term of [3, 4]) {
      const candidate = candidateOf('a b c', { term: 3 })
      const messages = candidate.receive('b', appendRequest({ term, prev: '0@0' }))
      assert.deepEqual([candidate.status.role, candidate.status.leader, candidate.status.term], ['follower', 'b', term])
      assert.equal(only('AppendEntriesResponse', messages).isAccepted, true)
    }
  })

  it('and in doing so in its own term it does not forget that it voted for itself', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    candidate.receive('b', appendRequest({ term: 3, prev: '0@0' }))
    assert.equal(candidate.status.votedFor, 'a')
  })

  it('"if the term in the RPC is smaller than the candidate’s current term, then the candidate rejects the RPC and continues"', () => {
    const candidate = candidateOf('a b c', { term: 3 })
    const answer = only('AppendEntriesResponse', candidate.receive('b', appendRequest({ term: 2, prev: '0@0' })))
    assert.deepEqual([answer.isAccepted, answer.term, candidate.status.role], [false, 3, 'candidate'])
  })

  it('"each candidate will time out and start a new election by incrementing its term" if votes are split', () => {
    const candidate = candidateOf('a b c', { term: 3, options: PLAIN })
    for (const from of ['b', 'c']) candidate.receive(from, voteResponse({ term: 3, isGranted: false }))
    const { messages } = candidate.timeOut()
    assert.deepEqual([candidate.status.role, candidate.status.term], ['candidate', 4])
    assert.equal(ofType('RequestVoteRequest', messages).length, 2)
  })

  it('"Raft uses randomized election timeouts": nodes with other seeds time out at other moments', () => {
    const moments = Array.from({ length: 20 }, (_, seed) => {
      const node = followerOf('a b c', { term: 2, options: { seed } })
      node.timeOut()
      return node.now
    })
    assert.ok(new Set(moments).size > 15)
  })

  it('"… and to prevent split votes in the first place": a restarted node draws as every other, never less', () => {
    const node = followerOf('a b c', { term: 2 })
    assert.ok(node.state.timer.deadline >= node.now + node.options.electionTimeoutMinMs)
  })

  it('Election Safety: "at most one leader can be elected in a given term"; whoever else claims it is not followed', () => {
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

  it('a cluster of one elects itself as soon as its vote is on disk', () => {
    const node = followerOf('a', { term: 2 })
    node.timeOut()
    assert.deepEqual([node.status.role, node.status.commitIndex], ['leader', 1])
    assert.deepEqual(messagesTo('a', { messages: acknowledgeAll(node) }), [])
  })

  it('a learner never campaigns, and votes all the same: it may not know yet that it is a voter', () => {
    const learner = followerOf('b c +a', { term: 2 })
    learner.wait(10 * learner.options.electionTimeoutMaxMs)
    assert.equal(learner.status.role, 'follower')
    assert.equal(
      only('RequestVoteResponse', learner.receive('b', voteRequest({ term: 3, last: '0@0' }))).isGranted,
      true,
    )
  })
})
