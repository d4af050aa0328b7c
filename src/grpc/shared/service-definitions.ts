/** The services for clients and operators as grpc-js wants them, read from proto/ once; past here nobody sees a proto file. */
import { fileURLToPath } from 'node:url'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import type { MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader'
import { loadSync } from '@grpc/proto-loader'
import { countFields } from './field-count.ts'

/** Requests are small, so what is larger, or holds more messages, is hostile: it is turned away before it becomes objects. */
const ADMIN_REQUEST_BYTES_MAX = 64 * 1024
export const FRAME_REQUESTS_MAX = 4096
const FRAME_OVERHEAD_BYTES = 1024 * 1024

/** Stands for a request whose bytes could not be read; the handler answers it with ERR_RAFT_BAD_MESSAGE. */
export class MalformedRequest {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

let loaded: PackageDefinition | undefined

function packageDefinition(): PackageDefinition {
  loaded ??= loadSync(
    ['quorate/v1/client.proto', 'quorate/v1/admin.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
    {
      includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))],
      longs: Number,
      enums: String,
      defaults: true,
    },
  )
  return loaded
}

/** A method of a service, typed by what is put in and comes out. */
export function method<Request, Response>(
  service: ServiceDefinition,
  name: string,
): MethodDefinition<Request, Response> {
  return service[name] as MethodDefinition<Request, Response>
}

/** With `commandBytesMax`, for a server: a frame that is larger than one command and its company needs to be is refused unread. */
export function clientDefinition(commandBytesMax: number = Infinity): ServiceDefinition {
  const frameBytesMax = commandBytesMax + FRAME_OVERHEAD_BYTES
  return withSafeDeserializers(packageDefinition()['quorate.v1.Client'] as ServiceDefinition, (bytes, path) => {
    if (!path.endsWith('/Stream')) return undefined
    if (bytes.length > frameBytesMax)
      return `a frame of ${bytes.length} bytes is more than the ${frameBytesMax} allowed`
    const fields = countFields(bytes, {})
    return fields > FRAME_REQUESTS_MAX
      ? `${fields} requests are more than the ${FRAME_REQUESTS_MAX} of a frame`
      : undefined
  })
}

export function adminDefinition(): ServiceDefinition {
  return withSafeDeserializers(packageDefinition()['quorate.v1.Admin'] as ServiceDefinition, (bytes) =>
    bytes.length > ADMIN_REQUEST_BYTES_MAX
      ? `${bytes.length} bytes are more than the ${ADMIN_REQUEST_BYTES_MAX} of any such request`
      : undefined,
  )
}

export function messageType<Message extends object>(name: string): MessageTypeDefinition<Message, Message> {
  return packageDefinition()[name] as unknown as MessageTypeDefinition<Message, Message>
}

type Check = (bytes: Buffer, path: string) => string | undefined

/** Deserializers that never throw: grpc-js would end the call with INTERNAL and say nothing. */
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
          return new MalformedRequest(error instanceof Error ? error.message : String(error))
        }
      },
    },
  ])
  return Object.fromEntries(methods) as ServiceDefinition
}
