/** A memory disk as a place for the storage contract. */
import { RaftError } from '../../src/errors.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StoragePlace } from '../../src/testing/contracts/storage-contract.ts'

export async function memoryPlace(disk: MemoryDisk = new MemoryDisk()): Promise<StoragePlace> {
  return {
    storage: () => new MemoryStorage({ disk }),
    crash: async () => disk.crash(),
    failWrites: async () => disk.failWrites(new RaftError('ERR_RAFT_NO_SPACE', 'the disk is full')),
    destroy: async () => {},
  }
}
