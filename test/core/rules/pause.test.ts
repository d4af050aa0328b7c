import assert from 'node:assert/strict'
import type { RaftEvent } from '../../../src/core/index.ts'
import { acknowledgeAll, appendRequest, followerOf, ofType, readyLeaderOf, type TestNode } from '../builders.ts'

describe('a node that was paused', () => {
  it('does not mistake its own pause for a silent leader', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    follower.now += 10_000
    const { events, messages } = follower.process({ type: 'timeout' })
    assert.deepEqual(
      events.map(({ type }) => type),
      ['paused'],
    )
    assert.deepEqual(messages, [])
    assert.equal(follower.status.role, 'follower')
    assert.ok(follower.state.timer.deadline >= follower.now + follower.options.electionTimeoutMinMs)
  })

  it('processes the received messages first', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    follower.now += 10_000
    follower.receive('b', appendRequest({ term: 2, prev: '0@0' }))
    assert.equal(follower.status.leader, 'b')
    assert.equal(follower.status.role, 'follower')
  })

  it('stays leader after less than an election timeout, and for one to make contact with its quorum', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.now = leader.effects.wakeAt + leader.options.electionTimeoutMinMs - 1
    const { messages } = leader.process({ type: 'timeout' })
    assert.equal(leader.status.role, 'leader')
    assert.equal(ofType('AppendEntriesRequest', messages).length, 2)
    leader.wait(leader.options.electionTimeoutMaxMs)
    assert.equal(leader.status.role, 'follower')
  })

  it('steps down after an election timeout: another node may lead by now', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    leader.now = leader.effects.wakeAt + leader.options.electionTimeoutMinMs
    const { events, messages } = leader.process({ type: 'timeout' })
    assert.deepEqual(
      events.filter(({ type }) => type === 'steppedDown'),
      [{ type: 'steppedDown', term: 2, reason: 'paused' }],
    )
    assert.deepEqual(messages, [])
  })

  it('stays leader, however long it was away, if it is the only voter', () => {
    const leader = readyLeaderOf('a +b', { term: 2 })
    leader.now += 10_000
    leader.process({ type: 'timeout' })
    assert.equal(leader.status.role, 'leader')
  })

  it('does not count the pause as time that its disk was stalled', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { storageStallMs: 500 } })
    leader.step({ type: 'propose', proposal: 1, count: 1, size: 1, checksum: 7, payload: undefined })
    leader.now = leader.effects.wakeAt + leader.options.electionTimeoutMinMs - 1
    leader.step({ type: 'timeout' })
    assert.equal(leader.status.role, 'leader')
  })

  it('tolerates a delay of pauseToleranceMs', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    follower.now = follower.effects.wakeAt + follower.options.pauseToleranceMs
    assert.deepEqual(follower.step({ type: 'timeout' }).events, [])
    follower.now = follower.effects.wakeAt + follower.options.pauseToleranceMs + 1
    assert.equal(follower.step({ type: 'timeout' }).events[0]?.type, 'paused')
  })
})

describe('a node that is stepped by a coarse clock', () => {
  /** The events of each of `steps` steps, `intervalMs` apart. */
  const eventsEvery = (node: TestNode, intervalMs: number, steps: number): readonly RaftEvent[] =>
    Array.from({ length: steps }, () => {
      node.now += intervalMs
      return node.process({ type: 'timeout' }).events
    }).flat()
  const countOf = (type: RaftEvent['type'], events: readonly RaftEvent[]): number =>
    events.filter((event) => event.type === type).length

  it('campaigns all the same, and says how coarse it is', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const events = eventsEvery(follower, 500, 240)
    assert.ok(countOf('electionTimedOut', events) > 50)
    assert.equal(countOf('paused', events), 2)
    assert.deepEqual(
      events.filter(({ type }) => type === 'clockCoarse'),
      [{ type: 'clockCoarse', intervalMs: 500, electionTimeoutMinMs: 750 }],
    )
  })

  it('steps down as leader without a quorum, and if its disk stalls', () => {
    const leader = readyLeaderOf('a b c', { term: 2, options: { storageStallMs: 4000 } })
    assert.equal(countOf('steppedDown', eventsEvery(leader, 500, 10)), 1)
    const alone = readyLeaderOf('a b c', { term: 2, options: { storageStallMs: 4000, checkQuorum: false } })
    alone.step({ type: 'propose', proposal: 1, count: 1, size: 1, checksum: 7, payload: undefined })
    for (let step = 0; step < 12; step++) {
      alone.now += 500
      alone.step({ type: 'timeout' })
    }
    assert.equal(alone.status.role, 'follower')
  })

  it('does so under a clock that is coarse and irregular', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const events = [500, 900, 600, 2000, 800, 1500, 500, 1900, 700].map((ms) => eventsEvery(follower, ms, 1))
    assert.ok(countOf('electionTimedOut', events.flat()) > 0)
  })

  it('still detects a pause', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    eventsEvery(follower, 500, 20)
    assert.deepEqual(
      eventsEvery(follower, 60_000, 1).map(({ type }) => type),
      ['paused'],
    )
  })

  it('takes single pauses for pauses, however many there are', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    for (let pause = 0; pause < 10; pause++) {
      assert.equal(countOf('paused', eventsEvery(follower, 3000, 1)), 1)
      for (let beat = 0; beat < 20; beat++) {
        follower.now += follower.options.heartbeatIntervalMs
        follower.receive('b', appendRequest({ term: 2, prev: '0@0' }))
      }
    }
  })
})

describe('an idle node', () => {
  it('requests wake-ups often enough to detect a pause', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    assert.ok(follower.effects.wakeAt - follower.now <= 2 * follower.options.heartbeatIntervalMs)
  })

  it('requests no wake-up if it may not campaign and nothing is pending', () => {
    const learner = followerOf('b c +a', { term: 2, leader: 'b' })
    assert.equal(learner.effects.wakeAt, Infinity)
  })

  it('sends no heartbeats in a single-node cluster', () => {
    const alone = readyLeaderOf('a', { term: 2 })
    assert.equal(alone.effects.wakeAt, Infinity)
  })

  it('sends a heartbeat in every interval as leader', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    const { heartbeatIntervalMs } = leader.options
    for (let beat = 0; beat < 5; beat++) {
      const { messages } = leader.wait(heartbeatIntervalMs)
      assert.equal(ofType('AppendEntriesRequest', messages).length, 2)
      acknowledgeAll(leader)
    }
  })
})
