/** A false disk: it outlives the node, syncs slowly, and forgets in a crash what was not synced. */
import type { EncodedBlock } from '../../contracts/block.ts'
import type {
  RecoveredState,
  SnapshotStore,
  SnapshotWriter,
  Storage,
  StorageIdentity,
  StorageWrite,
} from '../../contracts/storage.ts'
import type { HardState, LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import type { SeededRandom } from './random.ts'
import type { NodeClock } from './virtual-clock.ts'

/** How a disk behaves. */
export interface DiskTemper {
  readonly syncMinUs: number
  readonly syncMaxUs: number
  readonly readUs: number
  /** Bytes in one chunk of a snapshot file. */
  readonly chunkBytes: number
}

export const GOOD_DISK: DiskTemper = { syncMinUs: 300, syncMaxUs: 1500, readUs: 100, chunkBytes: 4096 }

/** What the world is told of a disk. */
export interface DiskWatcher {
  /** The node's disk is about to do, or has just done, its `call`-th call: here a crash may be put. */
  called(node: NodeId, call: number, when: 'before' | 'after', what: string): void
  /** From now on a crash leaves this write. */
  durable(node: NodeId, write: StorageWrite): void
  /** A whole snapshot file is durable. */
  fileDurable(node: NodeId, info: SnapshotInfo): void
}

/** What was written: the hard state, the newest snapshot's name, and the blocks with their bytes. */
export class DiskContent {
  hardState: HardState = { term: 0, votedFor: undefined, commitIndex: 0 }
  snapshot: SnapshotInfo | undefined
  blocks: EncodedBlock[] = []

  /** In the order of the write's fields. */
  apply(write: StorageWrite): void {
    const { snapshot, truncateAfter, compactTo } = write
    if (snapshot !== undefined) {
      this.snapshot = snapshot.info
      if (snapshot.resetLog) this.blocks = []
    }
    if (truncateAfter !== undefined) this.blocks = this.blocks.filter((block) => block.first <= truncateAfter)
    this.blocks.push(...write.blocks)
    if (write.hardState !== undefined) this.hardState = write.hardState
    if (compactTo !== undefined) this.blocks = this.blocks.filter((block) => block.first + block.count - 1 > compactTo)
  }

  copy(): DiskContent {
    const copy = new DiskContent()
    copy.hardState = this.hardState
    copy.snapshot = this.snapshot
    copy.blocks = [...this.blocks]
    return copy
  }
}

interface SnapshotFile {
  bytes: Uint8Array
  isWhole: boolean
}

/** The platter: what survives. One per data directory. */
export class FalseDisk {
  readonly node: NodeId
  readonly directoryId: string
  readonly #random: SeededRandom
  readonly #watcher: DiskWatcher
  #identity: StorageIdentity | undefined
  /** What a crash leaves at the least. */
  readonly durable: DiskContent = new DiskContent()
  #visible = new DiskContent()
  readonly #files = new Map<string, SnapshotFile>()
  /** Written, and seen by reads, but not synced: what a crash may lose. In order. */
  #unsynced: StorageWrite[] = []
  #calls = 0
  temper: DiskTemper
  /** Set to make the next writes fail with this message (a failed fsync). */
  failure: string | undefined

  constructor(node: NodeId, random: SeededRandom, watcher: DiskWatcher, temper: DiskTemper = GOOD_DISK) {
    this.node = node
    this.directoryId = `${node}-${random.next().toString(16)}`
    this.#random = random
    this.#watcher = watcher
    this.temper = temper
  }

  /** The storage of one life of the node. */
  storage(clock: NodeClock): Storage {
    return new FalseStorage(this, clock)
  }

  /**
   * Power is cut. Of the unsynced writes a prefix survives, as long as chance wants it (or nothing, when `isHard`), and so
   * much of each unfinished file.
   */
  crash(isHard: boolean): void {
    const kept = isHard ? 0 : this.#random.below(this.#unsynced.length + 1)
    this.#sync(this.#unsynced.slice(0, kept))
    this.#unsynced = []
    this.#visible = this.durable.copy()
    for (const file of this.#files.values())
      if (!file.isWhole) file.bytes = file.bytes.slice(0, isHard ? 0 : this.#random.below(file.bytes.length + 1))
  }

  get identity(): StorageIdentity | undefined {
    return this.#identity
  }

  identify(identity: StorageIdentity): void {
    this.#identity ??= identity
  }

  /** As a running node sees it: with what is not synced. */
  get visible(): DiskContent {
    return this.#visible
  }

  get files(): Map<string, SnapshotFile> {
    return this.#files
  }

  syncUs(): number {
    return this.#random.between(this.temper.syncMinUs, this.temper.syncMaxUs + 1)
  }

  call(when: 'before' | 'after', what: string): void {
    if (when === 'before') this.#calls++
    this.#watcher.called(this.node, this.#calls, when, what)
  }

  put(write: StorageWrite): void {
    this.#unsynced.push(write)
    this.#visible.apply(write)
  }

  /** Everything written so far is durable. */
  sync(): void {
    const writes = this.#unsynced
    this.#unsynced = []
    this.#sync(writes)
  }

  fileIsDurable(info: SnapshotInfo): void {
    this.#watcher.fileDurable(this.node, info)
  }

  #sync(writes: readonly StorageWrite[]): void {
    for (const write of writes) {
      this.durable.apply(write)
      this.#watcher.durable(this.node, write)
    }
  }
}

/** What one life of a node holds of its disk: once that life is over, nothing of it resolves any more. */
class FalseStorage implements Storage {
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
    disk.identify(identity)
    await this.#end(disk.temper.readUs, 'open')
    this.#isOpen = true
    const { hardState, snapshot, blocks } = disk.visible
    return {
      directoryId: disk.directoryId,
      identity: disk.identity ?? identity,
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
