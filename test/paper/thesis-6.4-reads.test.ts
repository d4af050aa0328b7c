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
  readRequest,
  readResponse,
  readyLeaderOf,
  type TestNode,
} from '../core/builders.ts'

const LEASES = { leaseReads: true } as const

describe('thesis §6.4 Processing read-only queries more efficiently: ReadIndex', () => {
  it('1. "if the leader has not yet marked an entry from its current term committed, it waits until it has done so"', () => {
    const leader = leaderOf('a b c', { term: 4, log: '1 2', commit: 2 })
    const { messages, settled } = read(leader)
    assert.deepEqual([messages, settled], [[], []])
    confirm(leader, 'b')
    assert.equal(leader.status.commitIndex, 3)
    assert.deepEqual(settledBy(leader, 'b'), [{ type: 'readReady', read: 7, index: 3 }])
  })

  it('2. "the leader saves its current commit index in a local variable readIndex": writes that come later do not hold the read up', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    read(leader)
    leader.propose()
    assert.deepEqual(settledBy(leader, 'b'), [{ type: 'readReady', read: 7, index: 1 }])
    assert.equal(leader.status.commitIndex, 2)
  })

  it('3. "the leader … issues a new round of heartbeats and waits for their acknowledgements from a majority of the cluster"', () => {
    const leader = readyLeaderOf('a b c d e', { term: 2 })
    const { messages, settled } = read(leader)
    assert.deepEqual([ofType('AppendEntriesRequest', messages).length, settled], [4, []])
    assert.deepEqual(settledBy(leader, 'b'), [])
    assert.deepEqual(settledBy(leader, 'c'), [{ type: 'readReady', read: 7, index: 1 }])
  })

  it('a heartbeat that was under way when the read came does not confirm it', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.wait(leader.options.heartbeatIntervalMs)
    const before = roundOf(leader)
    read(leader)
    leader.step({ type: 'receive', from: 'b', message: appendResponse({ term: 2, match: 1, round: before }) })
    assert.deepEqual(leader.settle().settled, [])
    assert.equal(settledBy(leader, 'b').length, 1)
  })

  it('nor do learners, or the same follower twice', () => {
    const leader = readyLeaderOf('a b c d e +f', { term: 2 })
    read(leader)
    for (const peer of ['f', 'b', 'b']) assert.deepEqual(settledBy(leader, peer), [])
    assert.equal(settledBy(leader, 'c').length, 1)
  })

  it('both halves of a joint membership must confirm it', () => {
    const leader = readyLeaderOf('a b c +d +e', { term: 2 })
    leader.process({ type: 'changeMembership', request: 1, change: { promote: ['d', 'e'], remove: ['b', 'c'] } })
    read(leader)
    assert.deepEqual(settledBy(leader, 'b'), [])
    assert.equal(settledBy(leader, 'd').length, 1)
  })

  it('a rejection confirms it as well as an acceptance: both know the term', () => {
    const leader = leaderOf('a b c', { term: 2 })
    acknowledgeAll(leader, 'b')
    read(leader)
    const rejection = {
      isAccepted: false,
      index: 1,
      hintIndex: 0,
      hintTerm: 0,
      round: roundOf(leader),
      session: 0,
    } as const
    leader.step({ type: 'receive', from: 'c', message: { type: 'AppendEntriesResponse', term: 2, ...rejection } })
    assert.equal(leader.settle().settled.length, 1)
  })

  it('"it could amortize this cost": reads that come together share one round', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const before = roundOf(leader)
    leader.process(...[1, 2, 3].map((number) => ({ type: 'read', read: number, mode: 'quorum' }) as const))
    assert.equal(roundOf(leader), before + 1)
    assert.equal(settledBy(leader, 'b').length, 3)
  })

  it('alone, a leader needs nobody’s confirmation', () => {
    const leader = readyLeaderOf('a', { term: 2 })
    assert.deepEqual(read(leader).settled, [{ type: 'readReady', read: 7, index: 1 }])
  })

  it('a leader that is one no more answers no read', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    read(leader)
    const { settled } = leader.process({ type: 'receive', from: 'b', message: appendRequest({ term: 3, prev: '0@0' }) })
    const rejection = { reason: 'leadership-lost', leader: undefined }
    assert.deepEqual(settled, [{ type: 'readRejected', read: 7, rejection }])
  })

  it('reads that wait are bounded', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { pendingReadsMax: 2 } })
    read(leader)
    read(leader)
    const rejection = { reason: 'overloaded', limit: 'pendingReadsMax', value: 2, max: 2 }
    assert.deepEqual(read(leader).settled, [{ type: 'readRejected', read: 7, rejection }])
  })
})

describe('thesis §6.4: reads at followers', () => {
  it('"the follower … issue[s] a request to the leader that just asks for a current readIndex"', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { messages } = read(follower)
    assert.deepEqual(
      messages.map(({ to, message }) => [to, message.type]),
      [['b', 'ReadIndexRequest']],
    )
  })

  it('"the leader would execute steps 1–3 above": it answers once a majority has confirmed', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.equal(ofType('ReadIndexResponse', leader.receive('b', readRequest(2, 99))).length, 0)
    assert.deepEqual(ofType('ReadIndexResponse', confirm(leader, 'c')), [readResponse(2, 99, 1)])
  })

  it('and its round tells the follower the commit index it will have to wait for', () => {
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

  it('the read is ready at the index the leader names', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { read: ticket } = only('ReadIndexRequest', read(follower).messages)
    const { settled } = follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, 5) })
    assert.deepEqual(settled, [{ type: 'readReady', read: 7, index: 5 }])
    assert.deepEqual(follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, 5) }).settled, [])
  })

  it('a leader that cannot says so, and the read is refused', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const { read: ticket } = only('ReadIndexRequest', read(follower).messages)
    const { settled } = follower.process({ type: 'receive', from: 'b', message: readResponse(2, ticket, undefined) })
    assert.equal(settled[0]?.type, 'readRejected')
  })

  it('a leader with too many reads waiting refuses a follower’s', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { pendingReadsMax: 1 } })
    read(leader)
    assert.deepEqual(ofType('ReadIndexResponse', leader.receive('b', readRequest(2, 99))), [
      readResponse(2, 99, undefined),
    ])
  })

  it('who is no leader refuses to be asked', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    assert.deepEqual(follower.receive('c', readRequest(2, 99)), [{ to: 'c', message: readResponse(2, 99, undefined) }])
  })

  it('without a leader a read is refused at once; with one that is silent, in time', () => {
    assert.equal(read(followerOf('a b c', { term: 2 })).settled[0]?.type, 'readRejected')
    const follower = followerOf('a b +c', { id: 'c', term: 2, leader: 'b' })
    read(follower)
    const { settled } = follower.wait(follower.options.readTimeoutMs)
    assert.deepEqual(settled, [{ type: 'readRejected', read: 7, rejection: { reason: 'timed-out' } }])
  })

  it('with the leader its readers are given up', () => {
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
  it('"once the leader’s heartbeats were acknowledged by a majority …, the leader would … reply to read-only queries … without any communication"', () => {
    const leader = leasing()
    const { messages, settled } = leaseRead(leader)
    assert.deepEqual([messages, settled], [[], [{ type: 'readReady', read: 7, index: 1 }]])
  })

  it('"start + election timeout / clock drift bound": the lease is counted from when the round was sent, on the slowest clock', () => {
    const leader = leasing()
    const { electionTimeoutMinMs, clockDriftMax } = leader.options
    const end = leader.now + electionTimeoutMinMs * (1 - clockDriftMax)
    leader.wait(end - leader.now - 1)
    assert.equal(leaseRead(leader).settled.length, 1)
    leader.wait(1)
    assert.deepEqual(leaseRead(leader).settled, []) // It falls back to a round.
    assert.equal(settledBy(leader, 'b').length, 1)
  })

  it('an answer that comes late makes the lease no longer', () => {
    const leader = leasing()
    leader.wait(leader.options.heartbeatIntervalMs)
    const round = roundOf(leader)
    leader.wait(600)
    leader.receive('b', appendResponse({ term: 2, match: 1, round }))
    leader.wait(90)
    assert.deepEqual(leaseRead(leader).settled, [])
  })

  it('"the leader’s lease must not be used after" it has ordered another to campaign, for the rest of its term', () => {
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

  it('it is not used before an entry of the term is committed, nor when leases are off', () => {
    const fresh = leaderOf('a b c', { term: 4, log: '1', options: LEASES })
    assert.deepEqual(leaseRead(fresh).settled, [])
    const off = readyLeaderOf('a b c', { term: 2 })
    confirm(off, 'b')
    assert.deepEqual(leaseRead(off).settled, [])
  })

  it('a restarted node, that may have forgotten a leader whose lease still runs, does not vote at once', () => {
    const node = followerOf('a b c', { term: 2, leader: 'b', options: LEASES })
    assert.equal(node.state.timer.hasRecentLeaderContact(node.now), true)
    const restarted = followerOf('a b c', { term: 2, options: LEASES })
    assert.equal(restarted.state.timer.leaderContactAt, restarted.now)
  })

  it('alone, the lease never ends', () => {
    const leader = readyLeaderOf('a', { term: 2, options: LEASES })
    leader.wait(60_000)
    assert.equal(leaseRead(leader).settled[0]?.type, 'readReady')
  })
})

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

/** A peer answers the round under way. */
function confirm(leader: TestNode, peer: string): ReturnType<typeof acknowledgeAll> {
  return acknowledgeAll(leader, peer)
}

/** What is settled by a peer's answer to the round under way. */
function settledBy(leader: TestNode, peer: string): NodeOutput['settled'] {
  const { term, lastIndex } = leader.status
  const message = appendResponse({ term, match: lastIndex, round: roundOf(leader) })
  leader.step({ type: 'receive', from: peer, message })
  return leader.settle().settled
}

/** Its lease begins now. */
function leasing(): TestNode {
  const leader = readyLeaderOf('a b c', { term: 2, options: LEASES })
  leader.process({ type: 'read', read: 1, mode: 'quorum' })
  confirm(leader, 'b')
  return leader
}
