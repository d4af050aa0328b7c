/** The segment storage fulfils the storage contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { segmentFixture } from '../segments/segment-fixture.ts'
import { slowDescribe } from '../storage/slow-describe.ts'

storageContract({ describe: slowDescribe, it, make: () => segmentFixture(), histories: 3 })
