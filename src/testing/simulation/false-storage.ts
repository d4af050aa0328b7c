/** The Storage contract over a false disk, as one life of a node has it. */
import type { EncodedBlock } from '../../contracts/block.ts'
import type {
  RecoveredState,
  SnapshotStore,
  SnapshotWriter,
  Storage,
  StorageIdentity,
  StorageWrite,
} from '../../contracts/storage.ts'
import type { LogIndex, SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { FalseDisk } from './disk.ts'
import type { NodeClock } from './virtual-clock.ts'

/** What one life of a node holds of its disk: once that life is over, nothing of it resolves any more. */
export class FalseStorage implements Storage {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock
  readonly snapshots: SnapshotStore
  #failed: RaftError | undefined
  #isOpen = false
  #writing: Promise<void> = Promise.resolve()

  constructor(disk: FalseDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
    this.snapshots = new FalseSnapshots(disk, clock)
  }

  async open(identity: StorageIdentity): Promise<RecoveredState> {
    const disk = this.#disk
    await this.#begin('open')
    const isNew = disk.identity === undefined
    const own = disk.identify(identity)
    await this.#end(disk.temper.readUs, 'open')
    this.#isOpen = true
    const { hardState, snapshot, blocks } = disk.visible
    return {
      directoryId: disk.directoryId,
      identity: own,
      isNew,
      hardState,
      snapshot,
      blocks: blocks.map(({ bytes: _, ...block }) => block),
    }
  }

  write(write: StorageWrite): Promise<void> {
    this.#writing = this.#write(write)
    return this.#writing
  }

  async #write(write: StorageWrite): Promise<void> {
    this.#check()
    await this.#begin('write')
    if (this.#disk.failure !== undefined) {
      this.#failed = new RaftError('ERR_RAFT_STORAGE', this.#disk.failure)
      this.#disk.putPerhaps(write)
      await this.#end(0, 'write')
      throw this.#failed
    }
    this.#disk.put(write)
    if (write.isUrgent) {
      await this.#clock.pass(this.#disk.syncUs())
      this.#disk.sync()
    }
    await this.#end(0, 'write')
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    this.#check()
    await this.#clock.pass(this.#disk.temper.readUs)
    const { blocks } = this.#disk.visible
    const start = blocks.findIndex((block) => block.first === from)
    if (start < 0) throw new RaftError('ERR_RAFT_COMPACTED', `no block starts at ${from}`)
    let end = start + 1
    let bytes = blocks[start]?.size ?? 0
    while (end < blocks.length && bytes + (blocks[end]?.size ?? 0) <= bytesMax) bytes += blocks[end++]?.size ?? 0
    return blocks.slice(start, end)
  }

  freeBytes(): Promise<number | undefined> {
    return Promise.resolve(undefined)
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#writing.catch(() => {})
    if (!this.#clock.isStopped && this.#failed === undefined) this.#disk.sync()
  }

  #check(): void {
    if (this.#failed !== undefined) throw this.#failed
    if (!this.#isOpen) throw new RaftError('ERR_RAFT_CLOSED', 'the storage is not open')
  }

  /** A moment passes on either side of every call, so that a crash can be put there. */
  async #begin(what: string): Promise<void> {
    this.#disk.call('before', what)
    await this.#clock.pass(0)
  }

  async #end(delayUs: number, what: string): Promise<void> {
    this.#disk.call('after', what)
    await this.#clock.pass(delayUs)
  }
}

class FalseSnapshots implements SnapshotStore {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock

  constructor(disk: FalseDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
  }

  async create(info: SnapshotInfo): Promise<SnapshotWriter> {
    const disk = this.#disk
    const clock = this.#clock
    disk.call('before', 'create')
    await clock.pass(disk.temper.readUs)
    const file = disk.files.get(info.id) ?? { bytes: new Uint8Array(0), isWhole: false }
    disk.files.set(info.id, file)
    return {
      offset: file.bytes.length,
      write: async (chunk) => {
        await clock.pass(disk.temper.readUs)
        file.bytes = Buffer.concat([file.bytes, chunk])
      },
      finish: async () => {
        disk.call('before', 'finish')
        await clock.pass(disk.syncUs())
        file.isWhole = true
        disk.fileIsDurable(info)
        disk.call('after', 'finish')
        await clock.pass(0)
        return file.bytes.length
      },
      suspend: () => clock.pass(0),
      discard: async () => {
        await clock.pass(0)
        disk.files.delete(info.id)
      },
    }
  }

  async *read(id: string, offset: number): AsyncIterable<Uint8Array> {
    const { temper, files } = this.#disk
    for (let at = offset; ; at += temper.chunkBytes) {
      await this.#clock.pass(temper.readUs)
      const file = files.get(id)
      if (file?.isWhole !== true) throw new RaftError('ERR_RAFT_SNAPSHOT_GONE', `there is no snapshot ${id}`)
      if (at >= file.bytes.length) return
      yield file.bytes.subarray(at, at + temper.chunkBytes)
    }
  }

  async list(): Promise<readonly string[]> {
    await this.#clock.pass(this.#disk.temper.readUs)
    return [...this.#disk.files].filter(([, file]) => file.isWhole).map(([id]) => id)
  }

  async retain(ids: readonly string[]): Promise<void> {
    await this.#clock.pass(this.#disk.temper.readUs)
    for (const id of this.#disk.files.keys()) if (!ids.includes(id)) this.#disk.files.delete(id)
  }
}
