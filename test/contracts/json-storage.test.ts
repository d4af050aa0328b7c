/** A storage that leaves out fields that are undefined, as JSON does, fulfils the storage contract. */
import type { EncodedBlock } from '../../src/contracts/encoded-block.ts'
import type { RecoveredState, StorageIdentity } from '../../src/contracts/storage.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'

class JsonStorage extends MemoryStorage {
  override async open(identity: StorageIdentity): Promise<RecoveredState> {
    return JSON.parse(JSON.stringify(await super.open(identity)))
  }

  override async read(from: number, bytesMax: number): Promise<EncodedBlock[]> {
    const blocks = await super.read(from, bytesMax)
    return blocks.map(({ bytes, ...head }) => ({ ...JSON.parse(JSON.stringify(head)), bytes }))
  }
}

async function make(): Promise<StorageFixture> {
  const disk = new MemoryDisk()
  return {
    createStorage: () => new JsonStorage({ disk }),
    crash: async () => disk.crash(),
    destroy: async () => undefined,
  }
}

const unsupported = ['crashes within calls', 'lost syncs', 'failing disks', 'full disks', 'damage'] as const
storageContract({ describe, it, make, unsupported })
