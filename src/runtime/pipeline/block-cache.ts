/** The newest blocks of the log in memory, for sending and applying: one contiguous run, limited in bytes. */

import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { LogIndex, Term } from '../../core/types.ts'

/** A block that is not on disk yet is never evicted, even beyond the limit: it could not be read back. */
export class BlockCache {
  readonly #bytesMax: number
  /** Invariant: contiguous; the slots before `#head` are free. */
  #blocks: (EncodedBlock | undefined)[] = []
  #head = 0
  #bytes = 0
  #persistedTo: LogIndex = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Appends a block and drops what it overwrites. A block that does not follow the last one starts a new run. */
  put(block: EncodedBlock): void {
    this.truncateAfter(block.first - 1)
    const last = this.#blocks[this.#blocks.length - 1]
    if (last !== undefined && last.first + last.count !== block.first) this.clear()
    this.#blocks.push(block)
    this.#bytes += block.bytes.length
    this.#evict()
  }

  /** The block that starts at `first`, if it is cached and of this term (of any term, if none is given). */
  get(first: LogIndex, term?: Term): EncodedBlock | undefined {
    let low = this.#head
    let high = this.#blocks.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const block = this.#blocks[middle] as EncodedBlock
      if (block.first === first) return term === undefined || block.term === term ? block : undefined
      if (block.first < first) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  /** Drops the blocks that start after `index`. */
  truncateAfter(index: LogIndex): void {
    for (;;) {
      const last = this.#blocks[this.#blocks.length - 1]
      if (last === undefined || last.first <= index) break
      this.#blocks.pop()
      this.#bytes -= last.bytes.length
    }
    if (this.#blocks.length === this.#head) this.#dropEvicted()
    this.#persistedTo = Math.min(this.#persistedTo, index)
  }

  /** The blocks up to `index` are durable, and may be evicted. */
  onPersisted(index: LogIndex): void {
    this.#persistedTo = Math.max(this.#persistedTo, index)
    this.#evict()
  }

  clear(): void {
    this.#blocks = []
    this.#head = 0
    this.#bytes = 0
    this.#persistedTo = 0
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#blocks[this.#head]
      if (oldest === undefined || oldest.first + oldest.count - 1 > this.#persistedTo) return
      this.#blocks[this.#head++] = undefined
      this.#bytes -= oldest.bytes.length
    }
    if (this.#head > 1024 && this.#head * 2 > this.#blocks.length) this.#dropEvicted()
  }

  #dropEvicted(): void {
    this.#blocks = this.#blocks.slice(this.#head)
    this.#head = 0
  }
}
