/** Server reflection of gRPC, so that grpcurl and the like know the services of a node without its .proto files. */
import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import type { GrpcServer } from '../grpc-server.ts'
import { reflectedPackage } from '../shared/service-definitions.ts'

/** Services between nodes are not listed: they begin with a greeting that only nodes can give. */
const SERVICES = ['quorate.v1.Client', 'quorate.v1.Admin', 'grpc.health.v1.Health']

export function addReflection(server: Pick<GrpcServer, 'addService'>): void {
  // It only calls addService.
  new ReflectionService(reflectedPackage(), { services: SERVICES }).addToServer(server as unknown as Server)
}
