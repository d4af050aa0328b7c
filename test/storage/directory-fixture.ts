/** What the fixtures of all storages share: a temporary data directory with simulated crashes, ignored syncs, and a full disk. */
import { open as openFile } from 'node:fs/promises'
import type { Storage } from '../../src/contracts/storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { PowerCutDirectory } from '../../src/testing/disk/power-cut-directory.ts'
import { FaultyDisk, IGNORED_SYNCS } from '../rocksdb/faulty-disk.ts'

export { copyDirectory, temporaryDirectory } from '../../src/testing/disk/power-cut-directory.ts'

export const IDENTITY = { clusterId: 'cluster-1', nodeId: 'a' }

export interface DirectoryFixture
  extends Required<Pick<StorageFixture, 'crash' | 'crashWithin' | 'loseSyncs' | 'fillDisk' | 'destroy'>> {
  readonly disk: FaultyDisk
  /** The current data directory; a crash replaces it by a copy. */
  directory(): string
  /** The storage is closed with the fixture. */
  register<Opened extends Storage>(storage: Opened): Opened
}

export async function directoryFixture(): Promise<DirectoryFixture> {
  const directory = await PowerCutDirectory.on(new FaultyDisk())
  const { disk } = directory
  return {
    ...directory.fixture,
    disk,
    directory: () => directory.path,
    register: (storage) => directory.register(storage),
    async loseSyncs(part) {
      disk.ignoredSyncs = IGNORED_SYNCS[part]
      return part < IGNORED_SYNCS.length
    },
  }
}

export async function flipBit(path: string, at: number): Promise<void> {
  const file = await openFile(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = (byte[0] as number) ^ 1
  await file.write(byte, 0, 1, at)
  await file.close()
}
