/** The snapshot store on a memory disk. */
import type { SnapshotStore, SnapshotWriter } from '../contracts/storage.ts'
import type { SnapshotInfo } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import type { MemoryDisk, MemoryFile } from './memory-disk.ts'

export class MemorySnapshots implements SnapshotStore {
  readonly #disk: MemoryDisk
  /** Throws unless the storage is open and has not failed. */
  readonly #assertUsable: () => void

  constructor(disk: MemoryDisk, assertUsable: () => void) {
    this.#disk = disk
    this.#assertUsable = assertUsable
  }

  async create(info: SnapshotInfo): Promise<SnapshotWriter> {
    this.#assertUsable()
    const partial = this.#disk.partials.get(info.id)
    return new MemorySnapshotWriter(
      this.#disk,
      info,
      isSameSnapshot(partial?.info, info) ? partial : undefined,
      this.#assertUsable,
    )
  }

  async *read(id: string, offset: number): AsyncGenerator<Uint8Array> {
    this.#assertUsable()
    const file = this.#disk.files.get(id)
    if (file === undefined) throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', `snapshot ${id} no longer exists`)
    if (offset > file.size)
      throw new RaftError(
        'ERR_RAFT_BAD_MESSAGE',
        `snapshot ${id} has ${file.size} bytes, and offset ${offset} was requested`,
      )
    let end = 0
    for (const chunk of file.chunks) {
      end += chunk.length
      if (end <= offset) continue
      this.#assertUsable()
      yield chunk.subarray(Math.max(0, offset - (end - chunk.length)))
    }
  }

  async list(): Promise<readonly string[]> {
    this.#assertUsable()
    return [...this.#disk.files.keys()]
  }

  async retain(ids: readonly string[]): Promise<void> {
    this.#assertUsable()
    for (const files of [this.#disk.files, this.#disk.partials])
      for (const id of [...files.keys()]) if (!ids.includes(id)) files.delete(id)
  }
}

class MemorySnapshotWriter implements SnapshotWriter {
  readonly offset: number
  readonly #disk: MemoryDisk
  readonly #info: SnapshotInfo
  readonly #assertUsable: () => void
  readonly #chunks: Uint8Array[]
  #size: number
  #isEnded = false

  constructor(disk: MemoryDisk, info: SnapshotInfo, partial: MemoryFile | undefined, assertUsable: () => void) {
    this.#disk = disk
    this.#info = info
    this.#assertUsable = assertUsable
    this.#chunks = [...(partial?.chunks ?? [])]
    this.#size = partial?.size ?? 0
    this.offset = this.#size
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#assertWritable()
    this.#disk.assertWritable()
    this.#chunks.push(chunk.slice())
    this.#size += chunk.length
  }

  async finish(): Promise<number> {
    this.#assertWritable()
    this.#isEnded = true
    this.#disk.partials.delete(this.#info.id)
    if (this.#info.size > 0 && this.#size !== this.#info.size)
      throw new RaftError(
        'ERR_RAFT_CORRUPT',
        `snapshot ${this.#info.id} has ${this.#size} bytes, expected ${this.#info.size}`,
      )
    this.#disk.files.set(this.#info.id, { info: this.#info, chunks: this.#chunks, size: this.#size })
    return this.#size
  }

  async suspend(): Promise<void> {
    if (this.#isEnded) return
    this.#assertWritable()
    this.#isEnded = true
    this.#disk.partials.set(this.#info.id, { info: this.#info, chunks: this.#chunks, size: this.#size })
  }

  async discard(): Promise<void> {
    if (this.#isEnded) return
    this.#assertWritable()
    this.#isEnded = true
    this.#disk.partials.delete(this.#info.id)
  }

  #assertWritable(): void {
    this.#assertUsable()
    if (this.#isEnded) throw new RaftError('ERR_RAFT_CLOSED', `the writer of snapshot ${this.#info.id} has ended`)
  }
}

function isSameSnapshot(a: SnapshotInfo | undefined, b: SnapshotInfo): boolean {
  return a?.id === b.id && a.index === b.index && a.term === b.term && a.size === b.size && a.checksum === b.checksum
}
