/** The RocksDB storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { rocksdbFixture } from '../rocksdb/rocksdb-fixture.ts'

storageContract({ describe, it, make: () => rocksdbFixture(), histories: 2 })
