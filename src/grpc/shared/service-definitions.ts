/** The client, admin and health services as grpc-js definitions, with size checks before decoding. Their messages are loaded from proto/ once. */
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'
import { errorMessage } from '../../platform/error-message.ts'
import { countFields } from './field-count.ts'
import { loadProtos } from './load-protos.ts'

/** Admin requests are small. Larger ones are refused before they are decoded. */
const ADMIN_REQUEST_BYTES_MAX = 64 * 1024
/** The name of a service. */
const HEALTH_REQUEST_BYTES_MAX = 1024
/** The most requests in one frame of the client stream. */
export const FRAME_REQUESTS_MAX = 4096
/** The size of a frame apart from one command of the largest size. */
const FRAME_OVERHEAD_BYTES = 1024 * 1024

/** Passed to the handler in place of a request that cannot be decoded; the handler answers ERR_RAFT_BAD_MESSAGE. */
export class MalformedRequest {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

let loaded: PackageDefinition | undefined

function packageDefinition(): PackageDefinition {
  loaded ??= loadProtos([
    ...['quorate/v1/client.proto', 'quorate/v1/admin.proto', 'grpc/health/v1/health.proto'],
    ...['google/rpc/status.proto', 'google/rpc/error_details.proto'],
  ])
  return loaded
}

type ServiceName = 'quorate.v1.Client' | 'quorate.v1.Admin' | 'grpc.health.v1.Health'

interface Streams {
  readonly requestStream: boolean
  readonly responseStream: boolean
}

const UNARY: Streams = { requestStream: false, responseStream: false }
const RESPONSES: Streams = { requestStream: false, responseStream: true }
const BOTH: Streams = { requestStream: true, responseStream: true }

/** The calls of each service, so that a port can serve them before their messages are loaded. A test compares them with proto/. */
export const CALLS: Readonly<Record<ServiceName, Readonly<Record<string, Streams>>>> = {
  'quorate.v1.Client': { Stream: BOTH, Propose: UNARY, RegisterSession: UNARY, Changes: RESPONSES, Query: UNARY },
  'quorate.v1.Admin': {
    ...{ Status: UNARY, ChangeMembership: UNARY, TransferLeadership: UNARY },
    ...{ TakeSnapshot: UNARY, ReadSnapshot: UNARY },
  },
  'grpc.health.v1.Health': { Check: UNARY, Watch: RESPONSES },
}

/** A method of a service with the types of its request and response. */
export function method<Request, Response>(
  service: ServiceDefinition,
  name: string,
): MethodDefinition<Request, Response> {
  return service[name] as MethodDefinition<Request, Response>
}

/** The client service. A server passes `commandBytesMax`: larger frames are refused before they are decoded. */
export function clientDefinition(commandBytesMax: number = Infinity): ServiceDefinition {
  const frameBytesMax = commandBytesMax + FRAME_OVERHEAD_BYTES
  return serviceOf('quorate.v1.Client', (bytes, path) => {
    if (!path.endsWith('/Stream')) return undefined
    if (bytes.length > frameBytesMax) return `a frame of ${bytes.length} bytes, the limit is ${frameBytesMax}`
    const fields = countFields(bytes, {})
    return fields > FRAME_REQUESTS_MAX ? `${fields} requests in a frame, the limit is ${FRAME_REQUESTS_MAX}` : undefined
  })
}

export function adminDefinition(): ServiceDefinition {
  return serviceOf('quorate.v1.Admin', (bytes) =>
    bytes.length > ADMIN_REQUEST_BYTES_MAX
      ? `a request of ${bytes.length} bytes, the limit is ${ADMIN_REQUEST_BYTES_MAX}`
      : undefined,
  )
}

export function healthDefinition(): ServiceDefinition {
  return serviceOf('grpc.health.v1.Health', (bytes) =>
    bytes.length > HEALTH_REQUEST_BYTES_MAX
      ? `a request of ${bytes.length} bytes, the limit is ${HEALTH_REQUEST_BYTES_MAX}`
      : undefined,
  )
}

/** All files, for reflection. */
export function reflectedPackage(): PackageDefinition {
  return packageDefinition()
}

export function messageType<Message extends object>(name: string): MessageTypeDefinition<Message, Message> {
  return packageDefinition()[name] as unknown as MessageTypeDefinition<Message, Message>
}

type Check = (bytes: Buffer, path: string) => string | undefined

/** The deserializers of requests do not throw: grpc-js would end the call with INTERNAL and without a reason. */
function serviceOf(name: ServiceName, check: Check): ServiceDefinition {
  const methods = Object.entries(CALLS[name]).map(([method, streams]) => {
    const path = `/${name}/${method}`
    const stored = (): MethodDefinition<object, object> =>
      (packageDefinition()[name] as ServiceDefinition)[method] as MethodDefinition<object, object>
    const definition: MethodDefinition<object, object> = {
      path,
      ...streams,
      requestSerialize: (request) => stored().requestSerialize(request),
      requestDeserialize: (bytes) => {
        const refusal = check(bytes, path)
        if (refusal !== undefined) return new MalformedRequest(refusal)
        try {
          return stored().requestDeserialize(bytes)
        } catch (error) {
          return new MalformedRequest(errorMessage(error))
        }
      },
      responseSerialize: (response) => stored().responseSerialize(response),
      responseDeserialize: (bytes) => stored().responseDeserialize(bytes),
    }
    return [method, definition]
  })
  return Object.fromEntries(methods) as ServiceDefinition
}
