import assert from 'node:assert/strict'
import type { RaftEvent } from '../../../src/core/events.ts'
import { PeerAlarms } from '../../../src/runtime/health/peer-alarms.ts'
import { membershipOf } from '../../core/builders.ts'

describe('the alarm about a peer that claims too high terms', () => {
  it('ends a minute after the last such term, and is raised for a few peers at most', () => {
    const raised = new Set<string>()
    const timers: { readonly at: number; readonly callback: () => void; isCancelled: boolean }[] = []
    let now = 0
    const alarms = new PeerAlarms(
      {
        raise: ({ code, peer }) => raised.add(`${code} ${peer}`),
        clear: (code, peer) => raised.delete(`${code} ${peer}`),
      },
      {
        now: () => now,
        defer: (callback) => callback(),
        wakeAt: (at, callback) => {
          const timer = { at, callback, isCancelled: false }
          timers.push(timer)
          return {
            cancel: () => {
              timer.isCancelled = true
            },
          }
        },
      },
    )
    const runUntil = (time: number): void => {
      now = time
      for (const timer of timers.splice(0)) {
        if (timer.isCancelled) continue
        if (timer.at <= now) timer.callback()
        else timers.push(timer)
      }
    }
    const jump = (from: string): void =>
      alarms.onEvent({ type: 'termJumpLimited', from, claimed: 2 ** 52, term: 2 ** 20 })
    jump('b')
    assert.deepEqual([...raised], ['TERM_JUMP b'])
    now = 50_000
    jump('b')
    runUntil(60_000)
    assert.deepEqual([...raised], ['TERM_JUMP b'])
    runUntil(110_000)
    assert.deepEqual([...raised], [])
    for (let peer = 0; peer < 100; peer++) jump(`p${peer}`)
    assert.equal(raised.size, 16)
  })
})

describe('the alarms of a leader about its followers', () => {
  const stalled = (peer: string): RaftEvent => ({ type: 'snapshotStalled', peer, freeBytes: 1, neededBytes: 2 })
  let raised: Set<string>
  let alarms: PeerAlarms

  beforeEach(() => {
    raised = new Set()
    alarms = new PeerAlarms(
      {
        raise: ({ code, peer }) => raised.add(`${code} ${peer}`),
        clear: (code, peer) => raised.delete(`${code} ${peer}`),
      },
      { now: () => 0, defer: () => undefined, wakeAt: () => ({ cancel: () => undefined }) },
    )
    for (const peer of ['b', 'c']) alarms.onEvent(stalled(peer))
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE b', 'SNAPSHOT_NO_SPACE c'])
  })

  it('end once the follower no longer waits for space', () => {
    alarms.onEvent({ type: 'snapshotResumed', peer: 'b' })
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE c'])
  })

  it('are raised while the follower fails to fetch a snapshot, beside other ones', () => {
    alarms.onEvent({ type: 'snapshotFetchFailing', peer: 'c', attempts: 3 })
    alarms.onEvent({ type: 'snapshotResumed', peer: 'c' })
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE b', 'SNAPSHOT_FETCH_FAILING c'])
    alarms.onEvent({ type: 'snapshotFetchRecovered', peer: 'c' })
    assert.deepEqual([...raised], ['SNAPSHOT_NO_SPACE b'])
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
