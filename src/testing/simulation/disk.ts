/** A false disk: it outlives the node, syncs slowly, and forgets in a crash what was not synced. */
import type { StorageWrite } from '../../contracts/storage.ts'
import type { NodeId, SnapshotInfo } from '../../core/types.ts'
import { MemoryDisk } from '../../memory/memory-disk.ts'
import type { SeededRandom } from './random.ts'

/** How a disk behaves. */
export interface DiskTemper {
  readonly syncMinUs: number
  readonly syncMaxUs: number
  readonly readUs: number
}

export const GOOD_DISK: DiskTemper = { syncMinUs: 300, syncMaxUs: 1500, readUs: 100 }

/** More than anybody asks for. */
export const ROOM_BYTES: number = 2 ** 40

/** What the world is told of a disk. */
export interface DiskWatcher {
  /** The node's disk is about to do a call, or has just done it: here a crash may be put. */
  called(node: NodeId, when: 'before' | 'after', what: string): void
  /** From now on a crash leaves this write. */
  durable(node: NodeId, write: StorageWrite): void
  /** A whole snapshot file is durable. */
  fileDurable(node: NodeId, info: SnapshotInfo): void
}

/** What survives of a node: one per data directory. */
export class FalseDisk {
  readonly node: NodeId
  /** What is on it. */
  readonly memory: MemoryDisk
  readonly #random: SeededRandom
  readonly #watcher: DiskWatcher
  /** Written, and seen by reads, but not synced: what a crash may lose. In order, as the memory disk has them. */
  #unsynced: StorageWrite[] = []
  temper: DiskTemper
  /** Set to make writes fail with this message (a failed fsync), for good. */
  failure: string | undefined
  /** Room on it. */
  freeBytes: number = ROOM_BYTES
  /** Its bytes are not what was written: whoever reads them notices. */
  isRotten = false

  constructor(node: NodeId, random: SeededRandom, watcher: DiskWatcher, temper: DiskTemper = GOOD_DISK) {
    this.node = node
    this.memory = new MemoryDisk({ directoryId: `${node}-${random.next().toString(16)}` })
    this.#random = random
    this.#watcher = watcher
    this.temper = temper
  }

  /** Power is cut. Of the unsynced writes a prefix survives, as long as chance wants it; nothing, when `isHard`. */
  crash(isHard: boolean): void {
    const kept = isHard ? 0 : this.#random.below(this.#unsynced.length + 1)
    const survivors = this.#unsynced.slice(0, kept)
    this.#unsynced = []
    this.memory.crash(kept)
    for (const write of survivors) this.#watcher.durable(this.node, write)
  }

  /** How long the next sync takes. */
  syncUs(): number {
    return this.#random.between(this.temper.syncMinUs, this.temper.syncMaxUs + 1)
  }

  /** Whether a write that fails is there all the same. */
  isThereThough(): boolean {
    return this.#random.chance(500)
  }

  call(when: 'before' | 'after', what: string): void {
    this.#watcher.called(this.node, when, what)
  }

  /** A write has been put, and waits for a sync. */
  wrote(write: StorageWrite): void {
    this.#unsynced.push(write)
  }

  /** Everything written so far is durable. */
  sync(): void {
    const writes = this.#unsynced
    this.#unsynced = []
    this.memory.sync()
    for (const write of writes) this.#watcher.durable(this.node, write)
  }

  fileIsDurable(info: SnapshotInfo): void {
    this.#watcher.fileDurable(this.node, info)
  }
}
