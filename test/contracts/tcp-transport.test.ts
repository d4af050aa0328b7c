/** The TCP transport fulfils the transport contract, over real sockets: at a port of its own, and at one that it shares with gRPC. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { NODE } from '../peer-link/certificates.ts'
import { transportFixture } from '../peer-link/transport-fixture.ts'

describe('over TCP', () => {
  transportContract({ describe, it, make: () => transportFixture('tcp') })
})

describe('between a node that connects over gRPC and one that connects over TCP', () => {
  transportContract({ describe, it, make: () => transportFixture('mixed') })
})

describe('over TCP with TLS', () => {
  transportContract({
    describe,
    it,
    make: () => transportFixture('tcp', { tls: NODE }),
    unsupported: ['injected bytes'],
  })
})

describe('between a node that connects over gRPC and one that connects over TCP, with TLS', () => {
  transportContract({
    describe,
    it,
    make: () => transportFixture('mixed', { tls: NODE }),
    unsupported: ['injected bytes'],
  })
})
