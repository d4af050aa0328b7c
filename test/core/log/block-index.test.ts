import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Block, LogIndex } from '../../../src/core/index.ts'
import { BlockIndex } from '../../../src/core/log/block-index.ts'
import { logs } from '../arbitraries.ts'
import { blocksOf, membershipOf } from '../builders.ts'

describe('the block index', () => {
  it('finds a block by the index of any of its entries', () => {
    const index = indexOf(blocksOf('1 1x3 2'))
    assert.deepEqual(
      [0, 1, 2, 3, 4, 5, 6].map((at) => index.blockAt(at)?.first),
      [undefined, 1, 2, 2, 2, 5, undefined],
    )
    assert.deepEqual(index.blockAt(3), { first: 2, end: 5, size: 30, kind: 'commands', checksum: 7 })
  })

  it('reads blocks from the start of a block, at least one and as many as fit', () => {
    const index = indexOf(blocksOf('1 1x3 2 2'))
    const firsts = (from: LogIndex, bytesMax: number): LogIndex[] =>
      index.blocksFrom(from, bytesMax).map(({ first }) => first)
    assert.deepEqual(firsts(1, 1000), [1, 2, 5, 6])
    assert.deepEqual(firsts(2, 40), [2, 5])
    assert.deepEqual(firsts(2, 39), [2])
    assert.deepEqual(firsts(2, 1), [2])
    assert.deepEqual(firsts(7, 1000), [])
    assert.throws(() => index.blocksFrom(3, 1000), /a read starts at the start of a block/)
  })

  it('rejects a block that is not contiguous', () => {
    assert.throws(
      () => indexOf(blocksOf('1 1')).append({ first: 4, term: 1, count: 1, size: 10, kind: 'noop' }),
      /blocks are contiguous/,
    )
  })

  it('truncates whole blocks', () => {
    const index = indexOf(blocksOf('1 1x3 2'))
    assert.throws(() => index.truncateAfter(3), /truncation does not split a block/)
    assert.equal(index.truncateAfter(5), 0)
    assert.equal(index.truncateAfter(1), 2)
    assert.equal(index.end, 2)
  })

  it('keeps the kind of every block', () => {
    const index = new BlockIndex(1, 0)
    index.append({ first: 1, term: 1, count: 1, size: 0, kind: 'noop' })
    index.append({ first: 2, term: 1, count: 1, size: 5, kind: 'membership', membership: membershipOf('a') })
    index.append({ first: 3, term: 1, count: 2, size: 5, kind: 'commands', checksum: 1 })
    assert.deepEqual(
      index.blocksFrom(1, 100).map(({ kind }) => kind),
      ['noop', 'membership', 'commands'],
    )
  })

  it('is empty after a reset and continues at the new index', () => {
    const index = indexOf(blocksOf('1 1'))
    index.reset(9, 0)
    assert.deepEqual([index.length, index.bytes, index.end], [0, 0, 9])
    index.append({ first: 9, term: 1, count: 1, size: 10, kind: 'commands', checksum: 1 })
    assert.equal(index.bytes, 10)
  })

  it('equals a list of blocks, however it is truncated and compacted', () => {
    fc.assert(fc.property(logs(), cuts(), fc.nat(40), fc.nat(40), fc.nat(200), agreesAfterCuts), { numRuns: 1000 })
  })

  it('equals a list of blocks after thousands of them are compacted', () => {
    const blocks = blocksOf(Array.from({ length: 3000 }, (_, at) => `1x${1 + (at % 3)}`).join(' '))
    for (const compact of [500, 2100, 4000, 5900, 5999]) agreesAfterCuts(blocks, [{ compact }], 5950, 5980, 700)
  })
})

type Cut = { readonly truncate: LogIndex } | { readonly compact: LogIndex } | { readonly append: number }

function cuts(): fc.Arbitrary<readonly Cut[]> {
  return fc.array(
    fc.oneof(
      fc.nat(40).map((truncate) => ({ truncate })),
      fc.nat(40).map((compact) => ({ compact })),
      fc.integer({ min: 1, max: 3 }).map((append) => ({ append })),
    ),
    { maxLength: 6 },
  )
}

/** Compares every query on both. */
function agreesAfterCuts(
  blocks: readonly Block[],
  cuts: readonly Cut[],
  at: LogIndex,
  to: LogIndex,
  bytesMax: number,
): void {
  const index = indexOf(blocks)
  let list = [...blocks]
  let end = endOf(blocks.at(-1)) + 1
  for (const cut of cuts) {
    if ('append' in cut) {
      const block: Block = { first: end, term: 99, count: cut.append, size: 7, kind: 'commands', checksum: end }
      index.append(block)
      list.push(block)
      end += cut.append
    } else if ('truncate' in cut) {
      const boundary = index.boundaryAtOrBelow(cut.truncate)
      if (boundary === undefined) continue
      list = list.filter((block) => endOf(block) <= boundary)
      index.truncateAfter(boundary)
      end = boundary + 1
    } else {
      list = list.filter((block) => endOf(block) > cut.compact)
      index.compactTo(cut.compact)
    }
  }
  const holding = list.find((block) => block.first <= at && at <= endOf(block))
  assert.equal(index.blockAt(at)?.first, holding?.first)
  assert.equal(index.length, list.length)
  assert.equal(index.end, end)
  assert.equal(index.bytes, bytesOf(list))
  assert.equal(
    index.boundaryAtOrBelow(at),
    list.map(endOf).findLast((last) => last <= at),
  )
  if (holding !== undefined) {
    assert.deepEqual(
      index.blocksFrom(holding.first, bytesMax).map(({ first }) => first),
      fitting(list.slice(list.indexOf(holding)), bytesMax).map(({ first }) => first),
    )
  }
  const boundaries = [(list[0]?.first ?? end) - 1, ...list.map(endOf)]
  const [after, upTo] = [at, to].map((place) => boundaries.findLast((boundary) => boundary <= place) ?? boundaries[0])
  const between = list.filter((block) => block.first > (after as number) && endOf(block) <= (upTo as number))
  if ((after as number) <= (upTo as number))
    assert.equal(index.bytesBetween(after as number, upTo as number), bytesOf(between))
  const trailingStart = boundaries
    .filter((boundary) => boundary <= (upTo as number))
    .find(
      (boundary) =>
        bytesOf(list.filter((block) => block.first > boundary && endOf(block) <= (upTo as number))) <= bytesMax,
    )
  assert.equal(index.trailingStart(upTo as number, bytesMax), trailingStart)
}

function indexOf(blocks: readonly Block[]): BlockIndex {
  const index = new BlockIndex(1, 0)
  for (const block of blocks) index.append(block)
  return index
}

/** As many blocks as fit, at least one. */
function fitting(blocks: readonly Block[], bytesMax: number): readonly Block[] {
  const fit = blocks.findIndex((_, offset) => offset > 0 && bytesOf(blocks.slice(0, offset + 1)) > bytesMax)
  return fit === -1 ? blocks : blocks.slice(0, fit)
}

function endOf(block: Block | undefined): LogIndex {
  return block === undefined ? 0 : block.first + block.count - 1
}

function bytesOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { size }) => sum + size, 0)
}
