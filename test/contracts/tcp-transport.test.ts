/** The TCP transport fulfils the transport contract, over real sockets. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { transportFixture } from '../peer-link/transport-fixture.ts'

transportContract({ describe, it, make: () => transportFixture('tcp') })
