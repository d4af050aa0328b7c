/** The in-process network keeps the transport contract. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryTransportFixture } from '../memory/memory-transport-fixture.ts'

// No message is too large here, and there are no bytes: messages are handed over as they are.
transportContract({
  describe,
  it,
  make: memoryTransportFixture,
  unsupported: ['a largest message', 'raw bytes', 'bytes in between'],
})
