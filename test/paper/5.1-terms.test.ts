import assert from 'node:assert/strict'
import type { Message } from '../../src/core/index.ts'
import {
  appendRejection,
  appendRequest,
  appendResponse,
  candidateOf,
  entry,
  followerOf,
  leaderOf,
  membershipOf,
  only,
  preCandidateOf,
  preVoteRequest,
  preVoteResponse,
  readRequest,
  readResponse,
  snapshotAt,
  snapshotRequest,
  snapshotResponse,
  type TestNode,
  timeoutNow,
  voteRequest,
  voteResponse,
} from '../core/builders.ts'

const IN_EVERY_ROLE: readonly (readonly [string, () => TestNode])[] = [
  ['follower', () => followerOf('a b c', { term: 3 })],
  ['pre-candidate', () => preCandidateOf('a b c', { term: 4 })],
  ['candidate', () => candidateOf('a b c', { term: 3 })],
  ['leader', () => leaderOf('a b c', { term: 3 })],
]

describe('§5.1 Raft basics: terms', () => {
  for (const [role, make] of IN_EVERY_ROLE) {
    // "If one server's current term is smaller than the other's, then it updates its current term to the larger value."
    it(`a ${role} adopts a higher term from any message`, () => {
      for (const message of messagesIn(9)) {
        const node = make()
        node.receive('b', message)
        assert.ok(node.status.term >= 9, message.type)
      }
    })

    // "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state."
    it(`a ${role} becomes a follower on a message of a higher term`, () => {
      for (const message of messagesIn(9)) {
        const node = make()
        node.receive('b', message)
        const isTimeoutNow = message.type === 'TimeoutNow' // The follower then campaigns at once.
        assert.equal(node.status.role, isTimeoutNow ? 'candidate' : 'follower', message.type)
      }
    })

    // "If a server receives a request with a stale term number, it rejects the request."
    it(`a ${role} rejects a request of a lower term`, () => {
      for (const request of requestsIn(2)) {
        const node = make()
        const [answer, ...more] = node.receive('b', request)
        assert.deepEqual(more, [])
        assert.equal(answer?.message.term, 3)
        assert.equal(isRejection(answer?.message), true, request.type)
        assert.equal(node.status.role, role)
      }
    })

    // raft.tla, DropStaleResponse
    it(`a ${role} drops a response of a lower term`, () => {
      for (const response of responsesIn(2)) {
        const node = make()
        const before = node.status
        assert.deepEqual(node.receive('b', response), [])
        assert.deepEqual(node.status, before)
      }
    })
  }

  it('a new term starts without a vote and without a leader', () => {
    const follower = followerOf('a b c', { term: 3, votedFor: 'b', leader: 'b' })
    follower.receive('c', voteResponse({ term: 4, isGranted: false }))
    assert.deepEqual(
      [follower.status.term, follower.status.votedFor, follower.status.leader],
      [4, undefined, undefined],
    )
  })

  // Figure 2: currentTerm and votedFor are "updated on stable storage before responding to RPCs".
  it('a follower responds in a new term only after the term is durable', () => {
    const follower = followerOf('a b c', { term: 3 })
    const { send, persist } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 4, prev: '9@3' }),
    })
    assert.deepEqual(send, [])
    assert.equal(persist?.hardState?.term, 4)
    assert.equal(persist?.isUrgent, true)
    assert.deepEqual(
      persist?.then.map(({ message }) => message.type),
      ['AppendEntriesResponse'],
    )
  })

  it('no later response overtakes the write of a new term', () => {
    const follower = followerOf('a b c', { term: 3 })
    follower.step({ type: 'receive', from: 'b', message: appendRequest({ term: 4, prev: '9@3' }) })
    const { send, persist } = follower.step({
      type: 'receive',
      from: 'b',
      message: appendRequest({ term: 4, prev: '9@3' }),
    })
    assert.deepEqual(send, [])
    assert.equal(persist?.then.length, 1)
    assert.equal(follower.settle().messages.length, 2)
  })

  // Not in the paper: otherwise it could confirm something in a later term of the same leader.
  it('the rejection of a stale request echoes nothing of the request', () => {
    const follower = followerOf('a b c', { term: 3 })
    const request = appendRequest({ term: 2, prev: '1@1', round: 7, session: 4 })
    const { index, round, session, hintIndex } = only('AppendEntriesResponse', follower.receive('b', request))
    assert.deepEqual([index, round, session, hintIndex], [0, 0, 0, 0])
    const offer = snapshotRequest({ term: 2, snapshot: snapshotAt('9@2', membershipOf('a b c')), round: 7, session: 4 })
    const answer = only('InstallSnapshotResponse', follower.receive('b', offer))
    assert.deepEqual([answer.index, answer.round, answer.session, answer.outcome], [0, 0, 0, 'fetching'])
  })

  // Thesis §9.6.
  it('requesting or granting a pre-vote changes no term', () => {
    for (const [, make] of IN_EVERY_ROLE) {
      const node = make()
      node.receive('b', preVoteRequest({ term: 9, last: '9@9' }))
      node.receive('b', preVoteResponse({ term: 9 }))
      assert.equal(node.status.term, 3)
    }
  })
})

/** All messages that make a node adopt a higher term. */
function messagesIn(term: number): readonly Message[] {
  const denials = [preVoteResponse({ term, isGranted: false })]
  const transfer = voteRequest({ term, last: '9@8', isTransfer: true })
  return [...responsesIn(term), ...denials, ...requestsIn(term), transfer, timeoutNow(term)].filter(
    (message) => message.type !== 'RequestVoteRequest' || message.isTransfer,
  )
}

function requestsIn(term: number): readonly Message[] {
  return [
    voteRequest({ term, last: '9@1', isTransfer: true }),
    appendRequest({ term, prev: '0@0', entries: '1' }),
    snapshotRequest({ term, snapshot: snapshotAt('9@1', membershipOf('a b c')) }),
    readRequest(term, 1),
  ]
}

function responsesIn(term: number): readonly Message[] {
  return [
    voteResponse({ term }),
    voteResponse({ term, isGranted: false }),
    appendResponse({ term, match: 0 }),
    appendRejection({ term, prev: entry('0@0').index, hint: '0@0' }),
    snapshotResponse({ term, outcome: 'installed' }),
    readResponse(term, 1, 5),
  ]
}

function isRejection(message: Message | undefined): boolean {
  switch (message?.type) {
    case 'RequestVoteResponse':
      return !message.isGranted
    case 'AppendEntriesResponse':
      return !message.isAccepted
    case 'InstallSnapshotResponse':
      return message.outcome === 'fetching'
    case 'ReadIndexResponse':
      return message.index === undefined
    default:
      return false
  }
}
