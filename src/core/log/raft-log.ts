/** What the core knows of the log: its pointers, the term of every index, the blocks' places and the matching rule. Never the bytes. */
import { assert } from '../assert.ts'
import type { Block, EntryId, LogIndex, SnapshotInfo, Term } from '../types.ts'
import { BlockIndex } from './block-index.ts'
import { TermRuns } from './term-runs.ts'

/**
 * Invariant: baseIndex ≤ snapshotIndex ≤ commitIndex ≤ lastIndex; appliedIndex ≤ applyingIndex ≤ min(commitIndex, persistedIndex)
 * unless a snapshot is being installed; persistedIndex ≤ lastIndex.
 */
export class RaftLog {
  readonly #terms = new TermRuns()
  readonly #blocks: BlockIndex
  /** The log's blocks start after this index; what lies at or below is only in the snapshot. */
  baseIndex: LogIndex
  /** The term at baseIndex, if known. */
  baseTerm: Term | undefined
  snapshot: SnapshotInfo | undefined
  commitIndex: LogIndex = 0
  persistedIndex: LogIndex = 0
  /** Handed out to be applied. */
  applyingIndex: LogIndex = 0
  appliedIndex: LogIndex = 0

  constructor(snapshot: SnapshotInfo | undefined, blocks: readonly Block[]) {
    this.snapshot = snapshot
    const first = blocks[0]?.first ?? (snapshot?.index ?? 0) + 1
    assert(first <= (snapshot?.index ?? 0) + 1, 'there is no gap between the snapshot and the log')
    this.baseIndex = first - 1
    this.baseTerm = this.baseIndex === 0 ? 0 : this.baseIndex === snapshot?.index ? snapshot.term : undefined
    this.#blocks = new BlockIndex(first)
    for (const block of blocks) this.append(block)
    assert(this.lastIndex >= this.snapshotIndex, 'the log reaches at least to the snapshot')
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

  /** The term at an index; undefined where it is not known (compacted) or there is no entry. */
  termAt(index: LogIndex): Term | undefined {
    if (index === this.baseIndex) return this.baseTerm
    if (index === this.snapshot?.index) return this.snapshot.term
    if (index < this.baseIndex || index > this.lastIndex) return undefined
    return this.#terms.termAt(index)
  }

  /** Whether the log holds this entry: the consistency check of AppendEntries (§5.3). */
  hasEntry(index: LogIndex, term: Term): boolean {
    return this.termAt(index) === term
  }

  /** Whether a candidate's log is at least as up-to-date as this one (§5.4.1). */
  isUpToDate(lastIndex: LogIndex, lastTerm: Term): boolean {
    const own = this.last
    return lastTerm > own.term || (lastTerm === own.term && lastIndex >= own.index)
  }

  /**
   * The greatest index at or below `index` whose term is at most `term`: where two logs may first agree again. undefined if that
   * lies in what is compacted.
   */
  lastWithTermAtMost(index: LogIndex, term: Term): LogIndex | undefined {
    const known = this.#terms.lastWithTermAtMost(Math.min(index, this.lastIndex), term)
    if (known !== undefined) return known
    const isBase = index >= this.baseIndex && this.baseTerm !== undefined && this.baseTerm <= term
    return isBase ? this.baseIndex : undefined
  }

  /** Whether no entry before `index` is of `term` (as far as the terms are known). */
  isFirstOfTerm(index: LogIndex, term: Term): boolean {
    const before = this.termAt(index - 1)
    return before === undefined || before < term
  }

  append(block: Block): void {
    assert(block.count >= 1, 'a block has entries')
    this.#blocks.append(block.first, block.count, block.size, block.kind)
    this.#terms.append(block.first, block.term)
  }

  /** Whether a block ends at this index (or the log begins there). */
  isBoundary(index: LogIndex): boolean {
    if (index === this.baseIndex || index === this.lastIndex) return true
    return this.#blocks.blockAt(index + 1)?.first === index + 1
  }

  /** The greatest block boundary at or below an index. */
  floorToBoundary(index: LogIndex): LogIndex {
    if (index >= this.lastIndex) return this.lastIndex
    return this.#blocks.boundaryAtOrBelow(index) ?? this.baseIndex
  }

  /** Metadata of whole blocks from `from` on, up to about `bytesMax`, at least one if there is one. */
  blocksFrom(from: LogIndex, bytesMax: number): Block[] {
    return this.#blocks.blocksFrom(from, bytesMax).map(({ first, end, size, kind }) => ({
      first,
      term: this.termAt(first) as Term,
      count: end - first,
      size,
      kind,
    }))
  }

  /** Bytes of the blocks in (after, to]. */
  bytesBetween(after: LogIndex, to: LogIndex): number {
    return this.#blocks.bytesBetween(after, to)
  }

  /** The index after which the blocks up to `to` take at most `bytesMax`. */
  trailingStart(to: LogIndex, bytesMax: number): LogIndex {
    return this.#blocks.trailingStart(to, bytesMax)
  }

  /** Drops the conflicting suffix. Returns how many entries went. */
  truncateAfter(index: LogIndex): number {
    assert(index >= this.commitIndex, 'what is committed is never truncated')
    const dropped = this.lastIndex - index
    this.#blocks.truncateAfter(index)
    this.#terms.truncateAfter(index)
    this.persistedIndex = Math.min(this.persistedIndex, index)
    return dropped
  }

  commitTo(index: LogIndex): void {
    assert(index <= this.lastIndex, 'only what is in the log is committed')
    assert(index >= this.commitIndex, 'the commit index never falls')
    this.commitIndex = index
  }

  /** Drops the prefix up to an index, as far as whole blocks go. Returns the new base. */
  compactTo(index: LogIndex): LogIndex {
    assert(index <= this.snapshotIndex, 'only what a snapshot holds is compacted')
    const base = this.floorToBoundary(index)
    if (base <= this.baseIndex) return this.baseIndex
    this.baseTerm = this.termAt(base)
    this.#blocks.compactTo(base)
    if (base === this.lastIndex) this.#terms.clear()
    else this.#terms.compactTo(base)
    this.baseIndex = base
    return base
  }

  /** Starts anew after a snapshot that came from the leader (§7: "discards its entire log"). */
  resetTo(snapshot: SnapshotInfo): void {
    assert(snapshot.index > this.commitIndex, 'a snapshot is only installed when it is news')
    this.#blocks.reset(snapshot.index + 1)
    this.#terms.clear()
    this.baseIndex = snapshot.index
    this.baseTerm = snapshot.term
    this.persistedIndex = Math.min(this.persistedIndex, this.commitIndex)
    this.snapshot = snapshot
    this.commitIndex = snapshot.index
    this.applyingIndex = snapshot.index
  }
}
