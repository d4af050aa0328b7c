import assert from 'node:assert/strict'
import fc from 'fast-check'
import { RaftLog } from '../../../src/core/log/raft-log.ts'
import { logs } from '../arbitraries.ts'
import { blocksOf, membershipOf, snapshotAt } from '../builders.ts'

const MEMBERS = membershipOf('a b c')

describe('a log', () => {
  it('starts before its first entry in term 0 if it is empty', () => {
    const log = logOf('')
    assert.deepEqual(pointersOf(log), { base: 0, snapshot: 0, commit: 0, persisted: 0, last: 0 })
    assert.deepEqual(log.last, { index: 0, term: 0 })
    assert.equal(log.firstIndex, 1)
    assert.equal(log.termAt(0), 0)
    assert.equal(log.termAt(1), undefined)
  })

  it('is durable after recovery, and committed up to its snapshot', () => {
    const log = new RaftLog(snapshotAt('3@1', MEMBERS), blocksOf('1 2', 3))
    assert.deepEqual(pointersOf(log), { base: 3, snapshot: 3, commit: 3, persisted: 5, last: 5 })
  })

  it('may start before its snapshot ends', () => {
    const log = new RaftLog(snapshotAt('3@2', MEMBERS), blocksOf('1 1 2 2'))
    assert.deepEqual(pointersOf(log), { base: 0, snapshot: 3, commit: 3, persisted: 4, last: 4 })
  })

  it('has no gap after its snapshot and extends at least to it', () => {
    const snapshot = snapshotAt('3@1', MEMBERS)
    assert.throws(() => new RaftLog(snapshot, blocksOf('1', 4)), /there is no gap between snapshot and log/)
    assert.throws(() => new RaftLog(snapshot, blocksOf('1 1')), /the log extends at least to the snapshot/)
  })

  it('knows the term at its snapshot and no term before its base', () => {
    const log = new RaftLog(snapshotAt('3@2', MEMBERS), blocksOf('4', 3))
    assert.deepEqual(
      [2, 3, 4, 5].map((index) => log.termAt(index)),
      [undefined, 2, 4, undefined],
    )
  })

  for (const { last, isUpToDate } of [
    { last: '3@2', isUpToDate: true },
    { last: '4@2', isUpToDate: true },
    { last: '1@3', isUpToDate: true },
    { last: '2@2', isUpToDate: false },
    { last: '9@1', isUpToDate: false },
  ]) {
    it(`that ends at 3@2 finds a log that ends at ${last} ${isUpToDate ? '' : 'not '}up-to-date`, () => {
      const [index = 0, term = 0] = last.split('@').map(Number)
      assert.equal(logOf('1 1 2').isUpToDate(index, term), isUpToDate)
    })
  }

  it('finds the last index at or below an index whose term is at most a term', () => {
    const log = logOf('1 1 2 2 4')
    assert.equal(log.lastWithTermAtMost(9, 3), 4)
    assert.equal(log.lastWithTermAtMost(3, 2), 3)
    assert.equal(log.lastWithTermAtMost(5, 0), 0)
    assert.equal(log.lastWithTermAtMost(-1, 9), undefined)
    const compacted = new RaftLog(snapshotAt('3@2', MEMBERS), blocksOf('4', 3))
    assert.equal(compacted.lastWithTermAtMost(4, 2), 3)
    assert.equal(compacted.lastWithTermAtMost(4, 1), undefined)
  })

  it('has its boundaries at the ends of blocks', () => {
    const log = logOf('1 1x3 2')
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6].map((index) => log.isBoundary(index)),
      [true, true, false, false, true, true, false],
    )
    assert.deepEqual(
      [0, 1, 3, 4, 9].map((index) => log.floorToBoundary(index)),
      [0, 1, 1, 4, 5],
    )
  })

  it('counts its uncommitted bytes', () => {
    const log = logOf('1 1x3 2')
    log.commitTo(1)
    assert.equal(log.uncommittedBytes, 40)
  })

  it('knows whether an entry is the first of its term', () => {
    const log = logOf('1 1 3')
    assert.equal(log.isFirstOfTerm(3, 3), true)
    assert.equal(log.isFirstOfTerm(2, 1), false)
    assert.equal(log.isFirstOfTerm(1, 1), true)
  })
})

describe('truncating a log', () => {
  it('lowers the persisted index', () => {
    const log = logOf('1 1 2')
    assert.equal(log.truncateAfter(1), 2)
    assert.deepEqual(pointersOf(log), { base: 0, snapshot: 0, commit: 0, persisted: 1, last: 1 })
    log.append({ first: 2, term: 3, count: 1, size: 1, kind: 'noop' })
    assert.equal(log.termAt(2), 3)
    assert.equal(log.persistedIndex, 1)
  })

  it('never drops committed entries', () => {
    const log = logOf('1 1 2')
    log.commitTo(2)
    assert.throws(() => log.truncateAfter(1), /committed entries are never truncated/)
  })
})

describe('the commit index', () => {
  it('only increases, and at most to the last index', () => {
    const log = logOf('1 1')
    log.commitTo(2)
    assert.throws(() => log.commitTo(1), /the commit index never decreases/)
    assert.throws(() => log.commitTo(3), /only entries of the log are committed/)
  })
})

describe('compacting a log', () => {
  it('drops whole blocks and keeps the term before the first remaining one', () => {
    const log = snapshotted('1 2x3 4', '4@2')
    assert.equal(log.compactTo(3), 1)
    assert.equal(log.termAt(1), 1)
    assert.equal(log.compactTo(4), 4)
    assert.deepEqual([log.termAt(3), log.termAt(4), log.termAt(5)], [undefined, 2, 4])
    assert.deepEqual(
      log.blocksFrom(5, 100).map(({ first, term }) => [first, term]),
      [[5, 4]],
    )
  })

  it('never drops entries after the snapshot and never lowers the base index', () => {
    const log = snapshotted('1 2 4', '2@2')
    assert.throws(() => log.compactTo(3), /only entries in the snapshot are compacted/)
    log.compactTo(2)
    assert.equal(log.compactTo(1), 2)
  })

  it('may drop all entries', () => {
    const log = snapshotted('1 1', '2@1')
    log.compactTo(2)
    assert.deepEqual(log.last, { index: 2, term: 1 })
    log.append({ first: 3, term: 5, count: 1, size: 1, kind: 'noop' })
    assert.deepEqual([log.termAt(2), log.termAt(3)], [1, 5])
  })
})

describe('installing a snapshot from the leader', () => {
  it('replaces the log and leaves the persisted index behind', () => {
    const log = logOf('1 1 1')
    log.commitTo(1)
    log.resetTo(snapshotAt('9@3', MEMBERS))
    assert.deepEqual(pointersOf(log), { base: 9, snapshot: 9, commit: 9, persisted: 1, last: 9 })
    assert.deepEqual(log.last, { index: 9, term: 3 })
    assert.equal(log.applyingIndex, 9)
    assert.equal(log.appliedIndex, 0)
  })

  it('is allowed only ahead of the commit index', () => {
    const log = logOf('1 1')
    log.commitTo(2)
    assert.throws(() => log.resetTo(snapshotAt('2@1', MEMBERS)), /an installed snapshot is ahead of the commit index/)
  })
})

describe('any log', () => {
  it('floors an index to the last boundary at or below it', () => {
    fc.assert(
      fc.property(logs(), fc.nat(50), (blocks, index) => {
        const log = new RaftLog(undefined, blocks)
        const boundaries = [0, ...blocks.map(({ first, count }) => first + count - 1)]
        const floor = boundaries.findLast((boundary) => boundary <= index)
        assert.equal(log.floorToBoundary(index), floor)
        assert.equal(log.isBoundary(index), boundaries.includes(index))
      }),
    )
  })
})

function logOf(terms: string): RaftLog {
  return new RaftLog(undefined, blocksOf(terms))
}

/** A committed log with a snapshot of its start, not compacted yet. */
function snapshotted(terms: string, last: string): RaftLog {
  const log = logOf(terms)
  log.commitTo(log.lastIndex)
  log.snapshot = snapshotAt(last, MEMBERS)
  return log
}

function pointersOf(log: RaftLog): object {
  const {
    baseIndex: base,
    snapshotIndex: snapshot,
    commitIndex: commit,
    persistedIndex: persisted,
    lastIndex: last,
  } = log
  return { base, snapshot, commit, persisted, last }
}
