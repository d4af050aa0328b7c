/** The damaged parts of a simulated disk. As the storage contract requires, every read of a damaged part fails. */

import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { NodeId } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { decodeBlock } from '../../log-format/block.ts'
import type { MemoryDisk } from '../../memory/memory-disk.ts'

/** A flipped bit in a block, in the hard state or in a snapshot; or a missing snapshot file. */
export type DamagedPart = 'log' | 'hardState' | 'snapshot' | 'snapshotFile'

export class Damage {
  readonly #node: NodeId
  readonly #onDetected: (error: RaftError) => void
  /** The flipped bit of each damaged block. */
  readonly #blocks = new Map<EncodedBlock, number>()
  /** The damaged byte of each damaged snapshot, by snapshot id. */
  readonly #bytes = new Map<string, number>()
  readonly #missing = new Set<string>()
  #isHardStateLost = false
  /** While true, every read returns a flipped bit although the stored data is intact. */
  isMisread = false

  constructor(node: NodeId, onDetected: (error: RaftError) => void) {
    this.#node = node
    this.#onDetected = onDetected
  }

  /** `place` selects the block and bit, or the byte, modulo their number. Returns false if there is no such part to damage yet. */
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

  /** One description per damaged part. The state hash covers these words. */
  get descriptions(): readonly string[] {
    return [
      ...(this.isMisread ? ['whatever is read'] : []),
      ...(this.#isHardStateLost ? ['term and vote'] : []),
      ...[...this.#blocks.keys()].map(({ first }) => `the block at ${first}`),
      ...[...this.#bytes].map(([id, byte]) => `byte ${byte} of the snapshot ${id}`),
      ...[...this.#missing].map((id) => `the snapshot ${id}`),
    ]
  }

  /** Checks what opening a storage reads: everything except the bytes of snapshots. */
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

  /** Decodes the block with the bit flipped: the block's own checksum detects it. */
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
