/** A simulated disk: it survives crashes of its node, loses unsynced writes in a crash, and can be slow, full, failed or damaged. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type { StorageWrite } from '../../contracts/storage.ts'
import type { LogIndex, NodeId, SnapshotInfo } from '../../core/types.ts'
import type { ErrorCode } from '../../errors.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import { encodeCommands, payloadsOf } from '../../log-format/block.ts'
import { MemoryDisk } from '../../memory/memory-disk.ts'
import { utf8 } from '../../platform/bytes.ts'
import { Damage } from './damage.ts'
import type { SeededRandom } from './seeded-random.ts'

/** How long syncs and reads take. */
export interface DiskTiming {
  readonly syncMinUs: number
  readonly syncMaxUs: number
  readonly readUs: number
}

export const NORMAL_DISK_TIMING: DiskTiming = { syncMinUs: 300, syncMaxUs: 1500, readUs: 100 }

/** The initial free space: more than any run writes. */
export const DISK_BYTES: number = 2 ** 40

/** Receives the calls and durable writes of a disk. */
export interface DiskObserver {
  /** The disk is about to execute a call, or has just executed it. A crash can be injected here. */
  called(node: NodeId, when: 'before' | 'after', what: string): void
  /** From now on a crash keeps this write. */
  durable(node: NodeId, write: StorageWrite): void
}

interface UnfinishedFile {
  readonly info: SnapshotInfo
  readonly chunks: Uint8Array[]
}

/** What survives when a node's process ends. There is one per data directory. */
export class SimulatedDisk {
  readonly node: NodeId
  /** Replaced when the directory goes back to an older copy. */
  memory: MemoryDisk
  readonly damage: Damage
  readonly #random: SeededRandom
  readonly #observer: DiskObserver
  /** Writes that reads can see and a crash may lose, in the same order as in the memory disk. */
  #unsynced: StorageWrite[] = []
  #changed: EncodedBlock | undefined
  readonly #unfinishedFiles = new Map<string, UnfinishedFile>()
  /** The codes of the errors that the current process has received. */
  readonly #rejectedWith = new Set<ErrorCode>()
  timing: DiskTiming
  /** If set, every write fails with this message, as after a failed fsync. */
  failure: string | undefined
  freeBytes: number = DISK_BYTES

  constructor(node: NodeId, random: SeededRandom, observer: DiskObserver, timing: DiskTiming = NORMAL_DISK_TIMING) {
    this.node = node
    const boots = random.fork('boots')
    this.memory = new MemoryDisk({
      directoryId: `${node}-${random.next().toString(16)}`,
      drawBootId: () => boots.next().toString(16),
    })
    this.damage = new Damage(node, (error) => this.#rejectedWith.add(error.code))
    this.#random = random
    this.#observer = observer
    this.timing = timing
  }

  /**
   * The process ends. A random prefix of the unsynced writes survives, possibly the hard state of a later one, and a random prefix of
   * each unfinished file. With `isHard`, none of it survives.
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

  /** Selects a random one of these writes that has a hard state, or none. */
  #tornOf(lost: readonly StorageWrite[]): StorageWrite | undefined {
    const withHardState = lost.filter(({ hardState }) => hardState !== undefined)
    return withHardState[this.#random.below(withHardState.length + 1)]
  }

  #keepPartOf({ info, chunks }: UnfinishedFile): void {
    const kept = chunks.slice(0, this.#random.below(chunks.length + 1))
    const size = kept.reduce((bytes, chunk) => bytes + chunk.length, 0)
    this.memory.partials.set(info.id, { info, chunks: kept, size })
  }

  /** Draws the duration of the next sync. */
  syncUs(): number {
    return this.#random.between(this.timing.syncMinUs, this.timing.syncMaxUs + 1)
  }

  /** Draws whether a failed write is stored nevertheless. */
  failedWriteSurvives(): boolean {
    return this.#random.chance(500)
  }

  reportCall(when: 'before' | 'after', what: string): void {
    this.#observer.called(this.node, when, what)
  }

  /** Creates the error of a call that fails, and remembers its code. */
  reject(code: ErrorCode, message: string): RaftError {
    this.#rejectedWith.add(code)
    return new RaftError(code, message)
  }

  /** Whether this disk can be the reason that the current process stopped with this error. */
  explains(error: unknown): boolean {
    return isRaftError(error) && this.#rejectedWith.has(error.code)
  }

  /** Whether a call of the current process has failed. */
  get hasRejected(): boolean {
    return this.#rejectedWith.size > 0
  }

  /** Uses free space; throws ERR_RAFT_NO_SPACE if there is not enough. */
  allocate(bytes: number): void {
    if (bytes > this.freeBytes)
      throw this.reject('ERR_RAFT_NO_SPACE', `${bytes} bytes do not fit: ${this.freeBytes} are free`)
    this.freeBytes -= bytes
  }

  /** Replaces a command in one of the blocks, with valid checksums. Returns false if there is none. `place` selects the block. */
  changeCommand(place: number): boolean {
    const blocks = this.memory.view.log.blocks as EncodedBlock[]
    const commands = blocks.filter(({ kind }) => kind === 'commands')
    const block = commands[place % commands.length]
    if (block === undefined) return false
    const [first, ...others] = payloadsOf(block) as [Uint8Array, ...Uint8Array[]]
    const text = JSON.stringify('x'.repeat(Math.max(0, first.length - 2)))
    this.#changed = encodeCommands(block.first, block.term, [utf8(text), ...others])
    blocks[blocks.indexOf(block)] = this.#changed
    return true
  }

  /** Whether `changeCommand` was called. */
  get isChanged(): boolean {
    return this.#changed !== undefined
  }

  /** The index of the changed block, while it is stored. */
  get changedIndex(): LogIndex | undefined {
    const changed = this.#changed
    return changed !== undefined && this.memory.view.log.blocks.includes(changed) ? changed.first : undefined
  }

  /** Records a write that waits for a sync. */
  recordWrite(write: StorageWrite): void {
    this.#unsynced.push(write)
  }

  /** Makes every write so far durable. */
  sync(): void {
    const writes = this.#unsynced
    this.#unsynced = []
    this.memory.sync()
    for (const write of writes) this.#observer.durable(this.node, write)
  }

  /** A snapshot file is started, or resumed at `offset`. A crash keeps a random prefix of its chunks. */
  fileStarted(info: SnapshotInfo, offset: number): void {
    const partial = offset > 0 ? this.memory.partials.get(info.id)?.chunks : undefined
    this.#unfinishedFiles.set(info.id, { info, chunks: [...(partial ?? [])] })
  }

  chunkWritten({ id }: SnapshotInfo, chunk: Uint8Array): void {
    this.#unfinishedFiles.get(id)?.chunks.push(chunk.slice())
  }

  /** The file is finished, suspended or discarded. */
  fileClosed({ id }: SnapshotInfo): void {
    this.#unfinishedFiles.delete(id)
  }
}
