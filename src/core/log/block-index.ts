/** The index range, size, kind and hash chain of every block in the log, in arrays of numbers, so that a long log costs little memory. */
import { assert } from '../assert.ts'
import type { Block, BlockKind, LogIndex } from '../types.ts'
import { chainAfter, checksumOf } from './chain.ts'

const KINDS: readonly BlockKind[] = ['commands', 'noop', 'membership']

export interface BlockRange {
  readonly first: LogIndex
  /** The index after its last entry. */
  readonly end: LogIndex
  readonly size: number
  readonly kind: BlockKind
  readonly checksum: number
}

export class BlockIndex {
  // Parallel arrays. Invariant: block k is [#firsts[k], #firsts[k + 1]), the last one ends at #end; the first #start blocks are compacted.
  #start = 0
  #firsts: number[] = []
  #kinds: number[] = []
  #checksums: number[] = []
  /** #chains[k]: the hash chain at the end of block k. */
  #chains: number[] = []
  #baseChain: number
  /** #cumulativeBytes[k]: bytes of block k and of all blocks before it, including compacted ones. */
  #cumulativeBytes: number[] = []
  #baseBytes = 0
  #end: LogIndex

  constructor(end: LogIndex, baseChain: number) {
    this.#end = end
    this.#baseChain = baseChain
  }

  get length(): number {
    return this.#firsts.length - this.#start
  }

  /** The index after the last entry. */
  get end(): LogIndex {
    return this.#end
  }

  get bytes(): number {
    return this.#bytesBefore(this.#firsts.length) - this.#bytesBefore(this.#start)
  }

  append(block: Block): void {
    const { first, count, size, kind } = block
    assert(first === this.#end, 'blocks are contiguous')
    this.#chains.push(chainAfter(this.#chainBefore(this.#firsts.length), block))
    this.#checksums.push(checksumOf(block))
    this.#cumulativeBytes.push(this.#bytesBefore(this.#firsts.length) + size)
    this.#firsts.push(first)
    this.#kinds.push(KINDS.indexOf(kind))
    this.#end = first + count
  }

  /** The hash chain at `index`; undefined unless a block ends there, or the first one starts after it. */
  chainAt(index: LogIndex): number | undefined {
    if (index === this.#end - 1) return this.#chainBefore(this.#firsts.length)
    const next = this.#offsetOf(index + 1)
    return next !== undefined && this.#firsts[next] === index + 1 ? this.#chainBefore(next) : undefined
  }

  /** The block that contains the entry at `index`. */
  blockAt(index: LogIndex): BlockRange | undefined {
    const offset = this.#offsetOf(index)
    return offset === undefined ? undefined : this.#rangeAt(offset)
  }

  /** Blocks from the one that starts at `from`: as many as fit into `bytesMax`, but at least one. */
  blocksFrom(from: LogIndex, bytesMax: number): BlockRange[] {
    const first = this.#offsetOf(from)
    if (first === undefined) return []
    assert(this.#firsts[first] === from, 'a read starts at the start of a block')
    const before = this.#bytesBefore(first)
    const ranges: BlockRange[] = []
    for (let offset = first; offset < this.#firsts.length; offset++) {
      if (offset > first && this.#bytesBefore(offset + 1) - before > bytesMax) break
      ranges.push(this.#rangeAt(offset))
    }
    return ranges
  }

  /** Bytes of the blocks in (after, to]. Both must be the end of a block. */
  bytesBetween(after: LogIndex, to: LogIndex): number {
    return this.#bytesBefore(this.#offsetAfter(to)) - this.#bytesBefore(this.#offsetAfter(after))
  }

  /** The last index of the last block that ends at or before `index`, or undefined. */
  boundaryAtOrBelow(index: LogIndex): LogIndex | undefined {
    const offset = this.#offsetAfter(index)
    return offset <= this.#start ? undefined : this.#endOf(offset - 1) - 1
  }

  /** The lowest block end such that the blocks after it, up to `to`, have at most `bytesMax` bytes. */
  trailingStart(to: LogIndex, bytesMax: number): LogIndex {
    let high = this.#offsetAfter(to)
    const total = this.#bytesBefore(high)
    let low = this.#start
    while (low < high) {
      const middle = (low + high) >> 1
      if (total - this.#bytesBefore(middle) <= bytesMax) high = middle
      else low = middle + 1
    }
    return low === this.#start ? (this.#firsts[low] ?? this.#end) - 1 : this.#endOf(low - 1) - 1
  }

  /** Drops the blocks after `index` and returns their number. */
  truncateAfter(index: LogIndex): number {
    const keep = this.#offsetAfter(index)
    const dropped = this.#firsts.length - keep
    if (dropped === 0) return 0
    assert((this.#firsts[keep] as number) === index + 1, 'truncation does not split a block')
    this.#end = index + 1
    this.#firsts.length = keep
    this.#kinds.length = keep
    this.#checksums.length = keep
    this.#chains.length = keep
    this.#cumulativeBytes.length = keep
    return dropped
  }

  /** Drops the blocks that end at or before `index`. */
  compactTo(index: LogIndex): void {
    this.#start = Math.max(this.#start, this.#offsetAfter(index))
    if (this.#start < 1024 || this.#start * 2 < this.#firsts.length) return
    this.#baseBytes = this.#bytesBefore(this.#start)
    this.#baseChain = this.#chainBefore(this.#start)
    this.#firsts = this.#firsts.slice(this.#start)
    this.#kinds = this.#kinds.slice(this.#start)
    this.#checksums = this.#checksums.slice(this.#start)
    this.#chains = this.#chains.slice(this.#start)
    this.#cumulativeBytes = this.#cumulativeBytes.slice(this.#start)
    this.#start = 0
  }

  reset(end: LogIndex, baseChain: number): void {
    this.#start = 0
    this.#firsts = []
    this.#kinds = []
    this.#checksums = []
    this.#chains = []
    this.#baseChain = baseChain
    this.#cumulativeBytes = []
    this.#baseBytes = 0
    this.#end = end
  }

  #chainBefore(offset: number): number {
    return offset === 0 ? this.#baseChain : (this.#chains[offset - 1] as number)
  }

  #bytesBefore(offset: number): number {
    return offset === 0 ? this.#baseBytes : (this.#cumulativeBytes[offset - 1] as number)
  }

  #endOf(offset: number): LogIndex {
    return offset + 1 < this.#firsts.length ? (this.#firsts[offset + 1] as number) : this.#end
  }

  #rangeAt(offset: number): BlockRange {
    return {
      first: this.#firsts[offset] as number,
      end: this.#endOf(offset),
      size: this.#bytesBefore(offset + 1) - this.#bytesBefore(offset),
      kind: KINDS[this.#kinds[offset] as number] as BlockKind,
      checksum: this.#checksums[offset] as number,
    }
  }

  /** The offset of the first block that ends after `index`. */
  #offsetAfter(index: LogIndex): number {
    if (index >= this.#end - 1) return this.#firsts.length
    return this.#offsetOf(index + 1) ?? this.#start
  }

  #offsetOf(index: LogIndex): number | undefined {
    if (this.length === 0 || index >= this.#end || index < (this.#firsts[this.#start] as number)) return undefined
    let low = this.#start
    let high = this.#firsts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#firsts[middle] as number) <= index) low = middle
      else high = middle - 1
    }
    return low
  }
}
