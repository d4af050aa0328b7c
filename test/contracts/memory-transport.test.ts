/** The in-process network keeps the transport contract. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryWorld } from '../memory/memory-world.ts'

transportContract({ describe, it, make: memoryWorld })
