/** The list of a log's blocks, which every storage keeps in memory, and the effect of a write on it. Does no I/O. */

import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { StorageWrite } from '../contracts/storage.ts'
import type { EntryId, LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'

/** A block without its bytes. */
export type BlockHeader = Omit<EncodedBlock, 'bytes'>

/** The effect of a write on the list: planned and checked before anything is changed. */
export interface LogChange<Head extends BlockHeader> {
  /** The blocks at offsets [keepFrom, keepTo) are kept. */
  readonly keepFrom: number
  readonly keepTo: number
  /** The blocks from this offset on, which start after `base`, are dropped: a storage must remove them in the same write. */
  readonly dropFrom: number
  readonly append: readonly Head[]
  /** The entry before the first block after the write. Blocks that start at or before it are not read, and may be removed later. */
  readonly base: EntryId
  /** The last entry after the write. */
  readonly last: EntryId
}

/** Invariant: the blocks are contiguous from `base.index + 1`, and their terms never decrease. */
export class BlockList<Head extends BlockHeader = BlockHeader> {
  #base: EntryId
  readonly #blocks: Head[]

  constructor(base: EntryId = { index: 0, term: 0 }, blocks: readonly Head[] = []) {
    this.#base = base
    this.#blocks = [...blocks]
  }

  /** The entry before the first block. */
  get base(): EntryId {
    return this.#base
  }

  get blocks(): readonly Head[] {
    return this.#blocks
  }

  /** The last entry, or the base if the list is empty. */
  get last(): EntryId {
    return this.entryBefore(this.#blocks.length)
  }

  /** The last entry before the block at this offset. */
  entryBefore(offset: number): EntryId {
    return offset === 0 ? this.#base : lastEntryOf(this.#blocks[offset - 1] as Head)
  }

  /** The offset of the block that starts at this index, or undefined. */
  offsetOf(first: LogIndex): number | undefined {
    const offset = this.#offsetFrom(first)
    return this.#blocks[offset]?.first === first ? offset : undefined
  }

  /** The offsets [from, to) of the blocks that a read of `bytesMax` returns; undefined if no block starts at `first`. */
  range(first: LogIndex, bytesMax: number): { readonly from: number; readonly to: number } | undefined {
    const from = this.offsetOf(first)
    if (from === undefined) return undefined
    let bytes = (this.#blocks[from] as Head).size
    let to = from + 1
    for (; to < this.#blocks.length; to++) {
      bytes += (this.#blocks[to] as Head).size
      if (bytes > bytesMax) break
    }
    return { from, to }
  }

  /**
   * Plans a write. `snapshotBefore` is the index of the newest snapshot before it. Throws ERR_RAFT_INTERNAL if the write does not
   * fit the log, so that a gap is never written.
   */
  plan<Block extends BlockHeader>(
    write: Pick<StorageWrite, 'snapshot' | 'truncateAfter' | 'compactTo'> & { readonly blocks: readonly Block[] },
    snapshotBefore: LogIndex,
  ): LogChange<Block> {
    const { snapshot } = write
    const snapshotIndex = snapshot?.info.index ?? snapshotBefore
    const change = snapshot?.resetLog === true ? this.#planReset(snapshot.info, write.blocks) : this.#planAppend(write)
    if (change.last.index < snapshotIndex)
      throw invalidWrite(`a snapshot at ${snapshotIndex}, but the log ends at ${change.last.index}`)
    if (change.base.index > snapshotIndex)
      throw invalidWrite(`a log that starts after ${change.base.index}, but the snapshot is at ${snapshotIndex}`)
    return change
  }

  /** Applies a planned change, with the blocks to append as they are listed from now on. The list must not have changed since it was planned. */
  apply({ keepFrom, keepTo, base }: LogChange<BlockHeader>, append: readonly Head[]): void {
    if (keepTo < this.#blocks.length) this.#blocks.length = keepTo
    for (const block of append) this.#blocks.push(block)
    if (keepFrom > 0) this.#blocks.splice(0, keepFrom)
    this.#base = base
  }

  #planReset<Block extends BlockHeader>(snapshot: EntryId, append: readonly Block[]): LogChange<Block> {
    const base = { index: snapshot.index, term: snapshot.term }
    if (base.index < this.#base.index)
      throw invalidWrite(`a reset to ${base.index}, but the log is compacted to ${this.#base.index}`)
    return {
      keepFrom: 0,
      keepTo: 0,
      dropFrom: this.#offsetFrom(base.index + 1),
      append,
      base,
      last: lastEntryAfter(base, append),
    }
  }

  #planAppend<Block extends BlockHeader>(write: {
    truncateAfter?: LogIndex | undefined
    compactTo?: LogIndex | undefined
    blocks: readonly Block[]
  }): LogChange<Block> {
    const { truncateAfter, compactTo = 0, blocks } = write
    const keepTo = truncateAfter === undefined ? this.#blocks.length : this.#offsetFrom(truncateAfter + 1)
    let keepFrom = Math.min(keepTo, this.#offsetFrom(compactTo + 1))
    if (keepFrom > 0 && this.entryBefore(keepFrom).index > compactTo) keepFrom--
    const last = lastEntryAfter(this.entryBefore(keepTo), blocks)
    return { keepFrom, keepTo, dropFrom: keepTo, append: blocks, base: this.entryBefore(keepFrom), last }
  }

  /** The offset of the first block that starts at or after this index. */
  #offsetFrom(index: LogIndex): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#blocks[middle] as Head).first < index) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** A block's header alone. */
export function headerOf({ first, term, kind, membership, count, checksum, size }: BlockHeader): BlockHeader {
  return { first, term, kind, membership, count, checksum, size }
}

function lastEntryOf(block: BlockHeader): EntryId {
  return { index: block.first + block.count - 1, term: block.term }
}

/** The last entry after these blocks are appended to `end`. Throws if they do not follow it. */
function lastEntryAfter(end: EntryId, blocks: readonly BlockHeader[]): EntryId {
  for (const block of blocks) {
    if (block.first !== end.index + 1)
      throw invalidWrite(`a block that starts at ${block.first} after index ${end.index}`)
    if (block.term < end.term) throw invalidWrite(`a block of term ${block.term} after an entry of term ${end.term}`)
    end = lastEntryOf(block)
  }
  return end
}

function invalidWrite(what: string): RaftError {
  return new RaftError('ERR_RAFT_INTERNAL', `a write does not fit the log: ${what}; nothing was written`, {
    hint: 'this is a bug in quorate: please report it with the events of the node',
  })
}
