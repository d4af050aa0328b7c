/** A memory disk as a fixture of the storage contract suite; it can crash, and ignore syncs, at every step of a write. */
import type { StorageWrite } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import type { MemoryFile } from '../../src/memory/memory-disk.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'

/** A map that calls back before and after each change. */
class WatchedFiles extends Map<string, MemoryFile> {
  readonly #onChange: () => void

  constructor(changing: () => void) {
    super()
    this.#onChange = changing
  }

  override set(id: string, file: MemoryFile): this {
    this.#onChange()
    super.set(id, file)
    this.#onChange()
    return this
  }

  override delete(id: string): boolean {
    this.#onChange()
    return super.delete(id)
  }
}

/** A disk that crashes at a chosen crash point: a write has three, and each change of a file has one before and one after. */
export class CrashingDisk extends MemoryDisk {
  override readonly files: Map<string, MemoryFile> = new WatchedFiles(() => this.#crashPoint())
  override readonly partials: Map<string, MemoryFile> = new WatchedFiles(() => this.#crashPoint())
  /** How many crash points pass before the crash; undefined for no crash. */
  crashPointsLeft: number | undefined
  ignoresSyncs = false

  override write(write: StorageWrite): void {
    if (this.crashPointsLeft === undefined) return super.write(write)
    this.#crashPoint(0, write)
    super.write({ ...write, isUrgent: false })
    this.#crashPoint()
    this.#crashPoint(this.unsyncedWrites)
    if (write.isUrgent) this.sync()
  }

  override sync(): void {
    if (!this.ignoresSyncs) super.sync()
  }

  override crash(keep?: number, torn?: StorageWrite): void {
    this.ignoresSyncs = false
    this.crashPointsLeft = undefined
    super.crash(keep, torn)
  }

  #crashPoint(keep = 0, torn?: StorageWrite): void {
    if (this.crashPointsLeft === undefined || this.crashPointsLeft-- > 0) return
    this.crash(keep, torn)
    throw new RaftError('ERR_RAFT_CLOSED', 'the disk has crashed')
  }
}

export async function memoryStorageFixture(disk: CrashingDisk = new CrashingDisk()): Promise<StorageFixture> {
  const full = new RaftError('ERR_RAFT_NO_SPACE', 'the disk is full')
  return {
    createStorage: () => new MemoryStorage({ disk }),
    crash: async () => disk.crash(),
    crashWithin: async (call, moment) => {
      // Moment 0: the call has done its synchronous part and has not settled yet.
      if (moment === 0) {
        call().catch(() => undefined)
        disk.crash()
        return true
      }
      disk.crashPointsLeft = moment - 1
      await call().catch(() => undefined)
      const isCut = disk.crashPointsLeft === undefined
      disk.crashPointsLeft = undefined
      return isCut
    },
    loseSyncs: async (part) => {
      disk.ignoresSyncs = part === 0
      return part === 0
    },
    failWrites: async () => disk.failWrites(full),
    fillDisk: async () => {
      disk.failWrites(full)
      return () => disk.failWrites(undefined)
    },
    destroy: async () => {},
  }
}
