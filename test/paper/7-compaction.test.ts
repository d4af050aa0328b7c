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
/** Keep no entries before a snapshot. */
const BARE = { trailingEntries: 0, trailingBytesMax: 0, laggardBytesMax: 0 }

describe('§7 Log compaction: taking a snapshot', () => {
  // "Each server takes snapshots independently, covering just the committed entries in its log."
  it('a follower compacts its log after its own snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    const { persist } = follower.step(taken(follower, 2))
    assert.deepEqual([persist?.snapshot?.resetLog, persist?.compactTo, follower.log], [false, 2, '2'])
    assert.equal(follower.status.snapshotIndex, 2)
  })

  // "The snapshot … includes … the last included index and term", and "the latest configuration in the log as of last included index".
  it('snapshot metadata contains the index, the term and the membership at that index', () => {
    const membership = membershipOf('a b c d')
    const blocks = [membershipBlock(1, 1, MEMBERS), membershipBlock(2, 1, membership), membershipBlock(3, 2, MEMBERS)]
    const follower = followerOf('a b c', { term: 2, log: blocks, commit: 3 })
    assert.deepEqual(follower.raft.snapshotMetadata(2), {
      index: 2,
      term: 1,
      chain: follower.state.log.chainAt(2),
      membership,
    })
  })

  // "… to enable AppendEntries consistency checking for the first log entry following the snapshot."
  it('a follower accepts entries that follow its snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process(taken(follower, 2))
    const answers = follower.receive('b', appendRequest({ term: 2, prev: '2@1', entries: '2 2' }))
    assert.equal(only('AppendEntriesResponse', answers).isAccepted, true)
  })

  // They were committed.
  it('a follower skips entries that it has compacted', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process(taken(follower, 2))
    const answers = follower.receive('b', appendRequest({ term: 2, prev: '0@0', entries: '1 1 2 2' }))
    assert.deepEqual([only('AppendEntriesResponse', answers).index, follower.log], [4, '2 2'])
  })

  it('a follower never hints below its commit index', () => {
    const follower = followerOf('', { term: 4, snapshot: snapshotAt('3@2', MEMBERS), log: '4' })
    const answer = only('AppendEntriesResponse', follower.receive('b', appendRequest({ term: 4, prev: '4@1' })))
    assert.deepEqual([answer.isAccepted, answer.hintIndex, answer.hintTerm], [false, 3, 2])
  })

  it('a node that has not heard that a snapshot’s entries are applied learns it from the snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', options: BARE, leader: 'b' })
    follower.step({ type: 'receive', from: 'b', message: appendRequest({ term: 2, prev: '3@2', commit: 2 }) })
    assert.equal(follower.status.appliedIndex, 0)
    const { persist } = follower.step(taken(follower, 2))
    assert.deepEqual([persist?.snapshot?.info.index, follower.status.appliedIndex], [2, 2])
  })

  it('a node ignores a snapshot that is older than its newest one', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2', commit: 2, options: BARE })
    follower.process(taken(follower, 2))
    follower.process({ type: 'snapshotTaken', snapshot: snapshotAt('1@1', MEMBERS) })
    assert.equal(follower.status.snapshotIndex, 2)
  })

  // Not in the paper: a slightly lagging follower then needs no snapshot.
  it('a node keeps trailingEntries entries before a snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 1 1 2', commit: 5, options: { trailingEntries: 2 } })
    follower.process(taken(follower, 5))
    assert.equal(follower.status.firstIndex, 4)
  })

  it('a node keeps at most trailingBytesMax bytes before a snapshot', () => {
    const options = { trailingEntries: 99, trailingBytesMax: 25 }
    const follower = followerOf('a b c', { term: 2, log: '1 1 1 1 2', commit: 5, options })
    follower.process(taken(follower, 5))
    assert.equal(follower.status.firstIndex, 4)
  })

  // Not in the paper.
  it('a leader keeps entries that a responding follower needs, up to laggardBytesMax', () => {
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

  it('a leader keeps no entries for a follower that has not responded for an election timeout', () => {
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

describe('§7 Log compaction: sending a snapshot', () => {
  // "The leader must occasionally send snapshots to followers that lag behind." Here it offers the snapshot, and the follower fetches the bytes.
  it('a leader offers its snapshot to a follower that needs compacted entries', () => {
    const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options: BARE })
    acknowledgeAll(leader, 'c')
    const { messages } = leader.process(taken(leader, 5))
    const { snapshot } = only('InstallSnapshotRequest', messages)
    assert.deepEqual([snapshot.index, snapshot.term], [5, 2])
    assert.equal(leader.status.peers[0]?.state, 'snapshot')
  })

  it('a leader repeats the offer with every heartbeat until the follower responds', () => {
    const leader = offering()
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(messagesTo('b', { messages })[0]?.type, 'InstallSnapshotRequest')
  })

  it('a leader sends the entries after the snapshot once it is installed', () => {
    const leader = offering()
    const messages = leader.receive('b', snapshotResponse({ term: 2, outcome: 'installed', index: 5 }))
    const { prevIndex, blocks } = only('AppendEntriesRequest', messages)
    assert.deepEqual([prevIndex, blocks.length], [5, 1])
    assert.equal(leader.status.peers[0]?.matchIndex, 5)
  })

  it('a leader waits while the follower fetches the snapshot, and counts the response as contact', () => {
    const leader = offering()
    leader.wait(500)
    assert.deepEqual(leader.receive('b', snapshotResponse({ term: 2, outcome: 'fetching' })), [])
    assert.deepEqual([leader.status.peers[0]?.state, leader.status.peers[0]?.silentMs], ['snapshot', 0])
  })

  it('a leader reports once that the snapshot does not fit on the follower, and once that it no longer waits for space', () => {
    const leader = offering()
    const shortage = { freeBytes: 1, neededBytes: 2 }
    const fetching = { term: 2, outcome: 'fetching' } as const
    const events = [{ ...fetching, shortage }, { ...fetching, shortage }, fetching].map((fields) =>
      leader.process({ type: 'receive', from: 'b', message: snapshotResponse(fields) }).events.map(({ type }) => type),
    )
    assert.deepEqual(events, [['snapshotStalled'], [], ['snapshotResumed']])
  })

  it('a leader reports that the follower fails to fetch the snapshot, until it succeeds or needs none', () => {
    const fetching = { term: 2, outcome: 'fetching' } as const
    for (const end of [fetching, { term: 2, outcome: 'installed', index: 6 } as const, 'accepted'] as const) {
      const leader = offering()
      const answers = [
        { ...fetching, failedFetches: 3 },
        { ...fetching, failedFetches: 3 },
        { ...fetching, failedFetches: 4 },
      ]
      const messages = [
        ...answers.map((fields) => snapshotResponse(fields)),
        end === 'accepted' ? appendResponse({ term: 2, match: 6 }) : snapshotResponse(end),
      ]
      const events = messages.flatMap((message) => leader.process({ type: 'receive', from: 'b', message }).events)
      assert.deepEqual(
        events.flatMap((event) => (event.type === 'snapshotFetchFailing' ? event.attempts : event.type)).slice(0, 3),
        [3, 4, 'snapshotFetchRecovered'],
      )
    }
  })

  it('a leader whose snapshot could not be fetched takes a new one, and repeats its offer with the next heartbeat', () => {
    const leader = offering()
    leader.step({ type: 'receive', from: 'b', message: snapshotResponse({ term: 2, outcome: 'failed' }) })
    assert.equal(leader.effects.takeSnapshot, true)
    assert.deepEqual(ofType('InstallSnapshotRequest', leader.settle().messages), [])
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(messagesTo('b', { messages })[0]?.type, 'InstallSnapshotRequest')
  })

  it('a leader returns to probing a follower that caught up without the snapshot', () => {
    const leader = offering()
    leader.receive('b', appendResponse({ term: 2, match: 6 }))
    assert.deepEqual([leader.status.peers[0]?.state, leader.status.peers[0]?.matchIndex], ['probe', 6])
  })
})

describe('§7 Log compaction: receiving a snapshot', () => {
  // "Usually the snapshot will contain new information …; the follower discards its entire log."
  it('a follower replaces its log with a fetched snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1', commit: 1, leader: 'b' })
    const snapshot = snapshotAt('9@2', membershipOf('a b d'))
    const offer = { type: 'receive', from: 'b', message: snapshotRequest({ term: 2, snapshot, round: 3 }) } as const
    const { fetch, send } = follower.step(offer)
    assert.deepEqual(fetch, { from: 'b', leader: 'b', snapshot })
    assert.deepEqual(send, [
      { to: 'b', message: snapshotResponse({ term: 2, outcome: 'fetching', index: 2, round: 3 }) },
    ])
    const { install, persist } = follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([install, persist?.snapshot], [snapshot, { info: snapshot, resetLog: true }])
    follower.settle()
    const { lastIndex, commitIndex, appliedIndex, membership } = follower.status
    assert.deepEqual([lastIndex, commitIndex, appliedIndex, membership], [9, 9, 9, snapshot.membership])
  })

  it('a follower acknowledges a snapshot only after it is durable', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.step({ type: 'snapshotFetched', snapshot })
    const again = { type: 'receive', from: 'b', message: snapshotRequest({ term: 2, snapshot }) } as const
    assert.deepEqual(follower.step(again).send, [])
    const answers = ofType('InstallSnapshotResponse', follower.settle().messages)
    assert.deepEqual(
      answers.map(({ outcome, index }) => [outcome, index]),
      [
        ['installed', 9],
        ['installed', 9],
      ],
    )
  })

  // Not in the paper: the follower fetches the bytes, so there is no request to answer.
  it('a follower acknowledges a fetched snapshot without waiting for the next offer, and the leader continues', () => {
    const leader = offering()
    const offer = only('InstallSnapshotRequest', leader.wait(leader.options.heartbeatIntervalMs).messages)
    const follower = followerOf('a b c', { id: 'b', term: 2 })
    leader.receive('b', only('InstallSnapshotResponse', follower.receive('a', offer)))
    const { messages } = follower.process({ type: 'snapshotFetched', snapshot: offer.snapshot })
    const entries = only('AppendEntriesRequest', leader.receive('b', only('InstallSnapshotResponse', messages)))
    assert.equal(entries.prevIndex, 5)
  })

  it('a follower whose leader changed during the fetch acknowledges nothing', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.receive('c', appendRequest({ term: 3, prev: '0@0' }))
    assert.deepEqual(follower.process({ type: 'snapshotFetched', snapshot }).messages, [])
  })

  it('a follower acknowledges entries after a snapshot only after the snapshot is durable', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual(
      follower.step({ type: 'receive', from: 'b', message: appendRequest({ term: 2, prev: '9@2' }) }).send,
      [],
    )
  })

  // "If … the follower receives a snapshot that describes a prefix of its log, then … entries following the snapshot are still valid and must be retained."
  it('a follower keeps its log if it contains the last entry of the snapshot', () => {
    const follower = followerOf('a b c', { term: 2, log: '1 1 2 2', leader: 'b' })
    const answers = follower.receive('b', snapshotRequest({ term: 2, snapshot: snapshotAt('2@1', MEMBERS) }))
    assert.equal(only('InstallSnapshotResponse', answers).outcome, 'installed')
    assert.deepEqual([follower.log, follower.status.commitIndex, follower.effects.fetch], ['1 1 2 2', 2, undefined])
  })

  it('a follower drops entries that conflict with the snapshot', () => {
    const follower = followerOf('a b c', { term: 3, log: '1 1 2 2 2', commit: 1, leader: 'b' })
    const snapshot = snapshotAt('4@3', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 3, snapshot }))
    follower.process({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([follower.status.lastIndex, follower.status.lastTerm], [4, 3])
  })

  it('a pending write does not make entries durable that a snapshot has replaced', () => {
    const follower = followerOf('a b c', { term: 3, log: '1', commit: 1, leader: 'b' })
    const append = appendRequest({ term: 3, prev: '1@1', entries: '2 2 2 2' })
    const earlier = follower.step({ type: 'receive', from: 'b', message: append }).persist?.number as number
    const snapshot = snapshotAt('4@3', MEMBERS)
    follower.step({ type: 'receive', from: 'b', message: snapshotRequest({ term: 3, snapshot }) })
    follower.step({ type: 'snapshotFetched', snapshot })
    follower.step({ type: 'persisted', number: earlier })
    assert.equal(follower.status.persistedIndex, 1)
  })

  it('a follower does not install a snapshot that its log covers by the time it is fetched', () => {
    const follower = followerOf('a b c', { term: 2, log: '1', leader: 'b' })
    const snapshot = snapshotAt('3@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot }))
    follower.receive('b', appendRequest({ term: 2, prev: '1@1', entries: '2 2 2', commit: 2 }))
    const { install } = follower.step({ type: 'snapshotFetched', snapshot })
    assert.deepEqual([install, follower.log, follower.status.commitIndex], [undefined, '1 2 2 2', 3])
  })

  it('a follower fetches a repeated offer once, and fetches from the new leader after a change of leaders', () => {
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

  it('a follower reports that a snapshot does not fit on its disk with every response until it does', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    const answer = (): unknown => follower.receive('b', snapshotRequest({ term: 2, snapshot }))[0]?.message
    const fetching = snapshotResponse({ term: 2, outcome: 'fetching' })
    assert.deepEqual(answer(), fetching)
    const shortage = { freeBytes: 1, neededBytes: 2 }
    follower.process({ type: 'snapshotFetchStalled', snapshot, shortage })
    assert.deepEqual(answer(), { ...fetching, shortage })
    follower.process({ type: 'snapshotFetchStalled', snapshot, shortage: undefined })
    assert.deepEqual(answer(), fetching)
  })

  it('a follower tells a leader that offers a snapshot how often it failed to fetch one', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    const answer = (): unknown => follower.receive('b', snapshotRequest({ term: 2, snapshot }))[0]?.message
    const fetching = snapshotResponse({ term: 2, outcome: 'fetching' })
    answer()
    follower.process({ type: 'snapshotFetchesCounted', failed: 3 })
    assert.deepEqual(answer(), { ...fetching, failedFetches: 3 })
    const { messages } = follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' })
    assert.deepEqual(messages[0]?.message, snapshotResponse({ term: 2, outcome: 'failed', failedFetches: 3 }))
    follower.process({ type: 'snapshotFetchesCounted', failed: 0 })
    assert.deepEqual(answer(), fetching)
  })

  it('a follower reports a failed fetch to the leader that made the offer', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    follower.receive('b', snapshotRequest({ term: 2, snapshot, session: 4 }))
    const { messages } = follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' })
    assert.deepEqual(messages, [{ to: 'b', message: snapshotResponse({ term: 2, outcome: 'failed', session: 4 }) }])
  })

  it('a follower ignores the end of a fetch that it no longer waits for', () => {
    const follower = followerOf('a b c', { term: 2, leader: 'b', log: '1' })
    const snapshot = snapshotAt('9@2', MEMBERS)
    assert.equal(follower.step({ type: 'snapshotFetched', snapshot }).install, undefined)
    assert.deepEqual(follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' }).messages, [])
    assert.equal(follower.log, '1')
  })

  it('a restarted node restores its snapshot and then applies the entries after it', () => {
    const node = followerOf('', { term: 2, snapshot: snapshotAt('5@1', MEMBERS), log: '1 2', commit: 6 })
    assert.deepEqual([node.status.appliedIndex, node.status.membership], [6, MEMBERS])
  })

  it('a node with nothing but a snapshot campaigns with the last entry of the snapshot', () => {
    const node = followerOf('', { term: 2, snapshot: snapshotAt('5@2', MEMBERS), options: { preVote: false } })
    const { lastIndex, lastTerm } = ofType('RequestVoteRequest', node.timeOut().messages)[0] ?? {}
    assert.deepEqual([lastIndex, lastTerm], [5, 2])
  })
})

describe('§7 Log compaction: end to end', () => {
  it('a leader and a follower with an empty log exchange a snapshot and the entries after it', () => {
    const leader = offering()
    const follower = followerOf('a b c', { id: 'b', term: 2 })
    let messages = messagesTo('b', leader.wait(leader.options.heartbeatIntervalMs))
    for (let exchange = 0; exchange < 8 && follower.status.lastIndex < 6; exchange++) {
      const answers = follower.receive('a', ...messages).map(({ message }) => message)
      const { snapshotFetch } = follower.state
      if (snapshotFetch !== undefined) follower.process({ type: 'snapshotFetched', snapshot: snapshotFetch.snapshot })
      const sent = [...leader.receive('b', ...answers), ...leader.wait(100).messages]
      messages = messagesTo('b', { messages: sent })
    }
    assert.deepEqual([follower.status.lastIndex, follower.status.snapshotIndex], [6, 5])
  })
})

/** The input when a snapshot of the state machine at `index` is durable. */
function taken({ raft }: TestNode, index: number): Input {
  const snapshot: SnapshotInfo = { id: `own-${index}`, size: 100, ...raft.snapshotMetadata(index) }
  return { type: 'snapshotTaken', snapshot }
}

/** A leader whose log starts after its snapshot at 5, which it has offered to b; the entry 6 follows. */
function offering(): TestNode {
  const leader = leaderOf('a b c', { term: 2, log: '1 1 1 1', options: BARE })
  acknowledgeAll(leader, 'c')
  leader.process(taken(leader, 5))
  leader.propose()
  return leader
}
