import assert from 'node:assert/strict'
import { acknowledgeAll, leaderOf, readyLeaderOf, type TestNode } from '../core/builders.ts'

describe('thesis §6.2 Finding the cluster leader: check quorum', () => {
  // "A leader … steps down if an election timeout elapses without a successful round of heartbeats to a majority of its cluster."
  it('a leader without contact with a majority for an election timeout steps down', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { events } = leader.wait(leader.options.electionTimeoutMaxMs + leader.options.heartbeatIntervalMs)
    assert.deepEqual([leader.status.role, leader.status.term, leader.status.leader], ['follower', 2, undefined])
    assert.ok(events.some((event) => event.type === 'steppedDown' && event.reason === 'lost-quorum'))
  })

  it('a leader in contact with a majority, itself included, stays leader', () => {
    const leader = readyLeaderOf('a b c d e', { term: 2 })
    beats(leader, 50, ['b', 'd'])
    assert.equal(leader.status.role, 'leader')
  })

  it('a leader in contact with a minority or with learners only steps down', () => {
    for (const responding of [['b'], ['f', 'g']]) {
      const leader = readyLeaderOf('a b c d e +f +g', { term: 2 })
      beats(leader, 20, responding)
      assert.equal(leader.status.role, 'follower')
    }
  })

  it('a leader of a joint membership needs contact with a majority of both halves', () => {
    for (const { responding, role } of [
      { responding: ['b'], role: 'follower' },
      { responding: ['b', 'd'], role: 'leader' },
    ]) {
      const leader = leaderOf('a d e & a b c', { term: 2 })
      beats(leader, 20, responding)
      assert.equal(leader.status.role, role)
    }
  })

  it('a leader of a single-node cluster stays leader', () => {
    const leader = readyLeaderOf('a', { term: 2 })
    leader.wait(60_000)
    assert.equal(leader.status.role, 'leader')
  })

  it('a new leader has an election timeout to make contact with a majority', () => {
    const leader = leaderOf('a b c', { term: 2 })
    leader.wait(leader.options.electionTimeoutMaxMs - 1)
    assert.equal(leader.status.role, 'leader')
  })

  it('a leader without checkQuorum stays leader', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { checkQuorum: false } })
    leader.wait(60_000)
    assert.equal(leader.status.role, 'leader')
  })

  // "This allows clients to retry their requests with another server."
  it('a leader that steps down settles every pending request', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.process({ type: 'read', read: 7, mode: 'quorum' })
    leader.process({ type: 'changeMembership', request: 8, change: { remove: ['c'] } })
    const { settled } = leader.wait(2 * leader.options.electionTimeoutMaxMs)
    assert.deepEqual(settled.map(({ type }) => type).sort(), ['changeUnknown', 'readRejected'])
  })

  // Not in the paper.
  it('a leader whose disk stalls steps down although its followers respond', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.step({ type: 'propose', proposal: 1, count: 1, size: 1, checksum: 7, payload: undefined })
    for (let beat = 0; beat <= 51; beat++) {
      leader.now += 100
      leader.step({ type: 'timeout' }, ...answers(leader))
    }
    assert.equal(leader.status.role, 'follower')
    assert.ok(
      leader.settle().events.some((event) => event.type === 'steppedDown' && event.reason === 'storage-stalled'),
    )
  })
})

/** Passes heartbeat intervals in which only the given peers respond. */
function beats(leader: TestNode, count: number, responding: readonly string[]): void {
  for (let beat = 0; beat < count && leader.status.role === 'leader'; beat++) {
    leader.wait(leader.options.heartbeatIntervalMs)
    if (leader.status.role === 'leader') acknowledgeAll(leader, ...responding)
  }
}

/** Responses from b and c, while no write of the leader completes. */
function answers({ state }: TestNode) {
  const { term, log } = state
  const rest = { isAccepted: true, hintIndex: 0, hintTerm: 0, chain: undefined, round: 0, session: 0 }
  const message = { type: 'AppendEntriesResponse', term, index: log.lastIndex, ...rest } as const
  return ['b', 'c'].map((from) => ({ type: 'receive', from, message }) as const)
}
