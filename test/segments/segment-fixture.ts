/** A fixture for SegmentStorage: a temporary directory with simulated crashes, failing or ignored syncs, and a full disk. */
import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { SegmentStorageOptions } from '../../src/segments/index.ts'
import { SegmentStorage } from '../../src/segments/index.ts'
import type { Damage, StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { directoryFixture, flipBit } from '../storage/directory-fixture.ts'

/** Small, so that the histories of the contract fill several. */
const SEGMENT_BYTES = 64 * 1024

export interface SegmentFixture extends StorageFixture {
  /** The current data directory; a crash replaces it by a copy. */
  directory(): string
  createStorage(options?: Partial<SegmentStorageOptions>): SegmentStorage
  /** The number of next opens of files that fail for want of a descriptor. */
  opensToFail: number
}

/** `StorageClass` may be built from edited sources. */
export async function segmentFixture(StorageClass: typeof SegmentStorage = SegmentStorage): Promise<SegmentFixture> {
  const shared = await directoryFixture()
  const { disk, directory } = shared
  return {
    ...shared,
    get opensToFail() {
      return disk.opensToFail
    },
    set opensToFail(count) {
      disk.opensToFail = count
    },
    createStorage: (options) =>
      shared.register(new StorageClass({ directory: directory(), segmentBytes: SEGMENT_BYTES, ...options })),
    async failWrites() {
      disk.failsSyncs = true
    },
    damages: () => damagesIn(directory()),
  }
}

/** A flipped bit at the start, in the used part and in each page of each file; each file truncated or removed. */
async function damagesIn(directory: string): Promise<Damage[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const damages: Damage[] = []
  for (const path of paths.sort()) {
    const { size } = await stat(path)
    const name = relative(directory, path)
    if (size === 0) continue
    const places = name.endsWith('.segment') ? [20, 4096, 4110, 4140, 4200, 4300, 4500] : [size >> 1]
    for (const place of places)
      damages.push({ description: `the bit at ${place} of ${name}`, apply: () => flipBit(path, place) })
    damages.push(
      { description: `half of ${name}`, apply: () => truncate(path, size >> 1) },
      { description: `the file ${name}`, apply: () => rm(path) },
    )
  }
  return damages
}
