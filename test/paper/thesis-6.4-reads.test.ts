import assert from 'node:assert/strict'
import {
  acknowledgeAll,
  appendRequest,
  appendResponse,
  followerOf,
  leaderOf,
  type NodeOutput,
  ofType,
  only,
  preVoteRequest,
  preVoteResponse,
  readRequest,
  readResponse,
  readyLeaderOf,
  type TestNode,
  voteRequest,
  voteResponse,
} from '../core/builders.ts'

const LEASES = { leaseReads: true } as const

describe('thesis §6.4 Processing read-only queries more efficiently: ReadIndex', () => {
  // 1. "If the leader has not yet marked an entry from its current term committed, it waits until it has done so."
  it('a leader serves reads only after it has committed an entry of its term', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 2 })
    const { messages, settled } = read(leader)
    assert.deepEqual([messages, settled], [[], []])
    confirm(leader, 'b')
    assert.equal(leader.status.commitIndex, 3)
    assert.deepEqual(settledBy(leader, 'b'), [{ type: 'readReady', read: 7, index: 3 }])
  })

  // 2. "The leader saves its current commit index in a local variable readIndex."
  it('a read does not wait for entries committed after its round started', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    read(leader)
    leader.propose()
    assert.deepEqual(settledBy(leader, 'b'), [{ type: 'readReady', read: 7, index: 1 }])
    assert.equal(leader.status.commitIndex, 2)
  })

  // 3. "The leader … issues a new round of heartbeats and waits for their acknowledgements from a majority of the cluster."
  it('a read waits for a majority to answer a new heartbeat round', () => {
    const leader = readyLeaderOf('a b c d e', { term: 2 })
    const { messages, settled } = read(leader)
    assert.deepEqual([ofType('AppendEntriesRequest', messages).length, settled], [4, []])
    assert.deepEqual(settledBy(leader, 'b'), [])
    assert.deepEqual(settledBy(leader, 'c'), [{ type: 'readReady', read: 7, index: 1 }])
  })

  it('a heartbeat sent before a read does not confirm it', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.wait(leader.options.heartbeatIntervalMs)
    const before = roundOf(leader)
    read(leader)
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 1, round: before }) })
    assert.deepEqual(leader.settle().settled, [])
    assert.equal(settledBy(leader, 'b').length, 1)
  })

  it('learners and repeated responses of one follower do not confirm a read', () => {
    const leader = readyLeaderOf('a b c d e +f', { term: 2 })
    read(leader)
    for (const peer of ['f', 'b', 'b']) assert.deepEqual(settledBy(leader, peer), [])
    assert.equal(settledBy(leader, 'c').length, 1)
  })

  it('a read in a joint membership needs confirmation by both halves', () => {
    const leader = readyLeaderOf('a b c +d +e', { term: 2 })
    leader.process({ type: 'changeMembership', request: 1, change: { promote: ['d', 'e'], remove: ['b', 'c'] } })
    read(leader)
    assert.deepEqual(settledBy(leader, 'b'), [])
    assert.equal(settledBy(leader, 'd').length, 1)
  })

  // Both prove that the follower is in the term of the leader.
  it('a rejected AppendEntries confirms a read like an accepted one', () => {
    const leader = leaderOf('a b c', { term: 2 })
    acknowledgeAll(leader, 'b')
    read(leader)
    const rejection = {
      isAccepted: false,
      index: 1,
      hintIndex: 0,
      hintTerm: 0,
      chain: undefined,
      round: roundOf(leader),
      session: 0,
    } as const
    leader.step({ type: 'receive', from: 'c', message: { type: 'AppendEntriesResponse', term: 2, ...rejection } })
    assert.equal(leader.settle().settled.length, 1)
  })

  // "It could amortize this cost."
  it('reads of one step share one heartbeat round', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const before = roundOf(leader)
    leader.process(...[1, 2, 3].map((number) => ({ type: 'read', read: number, mode: 'quorum' }) as const))
    assert.equal(roundOf(leader), before + 1)
    assert.equal(settledBy(leader, 'b').length, 3)
  })

  it('a leader of a single-node cluster confirms reads without messages', () => {
    const leader = readyLeaderOf('a', { term: 2 })
    assert.deepEqual(read(leader).settled, [{ type: 'readReady', read: 7, index: 1 }])
  })

  it('a leader that steps down rejects its pending reads', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    read(leader)
    const { settled } = leader.process({ type: 'receive', from: 'b', message: appendRequest({ term: 3, prev: '0@0' }) })
    const rejection = { reason: 'leadership-lost', leader: undefined }
    assert.deepEqual(settled, [{ type: 'readRejected', read: 7, rejection }])
  })

  it('a leader rejects reads beyond pendingReadsMax', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { pendingReadsMax: 2 } })
    read(leader)
    read(leader)
    const rejection = { reason: 'overloaded', limit: 'pendingReadsMax', value: 2, max: 2 }
    assert.deepEqual(read(leader).settled, [{ type: 'readRejected', read: 7, rejection }])
  })
})

describe('thesis §6.4 Processing read-only queries more efficiently: reads on followers', () => {
  // "The follower … issue[s] a request to the leader that just asks for a current readIndex."
  it('a follower forwards a read to its leader', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { messages } = read(follower)
    assert.deepEqual(
      messages.map(({ to, message }) => [to, message.type]),
      [['b', 'ReadIndexRequest']],
    )
  })

  // "The leader would execute steps 1–3 above."
  it('a leader answers a forwarded read once a majority has confirmed it', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.equal(ofType('ReadIndexResponse', leader.receive('b', readRequest(2, 99))).length, 0)
    assert.deepEqual(ofType('ReadIndexResponse', confirm(leader, 'c')), [readResponse(2, 99, 1)])
  })

  it('a leader sends the follower the commit index that a forwarded read needs', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'c')
    const [round] = ofType(
      'AppendEntriesRequest',
      leader.receive('b', readRequest(2, 99)).filter(({ to }) => to === 'b'),
    )
    assert.equal(round?.commitIndex, 2)
    assert.deepEqual(ofType('ReadIndexResponse', confirm(leader, 'c')), [readResponse(2, 99, 2)])
  })

  it('a follower completes a forwarded read at the index that the leader returned', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { read: ticket } = only('ReadIndexRequest', read(follower).messages)
    const { settled } = follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, 5) })
    assert.deepEqual(settled, [{ type: 'readReady', read: 7, index: 5 }])
    assert.deepEqual(follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, 5) }).settled, [])
  })

  it('a follower rejects a read that the leader rejected', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { read: ticket } = only('ReadIndexRequest', read(follower).messages)
    const { settled } = follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, undefined) })
    assert.equal(settled[0]?.type, 'readRejected')
  })

  it('a leader rejects a forwarded read beyond pendingReadsMax', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { pendingReadsMax: 1 } })
    read(leader)
    assert.deepEqual(ofType('ReadIndexResponse', leader.receive('b', readRequest(2, 99))), [
      readResponse(2, 99, undefined),
    ])
  })

  it('a node that is not the leader rejects a forwarded read', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    assert.deepEqual(follower.receive('c', readRequest(2, 99)), [{ to: 'c', message: readResponse(2, 99, undefined) }])
  })

  it('a follower rejects a read at once without a leader, and after readTimeoutMs if the leader does not respond', () => {
    assert.equal(read(followerOf('a b c', { term: 2 })).settled[0]?.type, 'readRejected')
    const follower = followerOf('a b +c', { id: 'c', term: 2, leader: 'b' })
    read(follower)
    const { settled } = follower.wait(follower.options.readTimeoutMs)
    assert.deepEqual(settled, [{ type: 'readRejected', read: 7, rejection: { reason: 'timed-out' } }])
  })

  it('a follower rejects its forwarded reads when its leader changes', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { read: ticket } = only('ReadIndexRequest', read(follower).messages)
    const { settled } = follower.process({
      type: 'receive',
      from: 'c',
      message: appendRequest({ term: 3, prev: '0@0' }),
    })
    assert.equal(settled[0]?.type, 'readRejected')
    assert.deepEqual(follower.process({ type: 'receive', from: 'c', message: readResponse(3, ticket, 5) }).settled, [])
  })
})

describe('thesis §6.4.1 Using clocks to reduce messaging for read-only queries: leases', () => {
  // "Once the leader’s heartbeats were acknowledged by a majority …, the leader would … reply to read-only queries … without any communication."
  it('a leader with a lease serves reads without messages', () => {
    const leader = leasing()
    const { messages, settled } = leaseRead(leader)
    assert.deepEqual([messages, settled], [[], [{ type: 'readReady', read: 7, index: 1 }]])
  })

  // "start + election timeout / clock drift bound"
  it('a lease is counted from the send time of the round, on the slowest clock allowed', () => {
    const leader = leasing()
    const { electionTimeoutMinMs, clockDriftMax } = leader.options
    const end = leader.now + electionTimeoutMinMs * (1 - clockDriftMax)
    leader.wait(end - leader.now - 1)
    assert.equal(leaseRead(leader).settled.length, 1)
    leader.wait(1)
    assert.deepEqual(leaseRead(leader).settled, []) // The read falls back to a heartbeat round.
    assert.equal(settledBy(leader, 'b').length, 1)
  })

  it('a late response does not extend the lease', () => {
    const leader = leasing()
    leader.wait(leader.options.heartbeatIntervalMs)
    const round = roundOf(leader)
    leader.wait(600)
    leader.receive('b', appendResponse({ term: 2, match: 1, round }))
    leader.wait(90)
    assert.deepEqual(leaseRead(leader).settled, [])
  })

  // "The leader’s lease must not be used after" it has sent TimeoutNow.
  it('a leader that sent TimeoutNow has no lease for the rest of its term', () => {
    const leader = leasing()
    leader.process({ type: 'transfer', request: 1, to: 'b' })
    assert.deepEqual(leaseRead(leader).settled, [])
    for (let beat = 0; beat < 17; beat++) {
      leader.wait(leader.options.heartbeatIntervalMs)
      confirm(leader, 'b')
    }
    assert.equal(leader.status.isTransferring, false)
    assert.deepEqual(leaseRead(leader).settled, [])
  })

  it('a leader has no lease before it has committed an entry of its term, or without leaseReads', () => {
    const newLeader = leaderOf('a b c', { term: 4, log: '1', options: LEASES })
    assert.deepEqual(leaseRead(newLeader).settled, [])
    const withoutLeases = readyLeaderOf('a b c', { term: 2 })
    confirm(withoutLeases, 'b')
    assert.deepEqual(leaseRead(withoutLeases).settled, [])
  })

  // "A follower … would not vote" within an election timeout of hearing from a leader: whatever happens to it in that time.
  it('a follower that restarts grants no vote for the shortest election timeout', () => {
    const restarted = followerOf('a b c', { term: 2, options: LEASES })
    restarted.wait(restarted.options.electionTimeoutMinMs - 1)
    assert.equal(grantsVote(restarted, 3), false)
    assert.equal(grantsPreVote(restarted, 3), false)
    restarted.wait(1)
    assert.equal(grantsVote(restarted, 3), true)
  })

  it('a node that starts for the first time votes at once', () => {
    assert.equal(grantsVote(followerOf('a b c', { options: LEASES }), 1), true)
  })

  for (const [name, message] of Object.entries({
    'a rejected pre-vote': preVoteResponse({ term: 3, isGranted: false }),
    'a denied vote': voteResponse({ term: 3, isGranted: false }),
    'a response to an AppendEntries': appendResponse({ term: 3, match: 0 }),
    'a read request': readRequest(3, 1),
  })) {
    it(`a follower that learns of a new term by ${name} grants no vote within an election timeout of its leader's heartbeat`, () => {
      const follower = followerOf('a b c', { term: 2, leader: 'b', options: LEASES })
      follower.receive('c', message)
      assert.deepEqual([follower.status.term, follower.status.leader], [3, undefined])
      assert.equal(grantsVote(follower, 3), false)
      assert.equal(grantsVote(follower, 4), false)
      assert.equal(grantsPreVote(follower, 4), false)
      follower.wait(follower.options.electionTimeoutMinMs)
      assert.equal(grantsVote(follower, follower.status.term + 1), true)
    })
  }

  it('a follower votes for the target of a transfer at once: its leader has given up the lease', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b', options: LEASES })
    assert.equal(grantsVote(follower, 3, true), true)
  })

  it('a leader of a single-node cluster always has a lease', () => {
    const leader = readyLeaderOf('a', { term: 2, options: LEASES })
    leader.wait(60_000)
    assert.equal(leaseRead(leader).settled[0]?.type, 'readReady')
  })
})

/** Whether the node grants its vote to c. */
function grantsVote(node: TestNode, term: number, isTransfer: boolean = false): boolean {
  const responses = ofType('RequestVoteResponse', node.receive('c', voteRequest({ term, last: '9@2', isTransfer })))
  return responses.some(({ isGranted }) => isGranted)
}

function grantsPreVote(node: TestNode, term: number): boolean {
  const responses = ofType('PreVoteResponse', node.receive('c', preVoteRequest({ term, last: '9@2' })))
  return responses.some(({ isGranted }) => isGranted)
}

function read(node: TestNode): NodeOutput {
  return node.process({ type: 'read', read: 7, mode: 'quorum' })
}

function leaseRead(node: TestNode): NodeOutput {
  return node.process({ type: 'read', read: 7, mode: 'lease' })
}

function roundOf({ state }: TestNode): number {
  const { role } = state
  return role.type === 'leader' ? role.rounds.current : 0
}

/** A peer answers the current round. */
function confirm(leader: TestNode, peer: string): ReturnType<typeof acknowledgeAll> {
  return acknowledgeAll(leader, peer)
}

/** What a peer's response to the current round settles. */
function settledBy(leader: TestNode, peer: string): NodeOutput['settled'] {
  const { term, lastIndex } = leader.status
  const message = appendResponse({ term, match: lastIndex, round: roundOf(leader) })
  leader.step({ type: 'receive', from: peer, message })
  return leader.settle().settled
}

/** A leader whose lease starts now. */
function leasing(): TestNode {
  const leader = readyLeaderOf('a b c', { term: 2, options: LEASES })
  leader.process({ type: 'read', read: 1, mode: 'quorum' })
  confirm(leader, 'b')
  return leader
}
