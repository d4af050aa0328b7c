/** The Storage contract over a false disk, as one life of a node has it: the storage of the memory, with time passing and crashes between. */
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
import { MemoryStorage } from '../../memory/memory-storage.ts'
import type { FalseDisk } from './disk.ts'
import type { NodeClock } from './virtual-clock.ts'

/** Once the life of its node is over, nothing of it resolves any more. */
export class FalseStorage implements Storage {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock
  readonly #memory: MemoryStorage
  readonly snapshots: SnapshotStore
  #opening: Promise<RecoveredState> | undefined
  #writing: Promise<void> = Promise.resolve()
  #isClosing = false

  constructor(disk: FalseDisk, clock: NodeClock) {
    this.#disk = disk
    this.#clock = clock
    this.#memory = new MemoryStorage({ disk: disk.memory })
    this.snapshots = new FalseSnapshots(disk, clock, this.#memory.snapshots)
  }

  open(identity: StorageIdentity): Promise<RecoveredState> {
    const opening = this.#open(identity)
    this.#opening ??= opening
    return opening
  }

  async #open(identity: StorageIdentity): Promise<RecoveredState> {
    await this.#before('open')
    assertSound(this.#disk)
    const recovered = await this.#memory.open(identity)
    await this.#after('open', this.#disk.temper.readUs)
    return recovered
  }

  write(write: StorageWrite): Promise<void> {
    if (this.#isClosing) return Promise.reject(new RaftError('ERR_RAFT_CLOSED', 'the storage is being closed'))
    const writing = this.#write(write)
    this.#writing = writing.catch(() => undefined)
    return writing
  }

  async #write(write: StorageWrite): Promise<void> {
    await this.#before('write')
    if (this.#disk.failure !== undefined) await this.#failAt(write, this.#disk.failure)
    await this.#put(write)
    if (write.isUrgent) {
      await this.#clock.pass(this.#disk.syncUs())
      this.#disk.sync()
    }
    await this.#after('write', 0)
  }

  /** Seen by reads from now on; durable with the next sync. */
  async #put(write: StorageWrite): Promise<void> {
    await this.#memory.write({ ...write, isUrgent: false })
    this.#disk.wrote(write)
  }

  /** The write may be there all the same, and nobody can tell; from now on every call fails. */
  async #failAt(write: StorageWrite, message: string): Promise<void> {
    if (this.#disk.isThereThough()) await this.#put(write)
    this.#disk.memory.failWrites(new RaftError('ERR_RAFT_STORAGE', message))
  }

  async read(from: LogIndex, bytesMax: number): Promise<EncodedBlock[]> {
    await this.#clock.pass(this.#disk.temper.readUs)
    assertSound(this.#disk)
    return this.#memory.read(from, bytesMax)
  }

  async freeBytes(): Promise<number | undefined> {
    await this.#clock.pass(0)
    // Rejects where every call does.
    await this.#memory.freeBytes()
    return this.#disk.freeBytes
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#opening?.catch(() => undefined)
    await this.#writing
    if (this.#disk.failure === undefined && this.#opening !== undefined) this.#disk.sync()
    await this.#memory.close()
  }

  /** A moment passes on either side of every call, and a crash can be put there. */
  async #before(what: string): Promise<void> {
    this.#disk.call('before', what)
    await this.#clock.pass(0)
  }

  async #after(what: string, delayUs: number): Promise<void> {
    this.#disk.call('after', what)
    await this.#clock.pass(delayUs)
  }
}

function assertSound({ node, isRotten }: FalseDisk): void {
  if (isRotten)
    throw new RaftError('ERR_RAFT_CORRUPT', `the bytes on the disk of ${node} are not those that were written`)
}

class FalseSnapshots implements SnapshotStore {
  readonly #disk: FalseDisk
  readonly #clock: NodeClock
  readonly #memory: SnapshotStore

  constructor(disk: FalseDisk, clock: NodeClock, memory: SnapshotStore) {
    this.#disk = disk
    this.#clock = clock
    this.#memory = memory
  }

  async create(info: SnapshotInfo): Promise<SnapshotWriter> {
    const disk = this.#disk
    const clock = this.#clock
    disk.call('before', 'create')
    await clock.pass(disk.temper.readUs)
    const writer = await this.#memory.create(info)
    return {
      offset: writer.offset,
      write: async (chunk) => {
        await clock.pass(disk.temper.readUs)
        await writer.write(chunk)
      },
      finish: async () => {
        disk.call('before', 'finish')
        await clock.pass(disk.syncUs())
        const size = await writer.finish()
        disk.fileIsDurable(info)
        disk.call('after', 'finish')
        await clock.pass(0)
        return size
      },
      suspend: async () => {
        await clock.pass(0)
        await writer.suspend()
      },
      discard: async () => {
        await clock.pass(0)
        await writer.discard()
      },
    }
  }

  async *read(id: string, offset: number): AsyncIterable<Uint8Array> {
    for await (const chunk of this.#memory.read(id, offset)) {
      await this.#clock.pass(this.#disk.temper.readUs)
      assertSound(this.#disk)
      yield chunk
    }
  }

  async list(): Promise<readonly string[]> {
    await this.#clock.pass(this.#disk.temper.readUs)
    return this.#memory.list()
  }

  async retain(ids: readonly string[]): Promise<void> {
    await this.#clock.pass(this.#disk.temper.readUs)
    return this.#memory.retain(ids)
  }
}
