/** The in-memory transport fulfils the transport contract. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryTransportFixture } from '../memory/memory-transport-fixture.ts'

// Messages are passed as objects: there is no size limit, and there are no bytes.
transportContract({
  describe,
  it,
  make: memoryTransportFixture,
  unsupported: ['largest message', 'raw bytes', 'injected bytes'],
})
