/** A memory disk as a place for the storage contract: the power can go, and syncs can lie, at each of its steps. */
import type { StorageWrite } from '../../src/contracts/storage.ts'
import { RaftError } from '../../src/errors.ts'
import type { MemoryFile } from '../../src/memory/memory-disk.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'

/** Files that tell before and after each change. */
class WatchedFiles extends Map<string, MemoryFile> {
  readonly #changing: () => void

  constructor(changing: () => void) {
    super()
    this.#changing = changing
  }

  override set(id: string, file: MemoryFile): this {
    this.#changing()
    super.set(id, file)
    this.#changing()
    return this
  }

  override delete(id: string): boolean {
    this.#changing()
    return super.delete(id)
  }
}

/** A disk whose power goes at a moment that is set before: a write has three, and each change of a file. */
export class FaintingDisk extends MemoryDisk {
  override readonly files: Map<string, MemoryFile> = new WatchedFiles(() => this.#moment())
  override readonly partials: Map<string, MemoryFile> = new WatchedFiles(() => this.#moment())
  /** How many moments pass before the power goes; undefined: it stays. */
  momentsLeft: number | undefined
  isLying = false

  override write(write: StorageWrite): void {
    if (this.momentsLeft === undefined) return super.write(write)
    this.#moment(0, write)
    super.write({ ...write, isUrgent: false })
    this.#moment()
    this.#moment(this.unsyncedWrites)
    if (write.isUrgent) this.sync()
  }

  override sync(): void {
    if (!this.isLying) super.sync()
  }

  override crash(keep?: number, torn?: StorageWrite): void {
    this.isLying = false
    this.momentsLeft = undefined
    super.crash(keep, torn)
  }

  #moment(keep = 0, torn?: StorageWrite): void {
    if (this.momentsLeft === undefined || this.momentsLeft-- > 0) return
    this.crash(keep, torn)
    throw new RaftError('ERR_RAFT_CLOSED', 'the power is gone')
  }
}

export async function memoryPlace(disk: FaintingDisk = new FaintingDisk()): Promise<StoragePlace> {
  const full = new RaftError('ERR_RAFT_NO_SPACE', 'the disk is full')
  return {
    createStorage: () => new MemoryStorage({ disk }),
    crash: async () => disk.crash(),
    crashWithin: async (call, moment) => {
      // The first moment is when the call has done all that it does at once, and has not answered.
      if (moment === 0) {
        call().catch(() => undefined)
        disk.crash()
        return true
      }
      disk.momentsLeft = moment - 1
      await call().catch(() => undefined)
      const isCut = disk.momentsLeft === undefined
      disk.momentsLeft = undefined
      return isCut
    },
    loseSyncs: async (part) => {
      disk.isLying = part === 0
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
