/** A disk in memory: what is durable on it outlives the storage that wrote it, what is not is lost in a crash. */

import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { StorageIdentity, StorageWrite } from '../contracts/storage.ts'
import type { HardState, SnapshotInfo } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import { BlockList } from '../log-format/block-list.ts'

export interface MemoryDiskOptions {
  /** The id of the data directory on it; by default numbered, so that a new disk is another directory. */
  readonly directoryId?: string | undefined
}

/** A snapshot as it lies on the disk. */
export interface MemoryFile {
  readonly info: SnapshotInfo
  readonly chunks: readonly Uint8Array[]
  readonly size: number
}

/** The state of a log at one moment. */
export class DiskImage {
  hardState: HardState = { term: 0, votedFor: undefined, commitIndex: 0 }
  snapshot: SnapshotInfo | undefined
  log: BlockList<EncodedBlock> = new BlockList()

  /** Makes a write, or throws and changes nothing. */
  apply(write: StorageWrite): void {
    this.log.apply(this.log.plan(write, this.snapshot?.index ?? 0))
    if (write.snapshot !== undefined) this.snapshot = write.snapshot.info
    if (write.hardState !== undefined) this.hardState = write.hardState
  }

  copy(): DiskImage {
    const copy = new DiskImage()
    copy.hardState = this.hardState
    copy.snapshot = this.snapshot
    copy.log = new BlockList(this.log.base, this.log.blocks)
    return copy
  }
}

let diskCount = 0

/**
 * Hand the same disk to a new MemoryStorage to find what the last one left. Invariant: `view` is `durable` with the writes of
 * `unsynced` made on it.
 */
export class MemoryDisk {
  readonly directoryId: string
  /** Set when the first storage opens it. */
  identity: StorageIdentity | undefined
  /** Whole snapshots, by id. */
  readonly files: Map<string, MemoryFile> = new Map()
  /** Partial snapshots, as far as they are durable, by id. */
  readonly partials: Map<string, MemoryFile> = new Map()
  /** Called when the disk crashes: whoever has it open is dead from then on. */
  #onCrash: (() => void) | undefined
  #view = new DiskImage()
  #durable = new DiskImage()
  #unsynced: StorageWrite[] = []
  #failure: RaftError | undefined

  constructor(options: MemoryDiskOptions = {}) {
    diskCount++
    this.directoryId = options.directoryId ?? `memory-${diskCount}`
  }

  /** What an open storage sees. */
  get view(): DiskImage {
    return this.#view
  }

  get isOpen(): boolean {
    return this.#onCrash !== undefined
  }

  /** How many writes a crash would lose. */
  get unsyncedWrites(): number {
    return this.#unsynced.length
  }

  attach(onCrash: () => void): void {
    this.#onCrash = onCrash
  }

  detach(): void {
    this.#onCrash = undefined
  }

  write(write: StorageWrite): void {
    this.assertWritable()
    this.#view.apply(write)
    this.#unsynced.push(write)
    if (write.isUrgent) this.sync()
  }

  /** Makes every write durable. */
  sync(): void {
    for (const write of this.#unsynced) this.#durable.apply(write)
    this.#unsynced = []
  }

  /**
   * A power cut: of the writes that were not durable, only the first `keep` survive, and of `torn`, a lost one, term and vote: they
   * have a place of their own on a disk. The storage that had it open is dead.
   */
  crash(keep = 0, torn?: StorageWrite): void {
    for (const write of this.#unsynced.slice(0, keep)) this.#durable.apply(write)
    const { commitIndex } = this.#durable.hardState
    if (torn?.hardState !== undefined) this.#durable.hardState = { ...torn.hardState, commitIndex }
    this.#unsynced = []
    this.#view = this.#durable.copy()
    this.#failure = undefined
    this.#onCrash?.()
    this.#onCrash = undefined
  }

  /** Throws what every write fails with. */
  assertWritable(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** From now on every write fails with this, of the log and of snapshots, until a crash or, with undefined, at once no more. */
  failWrites(failure: RaftError | undefined): void {
    this.#failure = failure
  }
}
