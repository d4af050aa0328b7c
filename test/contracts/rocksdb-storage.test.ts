/** The storage on disk keeps the contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { rocksdbPlace } from '../rocksdb/place.ts'

storageContract({ describe, it, make: rocksdbPlace, histories: 2 })
