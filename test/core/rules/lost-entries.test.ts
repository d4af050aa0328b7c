import assert from 'node:assert/strict'
import { memberOf } from '../../../src/core/membership/membership.ts'
import {
  acknowledgeAll,
  appendRejection,
  appendResponse,
  readyLeaderOf,
  snapshotResponse,
  type TestNode,
} from '../builders.ts'

describe('a leader whose follower has acknowledged entries up to 2', () => {
  it('learns that they are lost from a rejection of a request that it sent later', () => {
    const leader = provenLeader()
    const events = reject(leader, 'b', 2)
    assert.deepEqual(events, [{ type: 'acknowledgementLost', peer: 'b', acknowledged: 2, missing: 2 }])
    assert.deepEqual(reject(leader, 'b', 2), [])
  })

  it('learns nothing from late or duplicate rejections of earlier requests', () => {
    const leader = provenLeader()
    const current = roundOf(leader)
    for (let round = 0; round < current; round++) assert.deepEqual(reject(leader, 'b', 2, round), [])
    assert.deepEqual(reject(leader, 'b', 3), [])
    assert.deepEqual(reject(leader, 'b', 2, current, 9), [], 'of another session')
  })

  it('learns nothing from a rejection in the round in which the acknowledgement arrived', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.propose()
    acknowledgeAll(leader, 'b')
    assert.deepEqual(reject(leader, 'b', 2), [])
  })

  it('learns from the end of the log of a follower that fetches a snapshot', () => {
    const leader = provenLeader()
    const round = roundOf(leader)
    const answer = (index: number, late = 0): readonly string[] => {
      const message = snapshotResponse({ term: 2, outcome: 'fetching', index, round: round - late })
      return leader.process({ type: 'receive', from: 'b', message }).events.map(({ type }) => type)
    }
    assert.deepEqual(answer(2), [])
    assert.deepEqual(answer(1, round), [])
    assert.deepEqual(answer(0), [], 'a build that does not report it')
    assert.ok(answer(1).includes('acknowledgementLost'))
  })

  it('no longer counts the follower towards commitment', () => {
    const leader = provenLeader()
    leader.propose()
    reject(leader, 'b', 2)
    leader.receive('b', appendResponse({ term: 2, match: 3, round: roundOf(leader) }))
    assert.equal(leader.status.commitIndex, 2)
    acknowledgeAll(leader, 'c')
    assert.equal(leader.status.commitIndex, leader.status.lastIndex)
  })

  it('no longer counts the follower towards a heartbeat round or its own leadership', () => {
    const leader = provenLeader()
    reject(leader, 'b', 2)
    leader.process({ type: 'read', read: 1, mode: 'quorum' })
    const answered = appendResponse({ term: 2, match: 2, round: roundOf(leader) })
    assert.deepEqual(leader.process({ type: 'receive', from: 'b', message: answered }).settled, [])
    const { settled } = leader.process({ type: 'receive', from: 'c', message: answered })
    assert.deepEqual(settled, [{ type: 'readReady', read: 1, index: 2 }])
    const { events } = leader.wait(2 * leader.options.electionTimeoutMaxMs)
    assert.ok(events.some((event) => event.type === 'steppedDown' && event.reason === 'lost-quorum'))
  })

  it('no longer sends to it or transfers leadership to it, and reports it', () => {
    const leader = provenLeader()
    reject(leader, 'b', 2)
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.deepEqual(
      messages.map(({ to }) => to),
      ['c'],
    )
    const { settled } = leader.process({ type: 'transfer', request: 1, to: 'b' })
    assert.equal(settled[0]?.type, 'transferRejected')
    const [b, c] = leader.status.peers
    assert.deepEqual([b?.hasLostEntries, b?.matchIndex, b?.isReplicating], [true, 0, false])
    assert.equal(c?.hasLostEntries, false)
  })

  it('records the loss in the membership, for the leaders after it', () => {
    const leader = provenLeader()
    reject(leader, 'b', 2)
    assert.equal(memberOf(leader.status.membership, 'b')?.hasLostEntries, true)
    assert.equal(memberOf(leader.status.membership, 'c')?.hasLostEntries, undefined)
    assert.equal(leader.status.lastIndex, 3)
  })

  it('counts it again once it was removed and added again', () => {
    const leader = provenLeader()
    reject(leader, 'b', 2)
    acknowledgeAll(leader, 'c')
    leader.process({ type: 'changeMembership', request: 1, change: { remove: ['b'] } })
    acknowledgeAll(leader, 'c')
    leader.process({ type: 'changeMembership', request: 2, change: { add: [{ id: 'b', address: 'b:2' }] } })
    acknowledgeAll(leader, 'c')
    const again = leader.status.peers.find(({ id }) => id === 'b')
    assert.equal(again?.hasLostEntries, false)
    assert.equal(memberOf(leader.status.membership, 'b')?.hasLostEntries, undefined)
  })
})

/** A leader of term 2 whose followers have acknowledged its entries 1 and 2 before its current heartbeat round. */
function provenLeader(): TestNode {
  const leader = readyLeaderOf('a b c', { term: 2 })
  leader.propose()
  acknowledgeAll(leader)
  leader.wait(leader.options.heartbeatIntervalMs)
  acknowledgeAll(leader)
  return leader
}

/** Rejects the entry at `prev`, and returns the events about lost entries. */
function reject(leader: TestNode, from: string, prev: number, round = roundOf(leader), session = 0): readonly object[] {
  const message = appendRejection({ term: 2, prev, hint: '1@2', round, session })
  const { events } = leader.process({ type: 'receive', from, message })
  return events.filter(({ type }) => type === 'acknowledgementLost')
}

function roundOf({ state }: TestNode): number {
  return state.role.type === 'leader' ? state.role.rounds.current : 0
}
