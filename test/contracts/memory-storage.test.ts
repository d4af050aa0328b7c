/** The storage in memory keeps the contract. */

import { RaftError } from '../../src/errors.ts'
import { MemoryDisk } from '../../src/memory/memory-disk.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'

const make = async () => {
  const disk = new MemoryDisk()
  return {
    storage: () => new MemoryStorage({ disk }),
    crash: async () => disk.crash(),
    failWrites: async () => disk.failWrites(new RaftError('ERR_RAFT_NO_SPACE', 'the disk is full')),
    destroy: async () => {},
  }
}

storageContract({ describe, it, make })
