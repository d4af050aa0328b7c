/** The Storage contract on a simulated disk, for one run of a process: MemoryStorage with simulated durations, crashes and faults. */
import type { EncodedBlock } from '../../contracts/encoded-block.ts'
import type {
  RecoveredState,
  SnapshotStore,
  Storage,
  StorageIdentity,
  StorageWrite,
  Unusable,
} from '../../contracts/storage.ts'
import type { LogIndex } from '../../core/types.ts'
import { RaftError } from '../../errors.ts'
import { MemoryStorage } from '../../memory/memory-storage.ts'
import { DiskCalls } from './disk-calls.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedSnapshots } from './simulated-snapshots.ts'
import type { NodeClock } from './virtual-clock.ts'

/** After the process has ended, none of its calls resolves. */
export class SimulatedStorage implements Storage {
  readonly #disk: SimulatedDisk
  readonly #clock: NodeClock
  readonly #calls: DiskCalls
  readonly #memory: MemoryStorage
  readonly snapshots: SnapshotStore
  #opening: Promise<RecoveredState> | undefined
  #writing: Promise<void> = Promise.resolve()
  #isClosing = false

  constructor(disk: SimulatedDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
    this.#calls = new DiskCalls(disk, clock)
    this.#memory = new MemoryStorage({ disk: disk.memory })
    this.snapshots = new SimulatedSnapshots(disk, clock, this.#memory.snapshots)
  }

  open(identity: StorageIdentity): Promise<RecoveredState> {
    const opening = this.#calls.read('open', async () => {
      const recovered = await this.#memory.open(identity)
      this.#disk.damage.assertOpens(this.#disk.memory)
      return recovered
    })
    this.#opening ??= opening
    return opening
  }

  write(write: StorageWrite): Promise<void> {
    if (this.#isClosing) return Promise.reject(new RaftError('ERR_RAFT_CLOSED', 'the storage is being closed'))
    const writing = this.#calls.write('write', () => this.#write(write))
    this.#writing = writing.catch(() => undefined)
    return writing
  }

  async #write(write: StorageWrite): Promise<void> {
    const disk = this.#disk
    if (disk.failure !== undefined) await this.#failWrite(write, disk.failure)
    this.#allocate(write)
    await this.#writeUnsynced(write)
    if (!write.isUrgent) return
    await this.#clock.pass(disk.syncUs())
    disk.sync()
  }

  /** Reads see the write at once; it is durable after the next sync. */
  async #writeUnsynced(write: StorageWrite): Promise<void> {
    await this.#memory.write({ ...write, isUrgent: false })
    this.#disk.recordWrite(write)
  }

  /** The write may be stored nevertheless. All further calls fail. */
  async #failWrite(write: StorageWrite, reason: string): Promise<void> {
    if (this.#disk.failedWriteSurvives()) await this.#writeUnsynced(write)
    this.#disk.memory.failWrites(this.#disk.reject('ERR_RAFT_STORAGE', reason))
  }

  /** If the write does not fit, nothing of it is stored and all further calls fail. */
  #allocate({ blocks }: StorageWrite): void {
    try {
      this.#disk.allocate(blocks.reduce((bytes, { size }) => bytes + size, 0))
    } catch (error) {
      this.#disk.memory.failWrites(error as RaftError)
    }
  }

  read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    return this.#calls.read('read', async () => {
      const blocks = await this.#memory.read(from, bytesMax)
      this.#disk.damage.assertBlocks(blocks)
      return blocks
    })
  }

  freeBytes(): Promise<number | undefined> {
    return this.#calls.write('freeBytes', async () => {
      // Rejects if an earlier write failed.
      await this.#memory.freeBytes()
      return this.#disk.freeBytes
    })
  }

  markUnusable(reason: Unusable): Promise<void> {
    return this.#calls.write('markUnusable', () => this.#memory.markUnusable(reason))
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#opening?.catch(() => undefined)
    await this.#writing
    if (this.#disk.failure === undefined && this.#opening !== undefined) this.#disk.sync()
    await this.#memory.close()
    // The failure concerned this process only; the next one starts without it.
    this.#disk.memory.failWrites(undefined)
  }
}
