/** The RocksDB storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { rocksdbFixture } from '../rocksdb/rocksdb-fixture.ts'

/** At each crash point of a call a database is created, copied and opened again. */
const TIMEOUT_MS = 120_000

storageContract({
  describe: (name, body) =>
    describe(name, function () {
      this.timeout(TIMEOUT_MS)
      body()
    }),
  it,
  make: () => rocksdbFixture(),
  histories: 2,
})
