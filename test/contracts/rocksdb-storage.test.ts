/** The RocksDB storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { rocksdbFixture } from '../rocksdb/rocksdb-fixture.ts'
import { slowDescribe } from '../storage/slow-describe.ts'

storageContract({ describe: slowDescribe, it, make: () => rocksdbFixture(), histories: 2 })
