/** How a bad storage is made: the good one in memory, with one lie on top. */
import type { Storage } from '../../src/contracts/storage.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'
import { CrashingDisk, memoryStorageFixture } from '../memory/memory-storage-fixture.ts'

/** What is wrong with a storage, given the good one below it; what it does not say is done well. */
export type StorageDefect = (good: Storage, disk: MemoryDisk) => Partial<Storage>

/** What else the place of a bad storage can do. */
export type FixtureOverrides = (disk: MemoryDisk) => Partial<StoragePlace>

export interface FaultyStorage {
  /** What is bad about it. */
  readonly defect: string
  /** The check that must fail: its group's name and its own. */
  readonly failingCheck: string
  readonly make: () => Promise<StoragePlace>
}

export function faulty(
  defect: string,
  failingCheck: string,
  override: StorageDefect,
  fixtureOverrides: FixtureOverrides = () => ({}),
): FaultyStorage {
  const make = async (): Promise<StoragePlace> => {
    const disk = new CrashingDisk()
    const storage = (): Storage => applyDefect(new MemoryStorage({ disk }), disk, override)
    return { ...(await memoryStorageFixture(disk)), createStorage: storage, ...fixtureOverrides(disk) }
  }
  return { defect: defect, failingCheck: failingCheck, make }
}

function applyDefect(good: Storage, disk: MemoryDisk, override: StorageDefect): Storage {
  return {
    open: (identity) => good.open(identity),
    write: (write) => good.write(write),
    read: (from, bytesMax) => good.read(from, bytesMax),
    snapshots: good.snapshots,
    freeBytes: () => good.freeBytes(),
    close: () => good.close(),
    ...override(good, disk),
  }
}
