/** A false disk: it outlives the node, syncs slowly, runs full, fails, rots, and forgets in a crash what was not synced. */
import type { StorageWrite } from '../../contracts/storage.ts'
import type { NodeId, SnapshotInfo } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { MemoryDisk } from '../../memory/memory-disk.ts'
import { Damage } from './damage.ts'
import type { SeededRandom } from './seeded-random.ts'

/** How a disk behaves. */
export interface DiskTiming {
  readonly syncMinUs: number
  readonly syncMaxUs: number
  readonly readUs: number
}

export const NORMAL_DISK_TIMING: DiskTiming = { syncMinUs: 300, syncMaxUs: 1500, readUs: 100 }

/** More than anybody asks for. */
export const DISK_BYTES: number = 2 ** 40

/** What the world is told of a disk. */
export interface DiskObserver {
  /** The node's disk is about to do a call, or has just done it: here a crash may be put. */
  called(node: NodeId, when: 'before' | 'after', what: string): void
  /** From now on a crash leaves this write. */
  durable(node: NodeId, write: StorageWrite): void
}

/** A snapshot file that is being written. */
interface UnfinishedFile {
  readonly info: SnapshotInfo
  readonly chunks: Uint8Array[]
}

/** What survives of a node: one per data directory. */
export class SimulatedDisk {
  readonly node: NodeId
  /** What is on it. */
  readonly memory: MemoryDisk
  readonly damage: Damage
  readonly #random: SeededRandom
  readonly #observer: DiskObserver
  /** Written, and seen by reads, but not synced: what a crash may lose. In order, as the memory disk has them. */
  #unsynced: StorageWrite[] = []
  readonly #unfinishedFiles = new Map<string, UnfinishedFile>()
  /** Why it refused something to the process that has it open. */
  readonly #rejectedWith = new Set<ErrorCode>()
  timing: DiskTiming
  /** Set to make everything that writes fail with this message (a failed fsync). */
  failure: string | undefined
  /** Room on it. */
  freeBytes: number = DISK_BYTES

  constructor(node: NodeId, random: SeededRandom, observer: DiskObserver, timing: DiskTiming = NORMAL_DISK_TIMING) {
    this.node = node
    this.memory = new MemoryDisk({ directoryId: `${node}-${random.next().toString(16)}` })
    this.damage = new Damage(node, (error) => this.#rejectedWith.add(error.code))
    this.#random = random
    this.#observer = observer
    this.timing = timing
  }

  /**
   * Power is cut. Of the unsynced writes a prefix survives, as long as chance wants it, perhaps term and vote of one behind it,
   * and the beginning of files under way; nothing of it all, when `isHard`.
   */
  crash(isHard: boolean): void {
    const unsynced = this.#unsynced
    const kept = isHard ? 0 : this.#random.below(unsynced.length + 1)
    const torn = isHard ? undefined : this.#tornOf(unsynced.slice(kept))
    this.#unsynced = []
    this.memory.crash(kept, torn)
    for (const write of unsynced.slice(0, kept)) this.#observer.durable(this.node, write)
    if (torn !== undefined)
      this.#observer.durable(this.node, { blocks: [], hardState: this.memory.view.hardState, isUrgent: true })
    if (!isHard) for (const file of this.#unfinishedFiles.values()) this.#keepPartOf(file)
    this.#unfinishedFiles.clear()
    this.#rejectedWith.clear()
  }

  /** One of these writes with a term and vote, or none. */
  #tornOf(lost: readonly StorageWrite[]): StorageWrite | undefined {
    const withVote = lost.filter(({ hardState }) => hardState !== undefined)
    return withVote[this.#random.below(withVote.length + 1)]
  }

  #keepPartOf({ info, chunks }: UnfinishedFile): void {
    const kept = chunks.slice(0, this.#random.below(chunks.length + 1))
    const size = kept.reduce((bytes, chunk) => bytes + chunk.length, 0)
    this.memory.partials.set(info.id, { info, chunks: kept, size })
  }

  /** How long the next sync takes. */
  syncUs(): number {
    return this.#random.between(this.timing.syncMinUs, this.timing.syncMaxUs + 1)
  }

  /** Whether a write that fails is there all the same. */
  failedWriteSurvives(): boolean {
    return this.#random.chance(500)
  }

  reportCall(when: 'before' | 'after', what: string): void {
    this.#observer.called(this.node, when, what)
  }

  /** The error of something it does not do. */
  reject(code: ErrorCode, message: string): RaftError {
    this.#rejectedWith.add(code)
    return new RaftError(code, message)
  }

  /** Whether it gave the process that has it open a reason to stop with this error. */
  explains(error: unknown): boolean {
    return isRaftError(error) && this.#rejectedWith.has(error.code)
  }

  /** Whether it has refused something to the process that has it open. */
  get hasRejected(): boolean {
    return this.#rejectedWith.size > 0
  }

  /** Uses up room; throws when there is none. */
  allocate(bytes: number): void {
    if (bytes > this.freeBytes)
      throw this.reject('ERR_RAFT_NO_SPACE', `${bytes} bytes do not fit: ${this.freeBytes} are free`)
    this.freeBytes -= bytes
  }

  /** A write has been put, and waits for a sync. */
  recordWrite(write: StorageWrite): void {
    this.#unsynced.push(write)
  }

  /** Everything written so far is durable. */
  sync(): void {
    const writes = this.#unsynced
    this.#unsynced = []
    this.memory.sync()
    for (const write of writes) this.#observer.durable(this.node, write)
  }

  /** A file is begun, or gone on with from what there is of it: a crash may leave as much, or more. */
  fileStarted(info: SnapshotInfo, offset: number): void {
    const partial = offset > 0 ? this.memory.partials.get(info.id)?.chunks : undefined
    this.#unfinishedFiles.set(info.id, { info, chunks: [...(partial ?? [])] })
  }

  chunkWritten({ id }: SnapshotInfo, chunk: Uint8Array): void {
    this.#unfinishedFiles.get(id)?.chunks.push(chunk.slice())
  }

  /** The file is whole, or suspended, or gone. */
  fileClosed({ id }: SnapshotInfo): void {
    this.#unfinishedFiles.delete(id)
  }
}
