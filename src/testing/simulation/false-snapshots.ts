/** The snapshot files on a false disk, as one life of a node has them. */
import type { SnapshotStore, SnapshotWriter } from '../../contracts/storage.ts'
import type { SnapshotInfo } from '../../core/types.ts'
import type { FalseDisk } from './disk.ts'
import { DiskCalls } from './disk-calls.ts'
import type { NodeClock } from './virtual-clock.ts'

export class FalseSnapshots implements SnapshotStore {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock
  readonly #calls: DiskCalls
  readonly #memory: SnapshotStore

  constructor(disk: FalseDisk, clock: NodeClock, memory: SnapshotStore) {
    this.#disk = disk
    this.#clock = clock
    this.#calls = new DiskCalls(disk, clock)
    this.#memory = memory
  }

  create(info: SnapshotInfo): Promise<SnapshotWriter> {
    return this.#calls.read('create', async () => {
      const writer = await this.#memory.create(info)
      this.#assertWritable()
      this.#disk.beganFile(info, writer.offset)
      return this.#writer(info, writer)
    })
  }

  #writer(info: SnapshotInfo, writer: SnapshotWriter): SnapshotWriter {
    const disk = this.#disk
    const calls = this.#calls
    return {
      offset: writer.offset,
      write: (chunk) =>
        calls.read('write chunk', async () => {
          this.#assertWritable()
          disk.take(chunk.length)
          await writer.write(chunk)
          disk.wroteChunk(info, chunk)
        }),
      finish: () =>
        calls.write('finish', async () => {
          await this.#clock.pass(disk.syncUs())
          if (disk.failure !== undefined && !disk.isThereThough()) this.#assertWritable()
          const size = await writer.finish()
          disk.endedFile(info)
          this.#assertWritable()
          return size
        }),
      suspend: () => calls.write('suspend', () => writer.suspend().finally(() => disk.endedFile(info))),
      discard: () => calls.write('discard', () => writer.discard().finally(() => disk.endedFile(info))),
    }
  }

  async *read(id: string, offset: number): AsyncIterable<Uint8Array> {
    const chunks = this.#memory.read(id, offset)[Symbol.asyncIterator]()
    for (let from = offset; ; ) {
      const { done, value: chunk } = await this.#calls.read('read chunk', () => chunks.next())
      if (done === true) return
      this.#disk.damage.assertBytes(id, from, from + chunk.length)
      from += chunk.length
      yield chunk
    }
  }

  list(): Promise<readonly string[]> {
    return this.#calls.read('list', () => this.#memory.list())
  }

  retain(ids: readonly string[]): Promise<void> {
    return this.#calls.read('retain', () => this.#memory.retain(ids))
  }

  /** A broken disk takes nothing. */
  #assertWritable(): void {
    const { failure } = this.#disk
    if (failure !== undefined) throw this.#disk.refuse('ERR_RAFT_STORAGE', failure)
  }
}
