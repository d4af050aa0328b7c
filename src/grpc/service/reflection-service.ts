/** Server reflection of gRPC, so that grpcurl and the like know the services of a node without its .proto files. */
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import type { GrpcServer } from '../grpc-server.ts'
import { reflectedPackage } from '../shared/service-definitions.ts'

type ReflectionCall = ServerDuplexStream<unknown, unknown>

/** Services between nodes are not listed: they begin with a greeting that only nodes can give. */
const SERVICES = ['quorate.v1.Client', 'quorate.v1.Admin', 'grpc.health.v1.Health']

/** A stream with so many answers that have not left is not read. */
const ANSWERS_WAITING_MAX = 16

export function addReflection(server: Pick<GrpcServer, 'addService'>): void {
  const bounding: Pick<GrpcServer, 'addService'> = {
    addService: (definition: ServiceDefinition, implementation: UntypedServiceImplementation) =>
      server.addService(
        definition,
        Object.fromEntries(Object.entries(implementation).map(([name, handle]) => [name, bounded(handle)])),
      ),
  }
  // It only calls addService.
  new ReflectionService(reflectedPackage(), { services: SERVICES }).addToServer(bounding as unknown as Server)
}

/** The handlers of the package answer each request at once, also if the client reads no answers. */
function bounded(handle: UntypedHandleCall): UntypedHandleCall {
  return (call: ReflectionCall) => {
    const write = call.write.bind(call) as (answer: unknown, onSent: () => void) => boolean
    let waiting = 0
    call.write = (answer: unknown): boolean => {
      if (++waiting === ANSWERS_WAITING_MAX) call.pause()
      return write(answer, () => {
        if (waiting-- === ANSWERS_WAITING_MAX) call.resume()
      })
    }
    ;(handle as (call: ReflectionCall) => void)(call)
  }
}
