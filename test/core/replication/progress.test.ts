import assert from 'node:assert/strict'
import { RAFT_DEFAULTS } from '../../../src/core/index.ts'
import { Progress } from '../../../src/core/replication/progress.ts'
import { membershipOf, snapshotAt } from '../builders.ts'

const OPTIONS = { ...RAFT_DEFAULTS, id: 'a', seed: 1 }

describe('the progress of a follower', () => {
  it('starts as a probe without a match and without a response', () => {
    const progress = progressOf()
    assert.deepEqual(progress.status(150), {
      id: 'b',
      state: 'probe',
      matchIndex: 0,
      nextIndex: 10,
      inflightMessages: 0,
      inflightBytes: 0,
      silentMs: undefined,
      responseMs: 0,
      isReplicating: false,
      hasLostEntries: false,
      applyLag: 0,
    })
    assert.equal(progress.lastContactAt, 100)
  })

  it('never decreases the match index', () => {
    const progress = progressOf()
    assert.equal(progress.recordMatch(5), true)
    assert.equal(progress.recordMatch(5), false)
    assert.equal(progress.recordMatch(3), false)
    assert.equal(progress.matchIndex, 5)
  })

  it('keeps the next index above the match index', () => {
    const progress = progressOf()
    progress.recordMatch(12)
    assert.equal(progress.nextIndex, 13)
    progress.becomeProbe(2)
    assert.equal(progress.nextIndex, 13)
    progress.becomeProbe(20)
    assert.equal(progress.nextIndex, 20)
  })

  it('releases in-flight messages up to the match index', () => {
    const progress = progressOf()
    progress.becomeReplicate()
    assert.ok(progress.state.type === 'replicate')
    progress.state.inflights.add(10, 100)
    progress.state.inflights.add(11, 100)
    progress.recordMatch(10)
    const { inflightMessages, inflightBytes } = progress.status(100)
    assert.deepEqual([inflightMessages, inflightBytes], [1, 100])
  })

  it('probes again from the match index when the link breaks', () => {
    const progress = progressOf()
    progress.recordMatch(5)
    progress.becomeReplicate()
    progress.nextIndex = 30
    progress.onLinkLost()
    assert.deepEqual(progress.state, { type: 'probe', isWaiting: false })
    assert.equal(progress.nextIndex, 6)
  })

  it('does not wait for the response to a probe on a broken link', () => {
    const progress = progressOf()
    assert.ok(progress.state.type === 'probe')
    progress.state.isWaiting = true
    progress.onLinkLost()
    assert.deepEqual(progress.state, { type: 'probe', isWaiting: false })
    assert.equal(progress.nextIndex, 10)
  })

  it('keeps waiting for a snapshot when the link breaks', () => {
    const progress = progressOf()
    progress.becomeSnapshot({ snapshot: snapshotAt('9@1', membershipOf('a b c')), source: undefined })
    progress.onLinkLost()
    assert.equal(progress.state.type, 'snapshot')
  })

  it('keeps the latest answered round when responses arrive out of order', () => {
    const progress = progressOf()
    progress.recordContact(200, 4)
    progress.recordContact(250, 2)
    assert.deepEqual([progress.ackedRound, progress.lastContactAt, progress.hasResponded], [4, 250, true])
    assert.equal(progress.status(300).silentMs, 50)
  })

  it('reports the longest recent time from a round to the first response to it or to a later one', () => {
    const progress = progressOf()
    const responseMsAt = (now: number): number => progress.status(now).responseMs
    progress.recordRound(1000, 1)
    progress.recordRound(1100, 2)
    progress.recordContact(1250, 2)
    assert.equal(responseMsAt(1250), 250)
    progress.recordContact(1900, 2)
    progress.recordRound(2000, 3)
    progress.recordContact(2010, 2)
    progress.recordContact(2020, 3)
    assert.equal(responseMsAt(2020), 250)
    assert.equal(responseMsAt(2020 + 20_000), 0)
    const { electionTimeoutMaxMs } = OPTIONS
    progress.recordContact(49_900, 3)
    progress.recordRound(50_000, 4)
    progress.recordContact(50_030, 4)
    progress.recordRound(50_100, 5)
    progress.recordContact(50_030 + electionTimeoutMaxMs, 5)
    assert.equal(responseMsAt(52_000), 30, 'it was away for an election timeout')
    progress.recordRound(52_000, 6)
    progress.recordContact(52_040, 6)
    assert.equal(responseMsAt(52_040), 40)
  })

  it('is reported as replicating for an election timeout after the follower accepted a message, unless it needs a snapshot', () => {
    const progress = progressOf()
    progress.lastAcceptedAt = 200
    const isReplicatingAt = (now: number): boolean => progress.status(now).isReplicating
    assert.deepEqual([isReplicatingAt(200), isReplicatingAt(200 + OPTIONS.electionTimeoutMaxMs)], [true, false])
    progress.becomeSnapshot({ snapshot: snapshotAt('9@1', membershipOf('a b c')), source: undefined })
    assert.equal(isReplicatingAt(200), false)
  })

  it('counts as replicating only in that mode and after a response', () => {
    const progress = progressOf()
    assert.equal(progress.isReplicating, false)
    progress.becomeReplicate()
    assert.equal(progress.isReplicating, false)
    progress.recordContact(200, 1)
    assert.equal(progress.isReplicating, true)
    progress.becomeProbe(10)
    assert.equal(progress.isReplicating, false)
  })
})

function progressOf(): Progress {
  return new Progress('b', 0, 10, OPTIONS, 100)
}
