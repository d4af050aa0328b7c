/** One gRPC port, shared by the services for peers, clients and operators, with an orderly shutdown. */
import type { ServerOptions, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { RaftError } from '../errors.ts'
import { formatAddress, isWildcard, listenError, parseListenAddress, probeListen } from './shared/listen-address.ts'

/** The options of GrpcServer. */
export interface GrpcServerOptions {
  /** The address to listen on: 'host:port' or '[v6]:port'; port 0 picks a free port. */
  readonly listen: string
  /** The address at which others reach this server, if it differs from `listen`. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /** TLS credentials. Without them traffic is plain text: keep the port inside a trusted network. */
  readonly credentials?: ServerCredentials | undefined
  /** Further options of the grpc-js server. */
  readonly options?: ServerOptions | undefined
  /** How long calls in progress may take to end when the server closes, in milliseconds; then they are cancelled. Default 500. */
  readonly shutdownGraceMs?: number | undefined
}

const SHUTDOWN_GRACE_MS = 500

/**
 * Owns a grpc-js server. Add every service before `start`. A service with long streams also registers `beforeClose` to end them:
 * a shutdown waits for open streams up to the grace period.
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Server
  readonly #beforeClose: (() => void)[] = []
  #address = ''
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(options: GrpcServerOptions) {
    if (isWildcard(parseListenAddress(options.listen)) && options.advertise === undefined)
      throw new RaftError(
        'ERR_RAFT_OPTIONS',
        `others cannot connect to '${options.listen}': it means every interface`,
        {
          hint: 'set `advertise` (or its entry in `peers`) to the address at which others reach this node',
        },
      )
    this.#options = options
    this.#server = new Server(options.options ?? {})
  }

  /** The address at which others reach this server; '' before it listens. */
  get address(): string {
    return this.#address
  }

  /** Adds a service. Throws ERR_RAFT_INTERNAL after `start`. */
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    if (this.#started !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'a service was added after the start')
    this.#server.addService(definition, implementation)
  }

  /** Registers a function that `close` calls first, once: end long streams in it. */
  beforeClose(end: () => void): void {
    this.#beforeClose.push(end)
  }

  /** Starts to listen. Rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN; the message contains the address. */
  start(): Promise<void> {
    this.#started ??= this.#listen()
    return this.#started
  }

  async #listen(): Promise<void> {
    const listen = parseListenAddress(this.#options.listen)
    const bound = await probeListen(listen)
    if (this.#closed !== undefined) throw new RaftError('ERR_RAFT_CLOSED', 'closed while starting')
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = this.#options.credentials ?? ServerCredentials.createInsecure()
      this.#server.bindAsync(formatAddress(bound), credentials, (error, boundPort) =>
        error === null ? resolve(boundPort) : reject(listenError(listen, error)),
      )
    })
    this.#address = this.#options.advertise ?? formatAddress({ host: listen.host, port })
  }

  /** Ends the streams of the services, waits for calls in progress up to the grace period, then cancels them. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  async #shutdown(): Promise<void> {
    await this.#started?.catch(() => undefined)
    for (const end of this.#beforeClose) end()
    await new Promise<void>((resolve) => {
      const grace = setTimeout(() => {
        this.#server.forceShutdown()
        resolve()
      }, this.#options.shutdownGraceMs ?? SHUTDOWN_GRACE_MS)
      this.#server.tryShutdown(() => {
        clearTimeout(grace)
        resolve()
      })
    })
  }
}
