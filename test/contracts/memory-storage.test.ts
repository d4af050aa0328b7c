/** The in-memory storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { memoryStorageFixture } from '../memory/memory-storage-fixture.ts'

storageContract({ describe, it, make: memoryStorageFixture, unsupported: ['damage'] })
