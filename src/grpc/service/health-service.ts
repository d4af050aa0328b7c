/** The health service of gRPC (grpc.health.v1), for load balancers and probes: Check and Watch. */
import type { ServerWritableStream, sendUnaryData } from '@grpc/grpc-js'
import { status as grpcStatus } from '@grpc/grpc-js'
import { RaftError } from '../../errors.ts'
import { healthDefinition, MalformedRequest } from '../shared/service-definitions.ts'
import { toStatus } from '../shared/status-codes.ts'
import type { GrpcService } from './unary-handler.ts'
import { malformedRequestError } from './unary-handler.ts'

/** Whether each service is served, by name; '' is the whole node. */
export type ServingServices = () => Readonly<Record<string, boolean>>

type Request = { readonly service: string } | MalformedRequest
interface Response {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN'
}
type WatchCall = ServerWritableStream<Request, Response>

/** The most open Watch calls. */
const WATCHERS_MAX = 256
/** How often the status is compared while it is watched. */
const WATCH_INTERVAL_MS = 250

export function healthService(services: ServingServices): GrpcService {
  const watchers = new Watchers(services)
  return {
    definition: healthDefinition(),
    implementation: {
      Check: ({ request }: { readonly request: Request }, callback: sendUnaryData<Response>) => {
        if (request instanceof MalformedRequest) return callback(toStatus(malformedRequestError(request)))
        const status = statusOf(services(), request.service)
        if (status !== 'SERVICE_UNKNOWN') return callback(null, { status })
        const details = `there is no service '${request.service}', only '${Object.keys(services()).join("', '")}'`
        return callback({ code: grpcStatus.NOT_FOUND, details })
      },
      Watch: (call: WatchCall) => watchers.add(call),
    },
    end: () => watchers.end(),
  }
}

class Watchers {
  readonly #services: ServingServices
  /** What was sent last on each call. */
  readonly #sent = new Map<WatchCall, Response['status'] | undefined>()
  #timer: NodeJS.Timeout | undefined

  constructor(services: ServingServices) {
    this.#services = services
  }

  add(call: WatchCall): void {
    if (call.request instanceof MalformedRequest)
      return void call.emit('error', toStatus(malformedRequestError(call.request)))
    if (this.#sent.size >= WATCHERS_MAX) {
      const error = new RaftError('ERR_RAFT_OVERLOADED', `there are ${WATCHERS_MAX} calls of Watch, which is the limit`)
      return void call.emit('error', toStatus(error))
    }
    this.#sent.set(call, undefined)
    const remove = (): void => this.#remove(call)
    call.on('cancelled', remove).on('close', remove).on('error', remove)
    this.#timer ??= setInterval(() => this.#update(), WATCH_INTERVAL_MS).unref()
    this.#update()
  }

  end(): void {
    for (const call of [...this.#sent.keys()]) {
      this.#remove(call)
      call.end()
    }
  }

  #remove(call: WatchCall): void {
    this.#sent.delete(call)
    if (this.#sent.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #update(): void {
    const services = this.#services()
    for (const [call, sent] of this.#sent) {
      const status = statusOf(services, (call.request as { readonly service: string }).service)
      if (status === sent) continue
      this.#sent.set(call, status)
      call.write({ status })
    }
  }
}

function statusOf(services: Readonly<Record<string, boolean>>, service: string): Response['status'] {
  if (!Object.hasOwn(services, service)) return 'SERVICE_UNKNOWN'
  return services[service] === true ? 'SERVING' : 'NOT_SERVING'
}
