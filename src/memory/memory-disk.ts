/** A disk in memory: durable data outlives the storage that wrote it, and a crash loses the rest. */
import type { EncodedBlock } from '../contracts/encoded-block.ts'
import type { BootHistory, StorageIdentity, StorageWrite, Unusable } from '../contracts/storage.ts'
import { nextBoot } from '../contracts/storage.ts'
import type { HardState, SnapshotInfo } from '../core/types.ts'
import type { RaftError } from '../errors.ts'
import { BlockList } from '../log-format/block-list.ts'

/** The options of MemoryDisk. */
export interface MemoryDiskOptions {
  /** The directory id. Default: a new one for each disk. */
  readonly directoryId?: string | undefined
  /** Draws the id of each boot, unique for every disk and copy of one. Default: a number of this process. */
  readonly drawBootId?: (() => string) | undefined
}

/** A stored snapshot, whole or partial. */
export interface MemoryFile {
  readonly info: SnapshotInfo
  readonly chunks: readonly Uint8Array[]
  readonly size: number
}

/** Hard state, snapshot record and log at one moment. */
export class DiskImage {
  hardState: HardState = { term: 0, votedFor: undefined, commitIndex: 0 }
  snapshot: SnapshotInfo | undefined
  log: BlockList<EncodedBlock> = new BlockList()

  /** Applies a write, or throws and changes nothing. */
  apply(write: StorageWrite): void {
    const change = this.log.plan(write, this.snapshot?.index ?? 0)
    this.log.apply(change, change.append)
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
let bootCount = 0

/**
 * Pass the same disk to a new MemoryStorage to reopen what the previous one wrote. Invariant: `view` is the durable state with the
 * unsynced writes applied.
 */
export class MemoryDisk {
  readonly directoryId: string
  /** Set when the first storage opens it. */
  identity: StorageIdentity | undefined
  /** The latest boot; undefined before the first. Durable at once, as `unusable`. */
  boot: BootHistory | undefined
  unusable: Unusable | undefined
  /** Whole snapshots, by id. */
  readonly files: Map<string, MemoryFile> = new Map()
  /** The durable parts of partial snapshots, by id. */
  readonly partials: Map<string, MemoryFile> = new Map()
  /** Called at a crash: the storage that has the disk open is unusable from then on. */
  #onCrash: (() => void) | undefined
  readonly #drawBootId: () => string
  #view = new DiskImage()
  #durable = new DiskImage()
  #unsynced: StorageWrite[] = []
  #failure: RaftError | undefined

  constructor(options: MemoryDiskOptions = {}) {
    diskCount++
    this.directoryId = options.directoryId ?? `memory-${diskCount}`
    this.#drawBootId = options.drawBootId ?? (() => `boot-${++bootCount}`)
  }

  /** Begins the next boot. */
  begin(): BootHistory {
    this.boot = nextBoot(this.boot, this.#drawBootId())
    return this.boot
  }

  /** The state that an open storage reads, unsynced writes included. */
  get view(): DiskImage {
    return this.#view
  }

  get isOpen(): boolean {
    return this.#onCrash !== undefined
  }

  /** The number of writes that a crash would lose. */
  get unsyncedWrites(): number {
    return this.#unsynced.length
  }

  /** A disk with the same id and with what is durable here: a copy of the data directory at this moment. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk({ directoryId: this.directoryId, drawBootId: this.#drawBootId })
    copy.identity = this.identity
    copy.boot = this.boot
    copy.unusable = this.unusable
    for (const [id, file] of this.files) copy.files.set(id, file)
    for (const [id, file] of this.partials) copy.partials.set(id, file)
    copy.#durable = this.#durable.copy()
    copy.#view = this.#durable.copy()
    return copy
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
   * A power failure. Of the unsynced writes only the first `keep` survive; of `torn`, a lost write, the term and the vote survive,
   * because a disk stores them separately. The storage that had the disk open becomes unusable.
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

  /** Throws the error of `failWrites`, if one is set. */
  assertWritable(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Makes every write of log and snapshots fail with this error, until a crash or a call with undefined. */
  failWrites(failure: RaftError | undefined): void {
    this.#failure = failure
  }
}
