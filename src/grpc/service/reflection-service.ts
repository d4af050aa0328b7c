/**
 * Server reflection of gRPC, so that grpcurl and the like know the services of a node without its .proto files. What describes them is loaded
 * at the first call: few nodes are asked, and it would take a tenth of the time that a node takes to start.
 */
import { createRequire } from 'node:module'
import type {
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { GrpcServer } from '../grpc-server.ts'
import { reflectedPackage } from '../shared/service-definitions.ts'

type ReflectionCall = ServerDuplexStream<unknown, unknown>

/** Services between nodes are not listed: they begin with a greeting that only nodes can give. */
const SERVICES = ['quorate.v1.Client', 'quorate.v1.Admin', 'grpc.health.v1.Health']

/** A stream with so many answers that have not left is not read. */
const ANSWERS_WAITING_MAX = 16

/** The protocol has two names. Each has one method, of the same name. */
const REFLECTION_SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection']
const METHOD = 'ServerReflectionInfo'

interface ReflectionMethod {
  readonly definition: MethodDefinition<object, object>
  readonly handle: (call: ReflectionCall) => void
}

export function addReflection(server: Pick<GrpcServer, 'addService'>): void {
  let loaded: ReadonlyMap<string, ReflectionMethod> | undefined
  for (const service of REFLECTION_SERVICES) {
    const path = `/${service}/${METHOD}`
    const method = (): ReflectionMethod => {
      loaded ??= loadMethods()
      return loaded.get(path) as ReflectionMethod
    }
    const definition: MethodDefinition<object, object> = {
      ...{ path, requestStream: true, responseStream: true },
      requestSerialize: (request) => method().definition.requestSerialize(request),
      requestDeserialize: (bytes) => method().definition.requestDeserialize(bytes),
      responseSerialize: (response) => method().definition.responseSerialize(response),
      responseDeserialize: (bytes) => method().definition.responseDeserialize(bytes),
    }
    server.addService({ [METHOD]: definition }, { [METHOD]: (call: ReflectionCall) => method().handle(call) })
  }
}

/** By path. */
function loadMethods(): ReadonlyMap<string, ReflectionMethod> {
  const { ReflectionService } = createRequire(import.meta.url)('@grpc/reflection') as typeof import('@grpc/reflection')
  const methods = new Map<string, ReflectionMethod>()
  const collecting: Pick<GrpcServer, 'addService'> = {
    addService: (service: ServiceDefinition, implementation: UntypedServiceImplementation) => {
      const definition = service[METHOD] as MethodDefinition<object, object>
      methods.set(definition.path, { definition, handle: bounded(implementation[METHOD] as UntypedHandleCall) })
    },
  }
  // It only calls addService.
  new ReflectionService(reflectedPackage(), { services: SERVICES }).addToServer(collecting as unknown as Server)
  return methods
}

/** The handlers of the package answer each request at once, also if the client reads no answers. */
function bounded(handle: UntypedHandleCall): (call: ReflectionCall) => void {
  return (call) => {
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
