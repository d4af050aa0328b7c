/** What of a disk is not what was written any more, and who meets it: whoever reads it notices, as the law of storage wants. */

import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { decodeBlock } from '../../log-format/block.ts'
import type { MemoryDisk } from '../../memory/memory-disk.ts'

/** A bit of a block, of term and vote, or of a snapshot; or a whole snapshot file, missing. */
export type DamagedPart = 'log' | 'hardState' | 'snapshot' | 'snapshotFile'

export class Damage {
  readonly #node: NodeId
  readonly #onDetected: (error: RaftError) => void
  /** Which bit of each is flipped. */
  readonly #blocks = new Map<EncodedBlock, number>()
  /** Which byte of each snapshot is wrong. */
  readonly #bytes = new Map<string, number>()
  readonly #missing = new Set<string>()
  #isHardStateLost = false
  /** Set while every read comes back with a bit flipped, though what is on the disk is sound. */
  isMisread = false

  constructor(node: NodeId, onDetected: (error: RaftError) => void) {
    this.#node = node
    this.#onDetected = onDetected
  }

  /** `place` tells which block and bit, or which byte, counted around. False if there is nothing there yet that could be damaged. */
  inflict(part: DamagedPart, place: number, { view, files }: MemoryDisk): boolean {
    const { blocks } = view.log
    const block = blocks[place % blocks.length]
    const file = files.get(view.snapshot?.id ?? '')
    if (part === 'hardState') this.#isHardStateLost = true
    else if (part === 'log' && block !== undefined) this.#blocks.set(block, place)
    else if (part === 'snapshot' && file !== undefined) this.#bytes.set(file.info.id, place % file.size)
    else if (part === 'snapshotFile' && file !== undefined) this.#missing.add(file.info.id)
    else return false
    return true
  }

  /** All of it, as words. */
  get descriptions(): readonly string[] {
    return [
      ...(this.isMisread ? ['whatever is read'] : []),
      ...(this.#isHardStateLost ? ['term and vote'] : []),
      ...[...this.#blocks.keys()].map(({ first }) => `the block at ${first}`),
      ...[...this.#bytes].map(([id, byte]) => `byte ${byte} of the snapshot ${id}`),
      ...[...this.#missing].map((id) => `the snapshot ${id}`),
    ]
  }

  /** What is looked at when a storage is opened: everything but the bytes of snapshots. */
  assertOpens({ view }: MemoryDisk): void {
    if (this.#isHardStateLost) throw this.#corrupt('term and vote are lost: both copies are damaged')
    if (this.#missing.has(view.snapshot?.id ?? '')) throw this.#corrupt(`the snapshot ${view.snapshot?.id} is missing`)
    for (const block of view.log.blocks) this.#assertBlock(block)
  }

  assertBlocks(blocks: readonly EncodedBlock[]): void {
    const [first] = blocks
    if (this.isMisread && first !== undefined) this.#assertFlipped(first, first.first)
    for (const block of blocks) this.#assertBlock(block)
  }

  assertBytes(id: string, from: number, to: number): void {
    if (this.#missing.has(id)) throw this.#corrupt(`the snapshot ${id} is missing`)
    const wrong = this.isMisread ? from : this.#bytes.get(id)
    if (wrong !== undefined && wrong >= from && wrong < to)
      throw this.#corrupt(`byte ${wrong} of the snapshot ${id} is not what was written`)
  }

  #assertBlock(block: EncodedBlock): void {
    const bit = this.#blocks.get(block)
    if (bit !== undefined) this.#assertFlipped(block, bit)
  }

  /** A block's own checksum tells. */
  #assertFlipped({ first, bytes }: EncodedBlock, bit: number): void {
    const flipped = Uint8Array.from(bytes)
    const at = bit % bytes.length
    flipped[at] = (flipped[at] as number) ^ (1 << (bit % 8))
    try {
      decodeBlock(flipped)
    } catch (cause) {
      throw this.#corrupt(`the block at ${first}: ${cause instanceof Error ? cause.message : cause}`)
    }
  }

  #corrupt(what: string): RaftError {
    const error = new RaftError('ERR_RAFT_CORRUPT', `the disk of ${this.#node} is damaged: ${what}`)
    this.#onDetected(error)
    return error
  }
}
