/** The gRPC transport fulfils the transport contract, over real sockets. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { grpcTransportFixture } from '../grpc/peer/grpc-transport-fixture.ts'

transportContract({ describe, it, make: () => grpcTransportFixture() })
