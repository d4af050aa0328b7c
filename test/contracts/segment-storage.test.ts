/** The segment storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { segmentFixture } from '../segments/segment-fixture.ts'

/** At each crash point of a call a log is created, copied and opened again. */
const TIMEOUT_MS = 120_000

storageContract({
  describe: (name, body) =>
    describe(name, function () {
      this.timeout(TIMEOUT_MS)
      body()
    }),
  it,
  make: () => segmentFixture(),
  histories: 6,
})
