import assert from 'node:assert/strict'
import type { Persist } from '../../src/core/index.ts'
import { Outbox } from '../../src/core/outbox.ts'
import { appendRejection, appendResponse, blocksOf, membershipOf, snapshotAt, voteResponse } from './builders.ts'

const HARD_STATE = { term: 2, votedFor: undefined, commitIndex: 0 }

describe('the outbox', () => {
  it('returns the effects of a step once', () => {
    const outbox = new Outbox()
    outbox.sendNow('b', voteResponse({ term: 2 }))
    outbox.settle.push({ type: 'readReady', read: 1, index: 1 })
    outbox.emit({ type: 'termChanged', term: 2 })
    const first = outbox.take(undefined, HARD_STATE, 100)
    assert.deepEqual([first.send.length, first.settle.length, first.events.length, first.wakeAt], [1, 1, 1, 100])
    const second = outbox.take(undefined, HARD_STATE, 200)
    assert.deepEqual([second.send, second.settle, second.events, second.persist], [[], [], [], undefined])
  })

  it('combines everything to write into one write, with the messages that wait for it', () => {
    const outbox = new Outbox()
    outbox.truncate(3)
    for (const block of blocksOf('2 2', 3)) outbox.appendBlock(block)
    outbox.sendOncePersisted('b', appendResponse({ term: 2, match: 5 }))
    const write = writeOf(outbox)
    assert.deepEqual([write.number, write.truncateAfter, write.blocks.length, write.then.length], [1, 3, 2, 1])
    assert.equal(write.isUrgent, true)
    assert.deepEqual(write.hardState, HARD_STATE)
  })

  it('never writes blocks that the same step drops again', () => {
    const outbox = new Outbox()
    for (const block of blocksOf('2 2x3 2', 3)) outbox.appendBlock(block)
    outbox.truncate(4)
    const { blocks, truncateAfter } = writeOf(outbox)
    assert.deepEqual(
      blocks.map(({ first }) => first),
      [4],
    )
    assert.equal(truncateAfter, 4)
  })

  it('truncates at the lowest requested index', () => {
    const outbox = new Outbox()
    outbox.truncate(3)
    outbox.truncate(7)
    assert.equal(writeOf(outbox).truncateAfter, 3)
  })

  it('drops everything that a snapshot replaces', () => {
    const outbox = new Outbox()
    outbox.truncate(3)
    outbox.compactTo = 2
    outbox.apply = { from: 1, to: 4 }
    for (const block of blocksOf('2', 3)) outbox.appendBlock(block)
    const snapshot = snapshotAt('9@2', membershipOf('a b c'))
    outbox.resetTo(snapshot)
    const { install, apply, persist } = outbox.take(1, HARD_STATE, 100)
    assert.deepEqual([install, apply], [snapshot, undefined])
    assert.deepEqual(persist?.snapshot, { info: snapshot, resetLog: true })
    assert.deepEqual([persist?.blocks, persist?.truncateAfter, persist?.compactTo], [[], undefined, undefined])
  })

  it('requests no urgent write for a compaction', () => {
    const outbox = new Outbox()
    outbox.compactTo = 2
    assert.equal(outbox.needsPersist, true)
    assert.equal(writeOf(outbox).isUrgent, false)
  })

  it('requests an urgent write when the term or vote changed', () => {
    const outbox = new Outbox()
    outbox.isHardStateDirty = true
    assert.equal(writeOf(outbox).isUrgent, true)
  })

  it('requests no write when there is nothing to write', () => {
    const outbox = new Outbox()
    outbox.sendNow('b', voteResponse({ term: 2 }))
    assert.equal(outbox.needsPersist, false)
  })
})

describe('the acknowledgements of one step to one leader', () => {
  it('are combined if the later one covers the earlier', () => {
    assert.deepEqual(acknowledged(appendResponse({ term: 2, match: 3 }), appendResponse({ term: 2, match: 5 })), [5])
  })

  for (const [difference, earlier] of [
    ['has a higher index', appendResponse({ term: 2, match: 9 })],
    ['has a later round', appendResponse({ term: 2, match: 3, round: 9 })],
    ['belongs to another session', appendResponse({ term: 2, match: 3, session: 4 })],
    ['belongs to another term', appendResponse({ term: 1, match: 3 })],
    ['is a rejection', appendRejection({ term: 2, prev: 3, hint: '1@1' })],
  ] as const) {
    it(`are both sent if the earlier one ${difference}`, () => {
      assert.equal(acknowledged(earlier, appendResponse({ term: 2, match: 5 })).length, 2)
    })
  }

  it('are all sent if they go to different nodes', () => {
    const outbox = new Outbox()
    for (const to of ['b', 'c']) outbox.sendOncePersisted(to, appendResponse({ term: 2, match: 5 }))
    assert.equal(writeOf(outbox).then.length, 2)
  })
})

describe('the outbox of a node whose disk failed', () => {
  it('drops everything but the settlements and the events', () => {
    const outbox = new Outbox()
    outbox.isHardStateDirty = true
    outbox.sendOncePersisted('b', voteResponse({ term: 2 }))
    outbox.sendNow('b', voteResponse({ term: 2 }))
    outbox.appendBlock(blocksOf('2')[0] as never)
    outbox.truncate(0)
    outbox.takeSnapshot = true
    outbox.apply = { from: 1, to: 2 }
    outbox.settle.push({ type: 'readReady', read: 1, index: 1 })
    outbox.emit({ type: 'termChanged', term: 2 })
    outbox.clear()
    assert.equal(outbox.needsPersist, false)
    const { send, apply, install, fetch, takeSnapshot, settle, events } = outbox.take(undefined, HARD_STATE, 1)
    assert.deepEqual([send, apply, install, fetch, takeSnapshot], [[], undefined, undefined, undefined, false])
    assert.deepEqual([settle.length, events.length], [1, 1])
  })
})

function writeOf(outbox: Outbox): Persist {
  const { persist } = outbox.take(1, HARD_STATE, 100)
  assert.ok(persist)
  return persist
}

function acknowledged(...answers: readonly ReturnType<typeof appendResponse>[]): number[] {
  const outbox = new Outbox()
  for (const answer of answers) outbox.sendOncePersisted('b', answer)
  return writeOf(outbox).then.map(({ message }) => (message.type === 'AppendEntriesResponse' ? message.index : 0))
}
