/** The storage in memory keeps the contract. */
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { memoryPlace } from '../memory/place.ts'

storageContract({ describe, it, make: memoryPlace, unsupported: ['damage'] })
