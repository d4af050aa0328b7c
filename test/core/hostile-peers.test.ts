import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Membership, Message } from '../../src/core/index.ts'
import { EMPTY_MEMBERSHIP } from '../../src/core/index.ts'
import {
  acknowledgeAll,
  appendRejection,
  appendRequest,
  appendResponse,
  candidateOf,
  followerOf,
  leaderOf,
  membershipBlock,
  membershipOf,
  messagesTo,
  only,
  preCandidateOf,
  preVoteResponse,
  readRequest,
  readyLeaderOf,
  snapshotAt,
  snapshotRequest,
  snapshotResponse,
  type TestNode,
  timeoutNow,
  voteRequest,
  voteResponse,
} from './builders.ts'
import { randomRuns } from './random-inputs.ts'

describe('a node with hostile peers and clients', () => {
  it('never throws, keeps its invariants, and sends nothing that a crash could revoke', () => {
    fc.assert(
      fc.property(randomRuns(), ({ execute }) => execute()),
      { numRuns: Number(process.env.RUNS ?? 1000) },
    )
  })

  it('ignores a message with its own id as the sender', () => {
    const candidate = candidateOf('a b c', { term: 2 })
    assertIgnored(candidate, 'a', voteResponse({ term: 2 }))
  })

  it('ignores a term so high that no later term is left', () => {
    const follower = followerOf('a b c', { term: 2 })
    assertIgnored(follower, 'b', voteRequest({ term: Number.MAX_SAFE_INTEGER, last: '9@9' }))
    assertIgnored(follower, 'b', timeoutNow(Number.MAX_SAFE_INTEGER))
    assert.equal(follower.status.term, 2)
  })

  it('ignores an AppendEntries whose hash chain is missing or no checksum', () => {
    const follower = followerOf('a b c', { term: 2 })
    for (const prevChain of [undefined, -1, 0.5, 2 ** 32]) {
      const message = { ...appendRequest({ term: 2, prev: '0@0' }), prevChain: prevChain as number }
      assertIgnored(follower, 'b', message)
    }
  })

  it('sends no message in a term that is not durable', () => {
    const follower = followerOf('a b c', { term: 2 })
    const heartbeat = { type: 'receive', from: 'b', message: appendRequest({ term: 3, prev: '0@0' }) } as const
    const request = { type: 'receive', from: 'c', message: readRequest(3, 1) } as const
    const { send, persist } = follower.step(heartbeat, { type: 'read', read: 1, mode: 'quorum' }, request)
    assert.deepEqual(send, [])
    assert.deepEqual(
      persist?.then.map(({ message }) => message.type),
      ['AppendEntriesResponse', 'ReadIndexRequest', 'ReadIndexResponse'],
    )
  })
})

describe('a follower with a faulty leader', () => {
  it('stops at a block whose boundaries differ from those of its own log', () => {
    for (const message of [
      appendRequest({ term: 2, prev: '2@1', entries: '2x3' }),
      appendRequest({ term: 2, prev: '2@1', entries: '2' }),
      appendRequest({ term: 2, prev: '3@2', entries: '2' }),
      appendRequest({ term: 2, prev: '3@2' }),
    ]) {
      const follower = followerOf('a b c', { term: 2, log: '1x2 2x2', commit: 2 })
      assert.deepEqual(follower.receive('b', message), [])
      assert.match(follower.status.stopped ?? '', /holds other content/)
    }
  })

  it('ignores blocks that are not contiguous, are empty, or have decreasing or future terms', () => {
    const follower = followerOf('a b c', { term: 3, log: '1' })
    const [block] = appendRequest({ term: 3, prev: '1@1', entries: '2' }).blocks
    assert.ok(block)
    for (const broken of [
      [{ ...block, first: 3 }],
      [block, block],
      [{ ...block, count: 0 }],
      [{ ...block, count: Number.MAX_SAFE_INTEGER - 2 }],
      [{ ...block, term: 4 }],
      [{ ...block, term: 0 }],
      [block, { ...block, first: 3, term: 1 }],
      [{ ...block, kind: 'noop' as const, count: 2 }],
      [{ ...block, kind: 'membership' as const }],
      [{ ...block, membership: membershipOf('b') }],
    ]) {
      assertIgnored(follower, 'b', appendRequest({ term: 3, prev: '1@1', entries: broken }))
    }
  })

  for (const [flaw, membership] of invalidMemberships()) {
    it(`ignores a membership in which ${flaw}, in a block and in a snapshot`, () => {
      const follower = followerOf('a b c', { term: 3, log: '1' })
      assertIgnored(
        follower,
        'b',
        appendRequest({ term: 3, prev: '1@1', entries: [membershipBlock(2, 3, membership)] }),
      )
      assertIgnored(follower, 'b', snapshotRequest({ term: 3, snapshot: snapshotAt('9@2', membership) }))
    })
  }

  it('ignores an empty membership in a block and accepts it in a snapshot', () => {
    const follower = followerOf('a b c', { term: 3, log: '1' })
    assertIgnored(
      follower,
      'b',
      appendRequest({ term: 3, prev: '1@1', entries: [membershipBlock(2, 3, EMPTY_MEMBERSHIP)] }),
    )
    const answers = follower.receive('b', snapshotRequest({ term: 3, snapshot: snapshotAt('9@2', EMPTY_MEMBERSHIP) }))
    assert.equal(only('InstallSnapshotResponse', answers).outcome, 'fetching')
  })

  it('ignores a snapshot of a future term or beyond the maximum index', () => {
    const follower = followerOf('a b c', { term: 3, log: '1' })
    assertIgnored(follower, 'b', snapshotRequest({ term: 3, snapshot: snapshotAt('9@4', membershipOf('a b c')) }))
    const last = `${Number.MAX_SAFE_INTEGER}@3`
    assertIgnored(follower, 'b', snapshotRequest({ term: 3, snapshot: snapshotAt(last, membershipOf('a b c')) }))
  })
})

describe('a leader with faulty followers', () => {
  it('ignores an acknowledged index inside a block or beyond its log', () => {
    const leader = leaderOf('a b c', { term: 3, log: '1 2x3' })
    leader.receive('b', snapshotResponse({ term: 3, outcome: 'fetching' }))
    for (const match of [3, 6, Number.MAX_SAFE_INTEGER]) {
      assertIgnored(leader, 'b', appendResponse({ term: 3, match }))
      assertIgnored(leader, 'b', snapshotResponse({ term: 3, outcome: 'installed', index: match }))
    }
    assert.equal(leader.status.peers[0]?.matchIndex, 0)
  })

  it('ignores a response to a round that has not started', () => {
    const leader = readyLeaderOf('a b c', { term: 3 })
    assertIgnored(leader, 'b', appendResponse({ term: 3, match: 1, round: 99 }))
  })

  it('probes from the start of a block, wherever in it the logs may match', () => {
    const leader = leaderOf('a b c', { term: 5, log: '1 1x4 4' })
    const answers = leader.receive('b', appendRejection({ term: 5, prev: 6, hint: '3@3' }))
    const { prevIndex, blocks } = only('AppendEntriesRequest', answers)
    assert.equal(prevIndex, 1)
    assert.deepEqual(
      blocks.map(({ first, count }) => [first, count]),
      [
        [2, 4],
        [6, 1],
        [7, 1],
      ],
    )
  })

  it('accepts a hint of any term at any index', () => {
    for (let hint = 0; hint <= 8; hint++) {
      for (let term = 0; term <= 6; term++) {
        const leader = leaderOf('a b c', { term: 5, log: '1 1x4 4' })
        leader.receive('b', appendRejection({ term: 5, prev: 6, hint: `${hint}@${term}` }))
        assert.ok((leader.status.peers[0]?.nextIndex as number) < 7)
      }
    }
  })

  it('keeps its log when a snapshot of an earlier leader arrives late', () => {
    const node = followerOf('a b c', { term: 2, log: '1 1' })
    const snapshot = snapshotAt('9@2', membershipOf('a b c'))
    node.receive('b', snapshotRequest({ term: 2, snapshot }))
    node.timeOut()
    node.receive('c', preVoteResponse({ term: 3 }))
    node.receive('c', voteResponse({ term: 3 }))
    assert.equal(node.status.role, 'leader')
    node.process({ type: 'snapshotFetched', snapshot })
    assert.equal(node.log, '1 1 3')
  })
})

describe('a candidate with faulty voters', () => {
  it('does not lead in a term that is not durable, even if it receives votes that it has not requested', () => {
    const candidate = preCandidateOf('a b c', { term: 2 })
    candidate.step({ type: 'receive', from: 'b', message: preVoteResponse({ term: 2 }) })
    for (const from of ['b', 'c']) candidate.step({ type: 'receive', from, message: voteResponse({ term: 2 }) })
    assert.equal(candidate.status.role, 'candidate')
    candidate.settle()
    assert.equal(candidate.status.role, 'leader')
  })

  it('counts one vote per voter and no vote of a non-member', () => {
    const candidate = candidateOf('a b c d e', { term: 2 })
    for (const from of ['b', 'b', 'b', 'x', 'y']) candidate.receive(from, voteResponse({ term: 2 }))
    assert.equal(candidate.status.role, 'candidate')
    candidate.receive('c', voteResponse({ term: 2 }))
    assert.equal(candidate.status.role, 'leader')
    assert.equal(messagesTo('d', { messages: acknowledgeAll(candidate, 'b') }).length, 0)
  })
})

/** The node sends nothing, changes nothing and reports a protocol violation. */
function assertIgnored(node: TestNode, from: string, message: Message): void {
  const before = node.status
  const { messages, events } = node.process({ type: 'receive', from, message })
  assert.deepEqual(messages, [], JSON.stringify(message))
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'leaderChanged'),
    ['protocolViolation'],
    JSON.stringify(message),
  )
  const { leader, ...after } = node.status
  assert.deepEqual({ ...after, leader: before.leader }, before)
}

function invalidMemberships(): readonly (readonly [string, Membership])[] {
  const whole = membershipOf('a b c +d')
  return [
    ['a learner is also a voter', { ...whole, learners: ['a'] }],
    ['a voter is not a member', { ...whole, voters: ['a', 'x'] }],
    ['an outgoing voter is not a member', { ...whole, outgoing: ['a', 'x'] }],
    ['a learner is not a member', { ...whole, learners: ['x'] }],
    ['a voter appears twice', { ...whole, voters: ['a', 'a', 'b'] }],
    ['a member appears twice', { ...whole, members: [...whole.members, ...whole.members] }],
    ['there are no voters', { ...whole, voters: [], learners: [] }],
    ['only the outgoing half has voters', { ...whole, voters: [], outgoing: ['a', 'b', 'c'] }],
  ]
}
