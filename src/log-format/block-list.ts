/** The log as a storage sees it: an ordered list of blocks, and what a write does to it. Every storage keeps one; it does no I/O. */

import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { StorageWrite } from '../contracts/storage.ts'
import type { EntryId, LogIndex } from '../core/types.ts'
import { RaftError } from '../errors.ts'

/** A block without its bytes. */
export type BlockHeader = Omit<EncodedBlock, 'bytes'>

/** What a write will do to the list: worked out and checked before anything is touched. */
export interface LogChange<Head extends BlockHeader> {
  /** The blocks at offsets [keepFrom, keepTo) stay. */
  readonly keepFrom: number
  readonly keepTo: number
  /** The blocks from this offset on are dropped and begin after `base`: a storage must forget them with the same write. */
  readonly dropFrom: number
  readonly append: readonly Head[]
  /** The entry before the first block, afterwards; blocks that begin at or before it may linger on disk, unread. */
  readonly base: EntryId
  /** The last entry, afterwards. */
  readonly last: EntryId
}

/** Invariant: the blocks are contiguous from `base.index + 1`, and their terms never fall. */
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

  /** The last entry; of an empty list, its base. */
  get last(): EntryId {
    return this.entryBefore(this.#blocks.length)
  }

  /** The last entry before the block at this offset. */
  entryBefore(offset: number): EntryId {
    const block = this.#blocks[offset - 1]
    return block === undefined ? this.#base : lastEntryOf(block)
  }

  /** Where the block is that starts at this index, or undefined. */
  offsetOf(first: LogIndex): number | undefined {
    const offset = this.#offsetFrom(first)
    return this.#blocks[offset]?.first === first ? offset : undefined
  }

  /** The offsets [from, to) of the blocks to answer a read with; undefined if no block starts at `first`. */
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
   * Works out what a write does, given where the newest snapshot was before it; throws ERR_RAFT_INTERNAL if it does not fit the
   * log, so that no hole is ever written.
   */
  plan(
    write: Pick<StorageWrite, 'snapshot' | 'truncateAfter' | 'compactTo'> & { readonly blocks: readonly Head[] },
    snapshotBefore: LogIndex,
  ): LogChange<Head> {
    const { snapshot } = write
    const snapshotIndex = snapshot?.info.index ?? snapshotBefore
    const change = snapshot?.resetLog === true ? this.#planReset(snapshot.info, write.blocks) : this.#planAppend(write)
    if (change.last.index < snapshotIndex)
      throw invalidWrite(`a snapshot at ${snapshotIndex} of a log that ends at ${change.last.index}`)
    if (change.base.index > snapshotIndex)
      throw invalidWrite(`a log that starts after ${change.base.index} with a snapshot at ${snapshotIndex}`)
    return change
  }

  /** Makes a planned change. The list must not have changed since. */
  apply(change: LogChange<Head>): void {
    this.#blocks.length = change.keepTo
    for (const block of change.append) this.#blocks.push(block)
    if (change.keepFrom > 0) this.#blocks.splice(0, change.keepFrom)
    this.#base = change.base
  }

  #planReset(snapshot: EntryId, append: readonly Head[]): LogChange<Head> {
    const base = { index: snapshot.index, term: snapshot.term }
    if (base.index < this.#base.index)
      throw invalidWrite(`a reset to ${base.index} of a log compacted to ${this.#base.index}`)
    return {
      keepFrom: 0,
      keepTo: 0,
      dropFrom: this.#offsetFrom(base.index + 1),
      append,
      base,
      last: lastEntryAfter(base, append),
    }
  }

  #planAppend(write: {
    truncateAfter?: LogIndex | undefined
    compactTo?: LogIndex | undefined
    blocks: readonly Head[]
  }) {
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

function lastEntryOf(block: BlockHeader): EntryId {
  return { index: block.first + block.count - 1, term: block.term }
}

/** The last entry once these blocks follow `end`; throws if they cannot. */
function lastEntryAfter(end: EntryId, blocks: readonly BlockHeader[]): EntryId {
  for (const block of blocks) {
    if (block.first !== end.index + 1) throw invalidWrite(`a block from ${block.first} after entry ${end.index}`)
    if (block.term < end.term) throw invalidWrite(`a block of term ${block.term} after an entry of term ${end.term}`)
    end = lastEntryOf(block)
  }
  return end
}

function invalidWrite(what: string): RaftError {
  return new RaftError('ERR_RAFT_INTERNAL', `a write does not fit the log: ${what}; nothing was written`, {
    hint: 'this is a bug in quorate: please report it with the node’s events',
  })
}
