/** A fixture for SegmentStorage: a temporary directory with simulated crashes, failing or ignored syncs, and a full disk. */
import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { SegmentStorageOptions } from '../../src/segments/index.ts'
import { SegmentStorage } from '../../src/segments/index.ts'
import type { Damage, StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { FaultyDisk, IGNORED_SYNCS } from '../rocksdb/faulty-disk.ts'
import { copyDirectory, flipBit, temporaryDirectory } from '../rocksdb/rocksdb-fixture.ts'
import type { Survivors } from '../storage/unsynced-data.ts'
import { watchFiles } from '../storage/watched-files.ts'

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
  const root = await temporaryDirectory()
  const opened: SegmentStorage[] = []
  const disk = new FaultyDisk()
  const unwatch = await watchFiles(root, disk)
  let crashes = 0
  const directory = () => join(root, `crash-${crashes}`)
  const crash = async (left: Survivors) => {
    const before = directory()
    await copyDirectory(before, join(root, `crash-${crashes + 1}`))
    crashes++
    disk.dropUnsynced(before, directory(), left)
  }
  return {
    directory,
    get opensToFail() {
      return disk.opensToFail
    },
    set opensToFail(count) {
      disk.opensToFail = count
    },
    createStorage(options) {
      const storage = new StorageClass({ directory: directory(), segmentBytes: SEGMENT_BYTES, ...options })
      opened.push(storage)
      return storage
    },
    crash: () => crash('nothing'),
    crashWithin: (call, moment) => disk.crashWithin(call, moment, crash),
    async loseSyncs(part) {
      disk.ignoredSyncs = IGNORED_SYNCS[part]
      return part < IGNORED_SYNCS.length
    },
    async failWrites() {
      disk.failsSyncs = true
    },
    async fillDisk() {
      disk.isFull = true
      return () => {
        disk.isFull = false
      }
    },
    damages: () => damagesIn(directory()),
    async destroy() {
      for (const storage of opened) await storage.close().catch(() => undefined)
      unwatch()
      await rm(root, { recursive: true, force: true })
    },
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
