import assert from 'node:assert/strict'
import type { Input, SnapshotInfo } from '../../src/core/index.ts'
import {
  acknowledgeAll,
  appendRejection,
  appendRequest,
  appendResponse,
  followerOf,
  leaderOf,
  membershipBlock,
  membershipOf,
  messagesTo,
  ofType,
  only,
  snapshotAt,
  snapshotRequest,
  snapshotResponse,
  type TestNode,
} from '../core/builders.ts'

const MEMBERS = membershipOf('a b c')
/** Nothing is kept behind a snapshot. */
const BARE = { trailingEntries: 0, trailingBytesMax: 0, laggardBytesMax: 0 }

describe('§7 Log compaction: taking a snapshot', () => {
  it('"each server takes snapshots independently, covering just the committed entries in its log"', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    const { persist } = follower.step(taken(follower, 2))
    assert.deepEqual([persist?.snapshot?.resetLog, persist?.compactTo, follower.log], [false, 2, '2'])
    assert.equal(follower.status.snapshotIndex, 2)
  })

  it('"the snapshot … includes … the last included index and term", and "the latest configuration in the log as of last included index"', () => {
    const membership = membershipOf('a b c d')
    const blocks = [membershipBlock(1, 1, MEMBERS), membershipBlock(2, 1, membership), membershipBlock(3, 2, MEMBERS)]
    const follower = followerOf('a b c', { term: 2, log: blocks, commit: 3 })
    assert.deepEqual(follower.raft.snapshotMetadata(2), { index: 2, term: 1, membership })
  })

  it('"to enable AppendEntries consistency checking for the first log entry following the snapshot"', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process(taken(follower, 2))
    const answers = follower.receive('b', appendRequest({ term: 2, prev: '2@1', entries: '2 2' }))
    assert.equal(only('AppendEntriesResponse', answers).isAccepted, true)
  })

  it('entries that are discarded here already are taken for known: they were committed', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process(taken(follower, 2))
    const answers = follower.receive('b', appendRequest({ term: 2, prev: '0@0', entries: '1 1 2 2' }))
    assert.deepEqual([only('AppendEntriesResponse', answers).index, follower.log], [4, '2 2'])
  })

  it('the hint of a rejection never lies below what is committed', () => {
    const follower = followerOf('', { term: 4, snapshot: snapshotAt('3@2', MEMBERS), log: '4' })
    const answer = only('AppendEntriesResponse', follower.receive('b', appendRequest({ term: 4, prev: '4@1' })))
    assert.deepEqual([answer.isAccepted, answer.hintIndex, answer.hintTerm], [false, 3, 2])
  })

  it('what is not applied yet is in no snapshot, and an older one replaces nothing', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process({ type: 'snapshotTaken', snapshot: snapshotAt('3@2', MEMBERS) })
    assert.equal(follower.status.snapshotIndex, 0)
    follower.process(taken(follower, 2))
    follower.process({ type: 'snapshotTaken', snapshot: snapshotAt('1@1', MEMBERS) })
    assert.equal(follower.status.snapshotIndex, 2)
  })

  it('our own: some entries are kept behind it for followers a little behind, bounded in entries …', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 1 1 2', commit: 5, options: { trailingEntries: 2 } })
    follower.process(taken(follower, 5))
    assert.equal(follower.status.firstIndex, 4)
  })

  it('… and in bytes', () => {
    const options = { trailingEntries: 99, trailingBytesMax: 25 }
    const follower = followerOf('a b c', { term: 2, log: '1 1 1 1 2', commit: 5, options })
    follower.process(taken(follower, 5))
    assert.equal(follower.status.firstIndex, 4)
  })

  it('our own: a leader keeps what a live follower still needs, if it is not too much', () => {
    for (const { laggardBytesMax, firstIndex } of [
      { laggardBytesMax: 1000, firstIndex: 3 },
      { laggardBytesMax: 19, firstIndex: 6 },
    ]) {
      const options = { trailingEntries: 0, laggardBytesMax }
      const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options })
      leader.receive('c', appendRejection({ term: 2, prev: 4, hint: '2@1' }))
      leader.receive('c', appendResponse({ term: 2, match: 2 }))
      acknowledgeAll(leader, 'b')
      leader.process(taken(leader, 5))
      assert.equal(leader.status.firstIndex, firstIndex)
    }
  })

  it('but nothing for one that has not been heard for an election timeout', () => {
    const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options: { trailingEntries: 0 } })
    leader.receive('c', appendRejection({ term: 2, prev: 4, hint: '2@1' }))
    leader.receive('c', appendResponse({ term: 2, match: 2 }))
    for (let beat = 0; beat < 16; beat++) {
      acknowledgeAll(leader, 'b')
      leader.wait(leader.options.heartbeatIntervalMs)
    }
    leader.process(taken(leader, 5))
    assert.equal(leader.status.firstIndex, 6)
  })
})

describe('§7 Log compaction: a leader that has discarded what a follower needs', () => {
  it('"the leader must occasionally send snapshots to followers that lag behind"; ours offers it, and the follower fetches the bytes', () => {
    const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options: BARE })
    acknowledgeAll(leader, 'c')
    const { messages } = leader.process(taken(leader, 5))
    const { snapshot } = only('InstallSnapshotRequest', messages)
    assert.deepEqual([snapshot.index, snapshot.term], [5, 2])
    assert.equal(leader.status.peers[0]?.state, 'snapshot')
  })

  it('offers it again with every heartbeat until it is answered', () => {
    const leader = offering()
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(messagesTo('b', { messages })[0]?.type, 'InstallSnapshotRequest')
  })

  it('sends what follows the snapshot once it is installed', () => {
    const leader = offering()
    const messages = leader.receive('b', snapshotResponse({ term: 2, outcome: 'installed', index: 5 }))
    const { prevIndex, blocks } = only('AppendEntriesRequest', messages)
    assert.deepEqual([prevIndex, blocks.length], [5, 1])
    assert.equal(leader.status.peers[0]?.matchIndex, 5)
  })

  it('waits while it is being fetched, and counts the answer as contact', () => {
    const leader = offering()
    leader.wait(500)
    assert.deepEqual(leader.receive('b', snapshotResponse({ term: 2, outcome: 'fetching' })), [])
    assert.deepEqual([leader.status.peers[0]?.state, leader.status.peers[0]?.silentMs], ['snapshot', 0])
  })

  it('a snapshot that could not be had is offered again with the next heartbeat, and a newer one is wanted', () => {
    const leader = offering()
    leader.step({ type: 'receive', from: 'b', message: snapshotResponse({ term: 2, outcome: 'failed' }) })
    assert.equal(leader.effects.takeSnapshot, true)
    assert.deepEqual(ofType('InstallSnapshotRequest', leader.settle().messages), [])
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(messagesTo('b', { messages })[0]?.type, 'InstallSnapshotRequest')
  })

  it('a follower that catches up by itself meanwhile needs no snapshot any more', () => {
    const leader = offering()
    leader.receive('b', appendResponse({ term: 2, match: 6 }))
    assert.deepEqual([leader.status.peers[0]?.state, leader.status.peers[0]?.matchIndex], ['probe', 6])
  })
})

describe('§7 Log compaction: receiving a snapshot', () => {
  it('"usually the snapshot will contain new information …; the follower discards its entire log" once it is fetched', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1', commit: 1, leader: 'b' })
    const snapshot = snapshotAt('9@2', membershipOf('a b d'))
    const offer = { type: 'receive', from: 'b', message: snapshotRequest({ term: 2, snapshot, round: 3 }) } as const
    const { fetch, send } = follower.step(offer)
    assert.deepEqual(fetch, { from: 'b', snapshot })
    assert.deepEqual(send, [{ to: 'b', message: snapshotResponse({ term: 2, outcome: 'fetching', round: 3 }) }])
    const { install, persist } = follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([install, persist?.snapshot], [snapshot, { info: snapshot, resetLog: true }])
    follower.settle()
    const { lastIndex, commitIndex, appliedIndex, membership } = follower.status
    assert.deepEqual([lastIndex, commitIndex, appliedIndex, membership], [9, 9, 9, snapshot.membership])
  })

  it('it is acknowledged only once it is on disk', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.step({ type: 'snapshotFetched', snapshot })
    const again = { type: 'receive', from: 'b', message: snapshotRequest({ term: 2, snapshot }) } as const
    assert.deepEqual(follower.step(again).send, [])
    assert.equal(only('InstallSnapshotResponse', follower.settle().messages).index, 9)
  })

  it('an AppendEntries that follows the snapshot is not acknowledged before it either', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual(
      follower.step({ type: 'receive', from: 'b', message: appendRequest({ term: 2, prev: '9@2' }) }).send,
      [],
    )
  })

  it('"if … the follower receives a snapshot that describes a prefix of its log, then … entries following the snapshot are still valid and must be retained"', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2 2', leader: 'b' })
    const answers = follower.receive('b', snapshotRequest({ term: 2, snapshot: snapshotAt('2@1', MEMBERS) }))
    assert.equal(only('InstallSnapshotResponse', answers).outcome, 'installed')
    assert.deepEqual([follower.log, follower.status.commitIndex, follower.effects.fetch], ['1 1 2 2', 2, undefined])
  })

  it('but entries of the same indexes and other terms go with the log', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 1 2 2 2', commit: 1, leader: 'b' })
    const snapshot = snapshotAt('4@3', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 3, snapshot }))
    follower.process({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([follower.status.lastIndex, follower.status.lastTerm], [4, 3])
  })

  it('a write under way makes nothing durable of the log that the snapshot replaces', () => {
    const follower = followerOf('a b c', { term: 3, log: '1', commit: 1, leader: 'b' })
    const append = appendRequest({ term: 3, prev: '1@1', entries: '2 2 2 2' })
    const earlier = follower.step({ type: 'receive', from: 'b', message: append }).persist?.number as number
    const snapshot = snapshotAt('4@3', MEMBERS)
    follower.step({ type: 'receive', from: 'b', message: snapshotRequest({ term: 3, snapshot }) })
    follower.step({ type: 'snapshotFetched', snapshot })
    follower.step({ type: 'persisted', number: earlier })
    assert.equal(follower.status.persistedIndex, 1)
  })

  it('a snapshot that the log overtook while it was fetched is not installed', () => {
    const follower = followerOf('a b c', { term: 2, log: '1', leader: 'b' })
    const snapshot = snapshotAt('3@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.receive('b', appendRequest({ term: 2, prev: '1@1', entries: '2 2 2', commit: 2 }))
    const { install } = follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([install, follower.log, follower.status.commitIndex], [undefined, '1 2 2 2', 3])
  })

  it('an offer repeated is not fetched twice; one by another leader is fetched from there', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    const offer = (from: string, term: number): Input => ({
      type: 'receive',
      from,
      message: snapshotRequest({ term, snapshot }),
    })
    assert.equal(follower.step(offer('b', 2)).fetch?.from, 'b')
    assert.equal(follower.step(offer('b', 2)).fetch, undefined)
    assert.equal(follower.step(offer('c', 3)).fetch?.from, 'c')
  })

  it('a snapshot that cannot be had is told to whoever offered it', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot, session: 4 }))
    const { messages } = follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' })
    assert.deepEqual(messages, [{ to: 'b', message: snapshotResponse({ term: 2, outcome: 'failed', session: 4 }) }])
  })

  it('a snapshot nobody waits for any more changes nothing', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b', log: '1' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    assert.equal(follower.step({ type: 'snapshotFetched', snapshot }).install, undefined)
    assert.deepEqual(follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' }).messages, [])
    assert.equal(follower.log, '1')
  })

  it('a restarted node first restores its snapshot, then applies what follows', () => {
    const node = followerOf('', { term: 2, snapshot: snapshotAt('5@1', MEMBERS), log: '1 2', commit: 6 })
    assert.deepEqual([node.status.appliedIndex, node.status.membership], [6, MEMBERS])
  })

  it('it may be elected with nothing but a snapshot, and its last entry is then the one the snapshot ends with', () => {
    const node = followerOf('', { term: 2, snapshot: snapshotAt('5@2', MEMBERS), options: { preVote: false } })
    const { lastIndex, lastTerm } = ofType('RequestVoteRequest', node.timeOut().messages)[0] ?? {}
    assert.deepEqual([lastIndex, lastTerm], [5, 2])
  })
})

describe('§7 Log compaction: both of them', () => {
  it('bring up a follower that has nothing', () => {
    const leader = offering()
    const follower = followerOf('a b c', { id: 'b', term: 2 })
    let messages = messagesTo('b', leader.wait(leader.options.heartbeatIntervalMs))
    for (let exchange = 0; exchange < 8 && follower.status.lastIndex < 6; exchange++) {
      const answers = follower.receive('a', ...messages).map(({ message }) => message)
      const { snapshotFetch } = follower.state
      if (snapshotFetch !== undefined) follower.process({ type: 'snapshotFetched', snapshot: snapshotFetch.snapshot })
      const told = [...leader.receive('b', ...answers), ...leader.wait(100).messages]
      messages = messagesTo('b', { messages: told })
    }
    assert.deepEqual([follower.status.lastIndex, follower.status.snapshotIndex], [6, 5])
  })
})

/** What the runtime says when a snapshot of the state machine at `index` is a file. */
function taken({ raft }: TestNode, index: number): Input {
  const snapshot: SnapshotInfo = { id: `own-${index}`, size: 100, ...raft.snapshotMetadata(index) }
  return { type: 'snapshotTaken', snapshot }
}

/** Its log begins after its snapshot at 5, which it has offered to b; 6 follows. */
function offering(): TestNode {
  const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options: BARE })
  acknowledgeAll(leader, 'c')
  leader.process(taken(leader, 5))
  leader.propose()
  return leader
}
