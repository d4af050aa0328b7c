/** Builds a faulty storage: the in-memory storage with some methods overridden. */
import type { Storage } from '../../src/contracts/storage.ts'
import type { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { CrashingDisk, memoryStorageFixture } from '../memory/memory-storage-fixture.ts'

/** Returns the overridden methods, given the correct storage. All others behave correctly. */
export type StorageDefect = (correct: Storage, disk: MemoryDisk) => Partial<Storage>

/** Returns further members of the fixture. */
export type FixtureOverrides = (disk: MemoryDisk) => Partial<StorageFixture>

export interface FaultyStorage {
  /** The defect, as the predicate of a sentence. */
  readonly defect: string
  /** The check that must fail: group name and title. */
  readonly failingCheck: string
  readonly make: () => Promise<StorageFixture>
}

export function faulty(
  defect: string,
  failingCheck: string,
  override: StorageDefect,
  fixtureOverrides: FixtureOverrides = () => ({}),
): FaultyStorage {
  const make = async (): Promise<StorageFixture> => {
    const disk = new CrashingDisk()
    const createStorage = (): Storage => applyDefect(new MemoryStorage({ disk }), disk, override)
    return { ...(await memoryStorageFixture(disk)), createStorage, ...fixtureOverrides(disk) }
  }
  return { defect, failingCheck, make }
}

function applyDefect(correct: Storage, disk: MemoryDisk, override: StorageDefect): Storage {
  return {
    open: (identity) => correct.open(identity),
    write: (write) => correct.write(write),
    read: (from, bytesMax) => correct.read(from, bytesMax),
    snapshots: correct.snapshots,
    freeBytes: () => correct.freeBytes(),
    markUnusable: (reason) => correct.markUnusable(reason),
    close: () => correct.close(),
    ...override(correct, disk),
  }
}
