import assert from 'node:assert/strict'
import type { StateDigest } from '../../../src/core/types.ts'
import { appendRequest, appendResponse, followerOf, readyLeaderOf, type TestNode } from '../builders.ts'

const digestOf = (index: number, value: number, kind = 0): StateDigest => ({ index, kind, value })

describe('a leader whose state machine has digest 7 after entry 8', () => {
  it('reports a follower with another one, and names the state of the quorum to it', () => {
    const leader = leaderWith(7)
    assert.deepEqual(reported(leader, 'b', digestOf(8, 9)), [{ type: 'stateDiffers', peer: 'b', index: 8 }])
    assert.equal(sentTo(leader, 'b'), undefined)
    assert.deepEqual(reported(leader, 'c', digestOf(8, 7)), [])
    assert.deepEqual(sentTo(leader, 'b'), digestOf(8, 7))
    assert.equal(sentTo(leader, 'c'), undefined)
  })

  it('stops if a quorum has another one', () => {
    const leader = leaderWith(7)
    reported(leader, 'b', digestOf(8, 9))
    assert.deepEqual(
      reported(leader, 'c', digestOf(8, 9)).map(({ type }) => type),
      ['steppedDown', 'becameFollower', 'leaderChanged', 'otherState'],
    )
    assert.match(leader.status.stopped ?? '', /another state after entry 8/)
  })

  it('continues, and so do the others, if every node has another one', () => {
    const leader = leaderWith(7)
    reported(leader, 'b', digestOf(8, 9))
    assert.deepEqual(reported(leader, 'c', digestOf(8, 10)), [{ type: 'stateDiffers', peer: 'c', index: 8 }])
    for (const peer of ['b', 'c']) assert.equal(sentTo(leader, peer), undefined)
    assert.equal(leader.status.role, 'leader')
  })

  it('compares once it has applied as much as the follower', () => {
    const leader = readyLeaderOf('a b c', { term: 2 })
    assert.deepEqual(reported(leader, 'b', digestOf(8, 9)), [])
    assert.deepEqual(digested(leader, digestOf(8, 7)), [{ type: 'stateDiffers', peer: 'b', index: 8 }])
  })

  it('reports when a follower that has restarted has the same state again', () => {
    const leader = leaderWith(7)
    reported(leader, 'b', digestOf(8, 9))
    assert.deepEqual(reported(leader, 'b', digestOf(8, 9)), [])
    assert.deepEqual(reported(leader, 'b', digestOf(8, 7)), [{ type: 'stateAgrees', peer: 'b' }])
  })

  it('draws nothing from other indexes and digests of another kind', () => {
    const leader = leaderWith(7)
    assert.deepEqual(reported(leader, 'b', digestOf(4, 9)), [])
    assert.deepEqual(reported(leader, 'b', digestOf(8, 9, 1)), [])
    assert.deepEqual(reported(leader, 'c', digestOf(8, 9, 1)), [])
    assert.equal(leader.status.stopped, undefined)
  })
})

describe('a follower', () => {
  it('reports the latest digest of its state machine with every acknowledgement', () => {
    const follower = followerOf('a b c', { log: '1 1', term: 1 })
    follower.process({ type: 'digested', digest: digestOf(4, 1) })
    follower.process({ type: 'digested', digest: digestOf(8, 2) })
    const message = appendRequest({ term: 1, prev: '2@1' })
    const { messages } = follower.process({ type: 'receive', from: 'b', message })
    assert.deepEqual(
      messages.map(({ message: answer }) => answer.type === 'AppendEntriesResponse' && answer.digest),
      [digestOf(8, 2)],
    )
  })

  for (const [what, digest, isStopped] of [
    ['another state than a quorum', digestOf(4, 9), true],
    ['the same state as a quorum', digestOf(4, 1), false],
    ['a digest of another kind', digestOf(4, 9, 5), false],
    ['no digest at that index', digestOf(5, 9), false],
  ] as const)
    it(`${isStopped ? 'stops' : 'continues'} if it has ${what}`, () => {
      const follower = followerOf('a b c', { log: '1 1', term: 1 })
      follower.process({ type: 'digested', digest: digestOf(4, 1) })
      const message = { ...appendRequest({ term: 1, prev: '2@1' }), digestOfQuorum: digest }
      const { events } = follower.process({ type: 'receive', from: 'b', message })
      const stops = events.filter(({ type }) => type === 'otherState')
      assert.deepEqual(stops, isStopped ? [{ type: 'otherState', index: 4, leader: 'b' }] : [])
      assert.equal(follower.status.stopped !== undefined, isStopped)
    })
})

function leaderWith(value: number): TestNode {
  const leader = readyLeaderOf('a b c', { term: 2 })
  assert.deepEqual(digested(leader, digestOf(8, value)), [])
  return leader
}

function digested(node: TestNode, digest: StateDigest): readonly unknown[] {
  return node.process({ type: 'digested', digest }).events
}

function reported(leader: TestNode, from: string, digest: StateDigest): readonly { readonly type: string }[] {
  const match = leader.status.lastIndex
  const message = { ...appendResponse({ term: 2, match }), digest }
  return leader.process({ type: 'receive', from, message }).events
}

/** The state of a quorum that the next heartbeat names to a peer. */
function sentTo(leader: TestNode, peer: string): StateDigest | undefined {
  const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
  const message = messages.find(({ to }) => to === peer)?.message
  assert.ok(message?.type === 'AppendEntriesRequest')
  return message.digestOfQuorum
}
