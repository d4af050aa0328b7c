/** The log as the core sees it: its indexes, the term of every entry and the blocks, without the bytes. */
import { assert } from '../assert.ts'
import type { Block, EntryId, LinkedBlock, LogIndex, SnapshotInfo, Term } from '../types.ts'
import { BlockIndex } from './block-index.ts'
import { chainAtBase } from './chain.ts'
import { TermRuns } from './term-runs.ts'

/**
 * Invariant: baseIndex ≤ snapshotIndex ≤ commitIndex ≤ lastIndex; appliedIndex ≤ applyingIndex ≤ min(commitIndex, persistedIndex)
 * unless a snapshot is being installed; persistedIndex ≤ lastIndex.
 */
export class RaftLog {
  readonly #terms = new TermRuns()
  readonly #blocks: BlockIndex
  /** The log starts after this index. Entries up to it are compacted. */
  baseIndex: LogIndex
  /** The term at baseIndex, if known. */
  baseTerm: Term | undefined
  snapshot: SnapshotInfo | undefined
  commitIndex: LogIndex = 0
  persistedIndex: LogIndex = 0
  /** Entries up to this index have been passed to the state machine. */
  applyingIndex: LogIndex = 0
  appliedIndex: LogIndex = 0
  /** Up to here the log was equal to a leader's since the start of this process: the last index at which their hash chains were compared. */
  agreedIndex: LogIndex = 0

  constructor(snapshot: SnapshotInfo | undefined, blocks: readonly Block[]) {
    this.snapshot = snapshot
    const first = blocks[0]?.first ?? (snapshot?.index ?? 0) + 1
    assert(first <= (snapshot?.index ?? 0) + 1, 'there is no gap between snapshot and log')
    this.baseIndex = first - 1
    this.baseTerm = this.baseIndex === 0 ? 0 : this.baseIndex === snapshot?.index ? snapshot.term : undefined
    this.#blocks = new BlockIndex(first, chainAtBase(snapshot, blocks))
    for (const block of blocks) this.append(block)
    assert(this.lastIndex >= this.snapshotIndex, 'the log extends at least to the snapshot')
    this.persistedIndex = this.lastIndex
    this.commitIndex = this.snapshotIndex
  }

  get lastIndex(): LogIndex {
    return this.#blocks.end - 1
  }

  get firstIndex(): LogIndex {
    return this.baseIndex + 1
  }

  get snapshotIndex(): LogIndex {
    return this.snapshot?.index ?? 0
  }

  get bytes(): number {
    return this.#blocks.bytes
  }

  get last(): EntryId {
    return { index: this.lastIndex, term: this.termAt(this.lastIndex) as Term }
  }

  get uncommittedBytes(): number {
    return this.#blocks.bytesBetween(this.commitIndex, this.lastIndex)
  }

  /** The term of the entry at `index`; undefined if it is compacted or does not exist. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.baseIndex) return this.baseTerm
    if (index === this.snapshot?.index) return this.snapshot.term
    if (index < this.baseIndex || index > this.lastIndex) return undefined
    return this.#terms.termAt(index)
  }

  /** The hash chain at `index`; undefined if it is compacted, inside a block, or beyond the end. */
  chainAt(index: LogIndex): number | undefined {
    return this.#blocks.chainAt(index)
  }

  /** The block that contains the entry at `index`; undefined if it is compacted or does not exist. */
  blockAt(index: LogIndex): LinkedBlock | undefined {
    const block = this.#blocks.blockAt(index)
    if (block === undefined) return undefined
    const { first, end, size } = block
    const chainBefore = this.chainAt(first - 1) as number
    return {
      first,
      term: this.termAt(first) as Term,
      count: end - first,
      size,
      chainBefore,
      chain: this.chainAt(end - 1) as number,
    }
  }

  /** Whether the log contains this entry: the consistency check of AppendEntries (§5.3). */
  hasEntry(index: LogIndex, term: Term): boolean {
    return this.termAt(index) === term
  }

  /** Whether a log that ends with this entry is at least as up-to-date as this one (§5.4.1). */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    const own = this.last
    return lastTerm > own.term || (lastTerm === own.term && lastIndex >= own.index)
  }

  /**
   * The greatest index at or below `index` whose term is at most `term`: the last place where two logs may match. Undefined if it
   * is compacted.
   */
  lastWithTermAtMost(index: LogIndex, term: Term): LogIndex | undefined {
    const known = this.#terms.lastWithTermAtMost(Math.min(index, this.lastIndex), term)
    if (known !== undefined) return known
    const isBase = index >= this.baseIndex && this.baseTerm !== undefined && this.baseTerm <= term
    return isBase ? this.baseIndex : undefined
  }

  /** Whether no earlier entry has `term`, as far as the terms are known. */
  isFirstOfTerm(index: LogIndex, term: Term): boolean {
    const before = this.termAt(index - 1)
    return before === undefined || before < term
  }

  append(block: Block): void {
    assert(block.count >= 1, 'a block is not empty')
    this.#blocks.append(block)
    this.#terms.append(block.first, block.term)
  }

  /** Whether a block ends at this index, or the log starts after it. */
  isBoundary(index: LogIndex): boolean {
    if (index === this.baseIndex || index === this.lastIndex) return true
    return this.#blocks.blockAt(index + 1)?.first === index + 1
  }

  /** The greatest block boundary at or below `index`. */
  floorToBoundary(index: LogIndex): LogIndex {
    if (index >= this.lastIndex) return this.lastIndex
    return this.#blocks.boundaryAtOrBelow(index) ?? this.baseIndex
  }

  /** The blocks from `from` on, as many as fit into `bytesMax`, but at least one if there is one. */
  blocksFrom(from: LogIndex, bytesMax: number): Block[] {
    return this.#blocks.blocksFrom(from, bytesMax).map(({ first, end, size, kind, checksum }) => ({
      first,
      term: this.termAt(first) as Term,
      count: end - first,
      size,
      kind,
      checksum,
    }))
  }

  /** Bytes of the blocks in (after, to]. */
  bytesBetween(after: LogIndex, to: LogIndex): number {
    return this.#blocks.bytesBetween(after, to)
  }

  /** The lowest block end such that the blocks after it, up to `to`, have at most `bytesMax` bytes. */
  trailingStart(to: LogIndex, bytesMax: number): LogIndex {
    return this.#blocks.trailingStart(to, bytesMax)
  }

  /** Drops the conflicting suffix after `index`. Returns the number of dropped entries. */
  truncateAfter(index: LogIndex): number {
    assert(index >= this.commitIndex, 'committed entries are never truncated')
    const dropped = this.lastIndex - index
    this.#blocks.truncateAfter(index)
    this.#terms.truncateAfter(index)
    this.persistedIndex = Math.min(this.persistedIndex, index)
    this.agreedIndex = Math.min(this.agreedIndex, index)
    return dropped
  }

  commitTo(index: LogIndex): void {
    assert(index <= this.lastIndex, 'only entries of the log are committed')
    assert(index >= this.commitIndex, 'the commit index never decreases')
    this.commitIndex = index
  }

  /** Drops the prefix: all blocks that end at or before `index`. Returns the new base index. */
  compactTo(index: LogIndex): LogIndex {
    assert(index <= this.snapshotIndex, 'only entries in the snapshot are compacted')
    const base = this.floorToBoundary(index)
    if (base <= this.baseIndex) return this.baseIndex
    this.baseTerm = this.termAt(base)
    this.#blocks.compactTo(base)
    if (base === this.lastIndex) this.#terms.clear()
    else this.#terms.compactTo(base)
    this.baseIndex = base
    return base
  }

  /** Replaces the log with a snapshot from the leader (§7: "discards its entire log"). */
  resetTo(snapshot: SnapshotInfo): void {
    assert(snapshot.index > this.commitIndex, 'an installed snapshot is ahead of the commit index')
    this.#blocks.reset(snapshot.index + 1, snapshot.chain)
    this.#terms.clear()
    this.baseIndex = snapshot.index
    this.baseTerm = snapshot.term
    this.agreedIndex = snapshot.index
    this.persistedIndex = Math.min(this.persistedIndex, this.commitIndex)
    this.snapshot = snapshot
    this.commitIndex = snapshot.index
    this.applyingIndex = snapshot.index
  }
}
