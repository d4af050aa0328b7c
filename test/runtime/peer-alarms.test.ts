import assert from 'node:assert/strict'
import type { RaftEvent } from '../../src/core/events.ts'
import { PeerAlarms } from '../../src/runtime/peer-alarms.ts'
import { membershipOf } from '../core/builders.ts'

describe('the alarms of a leader about its followers', () => {
  const stalled = (peer: string): RaftEvent => ({ type: 'snapshotStalled', peer, freeBytes: 1, neededBytes: 2 })
  let raised: Set<string>
  let alarms: PeerAlarms

  beforeEach(() => {
    raised = new Set()
    alarms = new PeerAlarms({
      raise: ({ code, peer }) => raised.add(`${code} ${peer}`),
      clear: (code, peer) => raised.delete(`${code} ${peer}`),
    })
    for (const peer of ['b', 'c']) alarms.onEvent(stalled(peer))
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE b', 'SNAPSHOT_NO_SPACE c'])
  })

  it('end once the follower no longer waits for space', () => {
    alarms.onEvent({ type: 'snapshotResumed', peer: 'b' })
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE c'])
  })

  it('end when the follower is removed', () => {
    alarms.onEvent({ type: 'membershipCommitted', index: 9, membership: membershipOf('a b') })
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE b'])
  })

  it('end when the leader steps down: the next leader raises them', () => {
    alarms.onEvent({ type: 'steppedDown', term: 2, reason: 'higher-term' })
    assert.deepEqual([...raised], [])
  })
})
