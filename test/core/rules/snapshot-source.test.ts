import assert from 'node:assert/strict'
import type { AppendEntriesResponse, InstallSnapshotRequest } from '../../../src/core/messages.ts'
import type { RaftOptions } from '../../../src/core/options.ts'
import type { NodeId, SnapshotReport } from '../../../src/core/types.ts'
import type { NodeOutput, TestNode } from '../builders.ts'
import {
  acknowledgeAll,
  appendRejection,
  appendRequest,
  appendResponse,
  followerOf,
  leaderOf,
  messagesTo,
  ofType,
  only,
  snapshotResponse,
} from '../builders.ts'

const MEMBERS = 'a b c +d'

describe('a leader whose learner needs a snapshot', () => {
  it('names the follower that has the newest suitable one, with the membership of its own log', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'b', 4)
    report(leader, 'c', 5)
    const { snapshot, source } = offerTo(leader, 'd')
    assert.deepEqual([snapshot.id, snapshot.index, snapshot.size, source], ['of-c', 5, 777, 'c'])
    assert.deepEqual(snapshot.membership, leader.status.membership)
  })

  it('continues the log right after the snapshot of the follower', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'c', 4)
    offerTo(leader, 'd')
    const messages = leader.receive('d', snapshotResponse({ term: 2, outcome: 'installed', index: 4 }))
    const { prevIndex, blocks } = only('AppendEntriesRequest', messages)
    assert.deepEqual([prevIndex, blocks[0]?.first], [4, 5])
  })

  it('keeps the entries after the snapshot of the follower while it is fetched', () => {
    const leader = leaderWithSnapshot({ laggardBytesMax: 1000 })
    report(leader, 'c', 4)
    offerTo(leader, 'd')
    leader.propose(3)
    acknowledgeAll(leader, 'b', 'c')
    leader.receive('d', snapshotResponse({ term: 2, outcome: 'fetching' }))
    takeSnapshot(leader, 8)
    assert.equal(leader.status.firstIndex, 5)
  })

  for (const { what, index, change } of [
    { what: 'is beyond its commit index', index: 6 },
    { what: 'is of another term', index: 5, change: { term: 1 } },
    { what: 'is of another history', index: 5, change: { chain: 1234 } },
    { what: 'ends before the first entry of its log', index: 2, change: { term: 1 } },
  ])
    it(`offers its own if that of the follower ${what}`, () => {
      const leader = leaderWithSnapshot()
      leader.propose()
      report(leader, 'c', index, change)
      assert.deepEqual(offered(leader, 'd'), OWN)
    })

  for (const { what, prepare } of [
    { what: 'has not accepted an entry for an election timeout', prepare: (leader: TestNode) => silence(leader, 'c') },
    { what: 'has not said that it sends snapshots', prepare: (leader: TestNode) => see(leader, 'c', false) },
    {
      what: 'is not connected any longer',
      prepare: (leader: TestNode) => void leader.process({ type: 'peerLost', peer: 'c' }),
    },
    {
      what: 'is needed for a quorum',
      prepare: (leader: TestNode) => silence(leader, 'b'),
    },
    { what: 'has another state', prepare: differ },
  ])
    it(`offers its own if the follower ${what}`, () => {
      const leader = leaderWithSnapshot()
      report(leader, 'c', 5)
      prepare(leader)
      assert.deepEqual(offered(leader, 'd'), OWN)
    })

  it('offers its own to a learner of an earlier version, and without `snapshotsFromFollowers`', () => {
    const older = leaderWithSnapshot()
    see(older, 'd', false)
    const configured = leaderWithSnapshot({ snapshotsFromFollowers: false })
    for (const leader of [older, configured]) {
      report(leader, 'c', 5)
      assert.deepEqual(offered(leader, 'd'), OWN)
    }
  })

  it('offers its own after the learner could not fetch from a follower, until it has caught up', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'c', 5)
    assert.equal(offerTo(leader, 'd').source, 'c')
    const messages = leader.receive('d', snapshotResponse({ term: 2, outcome: 'failed' }))
    assert.equal(leader.effects.takeSnapshot, false)
    assert.equal(only('InstallSnapshotRequest', messages).snapshot.id, OWN.id)
    leader.receive('d', snapshotResponse({ term: 2, outcome: 'installed', index: 5 }))
    leader.receive('d', appendResponse({ term: 2, match: 5 }))
    for (let count = 0; count < 3; count++) leader.propose()
    acknowledgeAll(leader, 'b', 'c')
    takeSnapshot(leader, 8)
    report(leader, 'c', 8)
    const { messages: next } = see(leader, 'd', true)
    assert.equal(ofType('InstallSnapshotRequest', [...next, ...leader.wait(200).messages])[0]?.source, 'c')
  })

  it('offers its own if that of the follower does not fit on the disk of the learner', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'c', 5)
    assert.equal(offerTo(leader, 'd').source, 'c')
    const shortage = { freeBytes: 1, neededBytes: 2 }
    const answer = snapshotResponse({ term: 2, outcome: 'fetching', shortage })
    leader.receive('d', answer)
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(only('InstallSnapshotRequest', messages).snapshot.id, OWN.id)
  })

  it('offers its own also if that has the name of the one that the learner could not fetch from the follower', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'c', 5, { id: OWN.id })
    assert.equal(offerTo(leader, 'd').source, 'c')
    leader.receive('d', snapshotResponse({ term: 2, outcome: 'failed' }))
    const { messages, events } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(only('InstallSnapshotRequest', messages).source, undefined)
    assert.deepEqual(
      events.map((event) => event.type === 'snapshotOffered' && event.source),
      [undefined],
    )
  })

  it('keeps to its first offer, whatever followers report later', () => {
    const leader = leaderWithSnapshot()
    assert.deepEqual(offered(leader, 'd'), OWN)
    report(leader, 'c', 5)
    const { messages } = leader.wait(leader.options.heartbeatIntervalMs)
    assert.equal(only('InstallSnapshotRequest', messages).source, undefined)
  })

  for (const other of [{ size: 778 }, { checksum: 8 }])
    it(`does not take a snapshot with another ${Object.keys(other)} for what the learner is fetching`, () => {
      const leader = leaderWithSnapshot()
      report(leader, 'b', 4, other)
      report(leader, 'c', 5)
      const snapshot = { id: 'elsewhere', ...leader.raft.snapshotMetadata(4), size: 777 }
      const answer = { ...appendRejection({ term: 2, prev: 4, hint: '0@0' }), snapshot }
      assert.equal(only('InstallSnapshotRequest', leader.receive('d', answer)).source, 'c')
    })

  it('offers what the learner is fetching: its own, or that of a follower, also if it learns of it later', () => {
    const fetching = (index: number, leader: TestNode): AppendEntriesResponse => {
      const { term, chain } = leader.raft.snapshotMetadata(index)
      const snapshot = { id: 'elsewhere', index, term, chain, size: index === 5 ? 1000 : 777 }
      return { ...appendRejection({ term: 2, prev: 4, hint: '0@0' }), snapshot }
    }
    const leader = leaderWithSnapshot()
    report(leader, 'b', 4)
    report(leader, 'c', 5)
    assert.equal(only('InstallSnapshotRequest', leader.receive('d', fetching(4, leader))).source, 'b')
    const owner = leaderWithSnapshot()
    report(owner, 'c', 5)
    assert.equal(only('InstallSnapshotRequest', owner.receive('d', fetching(5, owner))).snapshot.id, OWN.id)
    const late = leaderWithSnapshot()
    assert.equal(only('InstallSnapshotRequest', late.receive('d', fetching(4, late))).source, undefined)
    report(late, 'b', 4)
    const [next] = ofType('InstallSnapshotRequest', late.wait(late.options.heartbeatIntervalMs).messages)
    assert.equal(next?.source, 'b')
  })

  it('offers its own once the follower that sends has not accepted an entry for an election timeout', () => {
    const leader = leaderWithSnapshot()
    report(leader, 'c', 5)
    assert.equal(offerTo(leader, 'd').source, 'c')
    const messages = silence(leader, 'c')
    const last = ofType('InstallSnapshotRequest', messages).at(-1)
    assert.deepEqual([last?.source, last?.snapshot.id], [undefined, OWN.id])
  })
})

describe('a follower', () => {
  it('reports its newest snapshot when it accepts a heartbeat', () => {
    const follower = followerOf('a b c', { id: 'c', term: 2, log: '1 1 2', commit: 3, leader: 'b' })
    const reported = (prev: string, entries: string): number | undefined => {
      const request = appendRequest({ term: 2, prev, entries })
      follower.step({ type: 'receive', from: 'b', message: request })
      return only('AppendEntriesResponse', follower.settle().messages).snapshot?.index
    }
    assert.equal(reported('3@2', ''), undefined)
    takeSnapshot(follower, 3)
    assert.deepEqual([reported('3@2', ''), reported('3@2', '2'), reported('4@2', '')], [3, undefined, 3])
  })

  it('says with a rejection which snapshot it is fetching', () => {
    const follower = followerOf('a b c', { id: 'c', term: 2, leader: 'b' })
    follower.receive('b', offerTo(withReport(), 'd'))
    const [answer] = follower.receive('a', appendRequest({ term: 3, prev: '7@2' }))
    assert.equal(answer?.message.type === 'AppendEntriesResponse' && answer.message.snapshot?.index, 5)
  })

  it('fetches an offered snapshot where the leader says, and reports to the leader', () => {
    for (const end of ['fetched', 'failed'] as const) {
      const follower = followerOf('a b c', { id: 'c', term: 2, leader: 'b' })
      const offer = offerTo(withReport(), 'd')
      const { fetch } = follower.step({ type: 'receive', from: 'b', message: offer })
      assert.deepEqual([fetch?.from, fetch?.leader, fetch?.snapshot.index], ['c', 'b', 5])
      const { snapshot } = offer
      const { messages } =
        end === 'fetched'
          ? follower.process({ type: 'snapshotFetched', snapshot })
          : follower.process({ type: 'snapshotFetchFailed', snapshot, reason: 'gone' })
      assert.deepEqual(
        messagesTo('b', { messages }).map((message) => message.type === 'InstallSnapshotResponse' && message.outcome),
        ['fetching', end === 'fetched' ? 'installed' : 'failed'],
      )
    }
  })
})

const OWN = { id: 'of-a', source: undefined }

/** Its log starts at 4; b and c have all of it, d has none. */
function leaderWithSnapshot(options: Partial<RaftOptions> = {}): TestNode {
  const leader = leaderOf(MEMBERS, {
    term: 2,
    log: '1 1 1 1',
    options: { trailingEntries: 2, laggardBytesMax: 0, snapshotsFromFollowers: true, ...options },
  })
  for (const peer of ['b', 'c', 'd']) see(leader, peer, true)
  acknowledgeAll(leader, 'b', 'c')
  takeSnapshot(leader, 5)
  return leader
}

function withReport(): TestNode {
  const leader = leaderWithSnapshot()
  report(leader, 'c', 5)
  return leader
}

function see(leader: TestNode, peer: NodeId, sharesSnapshots: boolean): NodeOutput {
  return leader.process({ type: 'peerSeen', peer, directoryId: '', sharesSnapshots })
}

function takeSnapshot(node: TestNode, index: number): void {
  const snapshot = { id: `of-${node.state.id}`, size: 1000, ...node.raft.snapshotMetadata(index) }
  node.process({ type: 'snapshotTaken', snapshot })
}

/** The follower accepts a heartbeat, and reports a snapshot at this index. */
function report(leader: TestNode, id: NodeId, index: number, change: Partial<SnapshotReport> = {}): void {
  const { log, role } = leader.state
  const [term = 2, chain = 7] = [log.termAt(index), log.chainAt(index)]
  const round = role.type === 'leader' ? role.rounds.current : 0
  const snapshot = { id: `of-${id}`, index, term, chain, size: 777, ...change }
  const message = { ...appendResponse({ term: 2, match: 5, round }), snapshot }
  leader.receive(id, message)
}

/** The learner answers the first probe: it has no entries. */
function offerTo(leader: TestNode, learner: NodeId): InstallSnapshotRequest {
  return only('InstallSnapshotRequest', leader.receive(learner, appendRejection({ term: 2, prev: 4, hint: '0@0' })))
}

function offered(leader: TestNode, learner: NodeId): { readonly id: string; readonly source: NodeId | undefined } {
  const { snapshot, source } = offerTo(leader, learner)
  return { id: snapshot.id, source }
}

/** All but this one accept heartbeats for an election timeout. */
function silence(leader: TestNode, silent: NodeId): ReturnType<typeof acknowledgeAll> {
  const others = ['b', 'c'].filter((id) => id !== silent)
  const messages = []
  for (let passed = 0; passed <= leader.options.electionTimeoutMaxMs; passed += leader.options.heartbeatIntervalMs) {
    messages.push(...leader.wait(leader.options.heartbeatIntervalMs).messages)
    messages.push(...acknowledgeAll(leader, ...others))
  }
  return messages
}

/** The follower c has another state than the leader after entry 5. */
function differ(leader: TestNode): void {
  const digest = { index: 5, kind: 1, value: 1 }
  leader.process({ type: 'digested', digest })
  leader.receive('c', { ...appendResponse({ term: 2, match: 5 }), digest: { ...digest, value: 2 } })
}
