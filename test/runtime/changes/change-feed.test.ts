import assert from 'node:assert/strict'
import { encodeCommands } from '../../../src/log-format/block.ts'
import { ChangeFeed, ChangeReader } from '../../../src/runtime/changes/change-feed.ts'

const LIMITS = { changesMax: 3, changeBytesMax: 1000, changeReadersMax: 2 }
/** A block whose size is that of its commands, so that the limits are easy to follow. */
const blockOf = (first: number, sizes: readonly number[]) => {
  const block = encodeCommands(
    first,
    1,
    sizes.map((size) => new Uint8Array(size)),
  )
  return { ...block, size: sizes.reduce((sum, size) => sum + size, 0) }
}

describe('the feed of applied changes', () => {
  let feed: ChangeFeed
  const apply = (...indexes: readonly number[]): void => {
    for (const index of indexes) applyBlock(index, [1])
    feed.onApplied(indexes.at(-1) ?? 0)
  }
  const applyBlock = (first: number, sizes: readonly number[]): void => {
    feed.beginBlock(blockOf(first, sizes))
    for (let offset = 0; offset < sizes.length; offset++) feed.add(first + offset, undefined)
  }
  const take = (reader: ChangeReader, bytesMax = 0) => reader.take(bytesMax).map(({ index }) => index)
  beforeEach(() => {
    feed = new ChangeFeed(LIMITS, 10)
  })

  it('continues from an index, and follows what is applied later', async () => {
    apply(11, 13)
    const reader = new ChangeReader(feed, 12)
    feed.open(reader)
    assert.deepEqual(take(reader), [13])
    const waiting = reader.wait()
    apply(17)
    await waiting
    assert.deepEqual(take(reader), [17])
  })

  it('begins with the next change by default', () => {
    apply(11, 12)
    const reader = new ChangeReader(feed, undefined)
    apply(13)
    assert.deepEqual(take(reader, 1000), [13])
  })

  it('advances over entries that are no changes', () => {
    apply(11)
    const reader = new ChangeReader(feed, 11)
    take(reader)
    feed.onApplied(19)
    assert.deepEqual([take(reader), reader.nextIndex], [[], 20])
    apply(20)
    feed.onRestored(20)
    assert.throws(() => take(reader), { details: { wantedIndex: 20, firstIndex: 21 } })
  })

  it('does not advance over a change that is applied', () => {
    const reader = new ChangeReader(feed, 11)
    apply(11, 12)
    assert.deepEqual([take(reader), reader.nextIndex], [[11], 12])
  })

  it('rejects an index that is no longer kept, and a reader that is too slow', () => {
    assert.throws(() => take(new ChangeReader(feed, 10)), {
      code: 'ERR_RAFT_COMPACTED',
      details: { wantedIndex: 10, firstIndex: 11 },
    })
    const slow = new ChangeReader(feed, 11)
    apply(11)
    take(slow)
    apply(12, 13, 14, 15)
    assert.throws(() => take(slow), { code: 'ERR_RAFT_COMPACTED', details: { wantedIndex: 12, firstIndex: 13 } })
    assert.deepEqual(take(new ChangeReader(feed, 13), 1000), [13, 14, 15])
  })

  it('limits the bytes, and what is taken at once', () => {
    applyBlock(11, [600])
    applyBlock(12, [600])
    assert.throws(() => take(new ChangeReader(feed, 11)), { details: { wantedIndex: 11, firstIndex: 12 } })
    applyBlock(13, [100])
    assert.deepEqual(take(new ChangeReader(feed, 12), 800), [12])
    assert.deepEqual(take(new ChangeReader(feed, 12), 1000), [12, 13])
  })

  it('takes the rest of a block, up to the bytes and from an index within it', () => {
    applyBlock(11, [100, 100, 100])
    assert.deepEqual(take(new ChangeReader(feed, 12), 1000), [12, 13])
    assert.deepEqual(take(new ChangeReader(feed, 11), 2 * 164), [11, 12])
    applyBlock(14, [100])
    assert.deepEqual(take(new ChangeReader(feed, 12), 1000), [12, 13, 14])
    assert.throws(() => take(new ChangeReader(feed, 11)), { details: { wantedIndex: 11, firstIndex: 12 } })
  })

  it('frees a block with its last change, and a block without changes at the next one', () => {
    applyBlock(11, [600])
    applyBlock(12, [300, 300])
    assert.deepEqual(take(new ChangeReader(feed, 12), 1000), [12, 13])
    feed.beginBlock(blockOf(14, [600]))
    feed.beginBlock(blockOf(15, [100]))
    feed.add(15, undefined)
    assert.deepEqual(take(new ChangeReader(feed, 12), 1000), [12, 13, 15])
  })

  it('does not keep a change that is larger than the limit, and says so', () => {
    applyBlock(11, [2000])
    assert.throws(() => take(new ChangeReader(feed, 11)), { details: { wantedIndex: 11, firstIndex: 12 } })
  })

  it('drops everything when a snapshot is restored', () => {
    apply(11, 12)
    feed.onRestored(20)
    assert.throws(() => take(new ChangeReader(feed, 12)), { details: { wantedIndex: 12, firstIndex: 21 } })
  })

  it('keeps the right changes for a long time', () => {
    for (let index = 11; index < 1000; index++) apply(index)
    assert.deepEqual(take(new ChangeReader(feed, 997), 1000), [997, 998, 999])
  })

  it('limits the readers', () => {
    const readers = [1, 2, 3].map(() => new ChangeReader(feed, 11))
    for (const reader of readers.slice(0, 2)) feed.open(reader)
    assert.throws(() => feed.open(readers[2] as ChangeReader), {
      code: 'ERR_RAFT_OVERLOADED',
      details: { limit: 'changeReadersMax', value: 3, max: 2 },
    })
    readers[0]?.end()
    feed.open(readers[2] as ChangeReader)
  })

  it('ends its readers when the node closes', async () => {
    const reader = new ChangeReader(feed, 11)
    feed.open(reader)
    const waiting = reader.wait()
    feed.close('the node was closed', undefined)
    await waiting
    assert.throws(() => take(reader), { code: 'ERR_RAFT_CLOSED' })
  })
})
