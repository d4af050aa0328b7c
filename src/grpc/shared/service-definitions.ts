/** The client and admin services as grpc-js definitions, loaded from proto/ once, with size checks before decoding. */
import { fileURLToPath } from 'node:url'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'
import { loadSync } from '@grpc/proto-loader'
import { errorMessage } from '../../platform/error-message.ts'
import { countFields } from './field-count.ts'

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
  loaded ??= loadSync(
    ['quorate/v1/client.proto', 'quorate/v1/admin.proto', 'grpc/health/v1/health.proto'].concat([
      'google/rpc/status.proto',
      'google/rpc/error_details.proto',
    ]),
    {
      includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))],
      longs: Number,
      enums: String,
      defaults: true,
    },
  )
  return loaded
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
  return withSafeDeserializers(packageDefinition()['quorate.v1.Client'] as ServiceDefinition, (bytes, path) => {
    if (!path.endsWith('/Stream')) return undefined
    if (bytes.length > frameBytesMax) return `a frame of ${bytes.length} bytes, the limit is ${frameBytesMax}`
    const fields = countFields(bytes, {})
    return fields > FRAME_REQUESTS_MAX ? `${fields} requests in a frame, the limit is ${FRAME_REQUESTS_MAX}` : undefined
  })
}

export function adminDefinition(): ServiceDefinition {
  return withSafeDeserializers(packageDefinition()['quorate.v1.Admin'] as ServiceDefinition, (bytes) =>
    bytes.length > ADMIN_REQUEST_BYTES_MAX
      ? `a request of ${bytes.length} bytes, the limit is ${ADMIN_REQUEST_BYTES_MAX}`
      : undefined,
  )
}

export function healthDefinition(): ServiceDefinition {
  return withSafeDeserializers(packageDefinition()['grpc.health.v1.Health'] as ServiceDefinition, (bytes) =>
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

/** Replaces the deserializers by ones that do not throw: grpc-js would end the call with INTERNAL and without a reason. */
function withSafeDeserializers(service: ServiceDefinition, check: Check): ServiceDefinition {
  const methods = Object.entries(service).map(([name, definition]) => [
    name,
    {
      ...definition,
      requestDeserialize: (bytes: Buffer): unknown => {
        const refusal = check(bytes, definition.path)
        if (refusal !== undefined) return new MalformedRequest(refusal)
        try {
          return definition.requestDeserialize(bytes)
        } catch (error) {
          return new MalformedRequest(errorMessage(error))
        }
      },
    },
  ])
  return Object.fromEntries(methods) as ServiceDefinition
}
