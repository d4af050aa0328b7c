/** The snapshot store on a simulated disk, for one run of a process. */
import type { SnapshotStore, SnapshotWriter } from '../../contracts/storage.ts'
import type { SnapshotInfo } from '../../core/types.ts'
import { DiskCalls } from './disk-calls.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { NodeClock } from './virtual-clock.ts'

export class SimulatedSnapshots implements SnapshotStore {
  readonly #disk: SimulatedDisk
  readonly #clock: NodeClock
  readonly #calls: DiskCalls
  readonly #memory: SnapshotStore

  constructor(disk: SimulatedDisk, clock: NodeClock, memory: SnapshotStore) {
    this.#disk = disk
    this.#clock = clock
    this.#calls = new DiskCalls(disk, clock)
    this.#memory = memory
  }

  create(info: SnapshotInfo): Promise<SnapshotWriter> {
    return this.#calls.read('create', async () => {
      const writer = await this.#memory.create(info)
      this.#assertWritable()
      this.#disk.fileStarted(info, writer.offset)
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
          disk.allocate(chunk.length)
          await writer.write(chunk)
          disk.chunkWritten(info, chunk)
        }),
      finish: () =>
        calls.write('finish', async () => {
          await this.#clock.pass(disk.syncUs())
          if (disk.failure !== undefined && !disk.failedWriteSurvives()) this.#assertWritable()
          const size = await writer.finish()
          disk.fileClosed(info)
          this.#assertWritable()
          return size
        }),
      suspend: () => calls.write('suspend', () => writer.suspend().finally(() => disk.fileClosed(info))),
      discard: () => calls.write('discard', () => writer.discard().finally(() => disk.fileClosed(info))),
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

  #assertWritable(): void {
    const { failure } = this.#disk
    if (failure !== undefined) throw this.#disk.reject('ERR_RAFT_STORAGE', failure)
  }
}
