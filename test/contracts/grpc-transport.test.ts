/** gRPC keeps the transport contract, over real sockets. */
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { grpcWorld } from '../grpc/peer-world.ts'

transportContract({ describe, it, make: () => grpcWorld() })
