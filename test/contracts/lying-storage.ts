/** How a bad storage is made: the good one in memory, with one lie on top. */
import type { Storage } from '../../src/contracts/storage.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'
import { FaintingDisk, memoryPlace } from '../memory/place.ts'

/** What is wrong with a storage, given the good one below it; what it does not say is done well. */
export type StorageLie = (good: Storage, disk: MemoryDisk) => Partial<Storage>

/** What else the place of a bad storage can do. */
export type PlaceOn = (disk: MemoryDisk) => Partial<StoragePlace>

export interface BadStorage {
  /** What is bad about it. */
  readonly it: string
  /** The check that must fail: its group's name and its own. */
  readonly fails: string
  readonly make: () => Promise<StoragePlace>
}

export function bad(it: string, fails: string, lie: StorageLie, more: PlaceOn = () => ({})): BadStorage {
  const make = async (): Promise<StoragePlace> => {
    const disk = new FaintingDisk()
    const storage = (): Storage => over(new MemoryStorage({ disk }), disk, lie)
    return { ...(await memoryPlace(disk)), storage, ...more(disk) }
  }
  return { it, fails, make }
}

function over(good: Storage, disk: MemoryDisk, lie: StorageLie): Storage {
  return {
    open: (identity) => good.open(identity),
    write: (write) => good.write(write),
    read: (from, bytesMax) => good.read(from, bytesMax),
    snapshots: good.snapshots,
    freeBytes: () => good.freeBytes(),
    close: () => good.close(),
    ...lie(good, disk),
  }
}
