/** A false disk: it outlives the node, syncs slowly, and forgets in a crash what was not synced. */
import type { EncodedBlock } from '../../contracts/block.ts'
import type { StorageIdentity, StorageWrite } from '../../contracts/storage.ts'
import type { HardState, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { SeededRandom } from './random.ts'

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

export interface SnapshotFile {
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
  /** Set to make writes fail with this message (a failed fsync). */
  failure: string | undefined

  constructor(node: NodeId, random: SeededRandom, watcher: DiskWatcher, temper: DiskTemper = GOOD_DISK) {
    this.node = node
    this.directoryId = `${node}-${random.next().toString(16)}`
    this.#random = random
    this.#watcher = watcher
    this.temper = temper
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

  /** Whose disk it is from now on, if it was nobody's. */
  identify({ clusterId, nodeId, newClusterId = '' }: StorageIdentity): StorageIdentity {
    this.#identity ??= { clusterId: clusterId || newClusterId, nodeId }
    return this.#identity
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

  /** A write that failed may be there all the same, or not. */
  putPerhaps(write: StorageWrite): void {
    if (this.#random.chance(500)) this.put(write)
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
