/** One port of a node: peers, clients and operators are served on it together, and it is let go of in order. */

import type { ServerOptions, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { RaftError } from '../errors.ts'
import { formatAddress, isWildcard, listenError, parseListenAddress, probeListen } from './shared/listen-address.ts'

export interface GrpcServerOptions {
  /** 'host:port'; port 0 takes any free one. */
  readonly listen: string
  /** The address others reach this server at, if it is not the one it listens on. Required with '0.0.0.0' and '[::]'. */
  readonly advertise?: string | undefined
  /** Without it, traffic is plain text: put TLS here, or keep the port inside a network you trust. */
  readonly credentials?: ServerCredentials | undefined
  /** Further settings of grpc-js's server. */
  readonly options?: ServerOptions | undefined
  /** How long calls under way may take to end, once the server closes, before they are cut. Default 500. */
  readonly shutdownGraceMs?: number | undefined
}

const SHUTDOWN_GRACE_MS = 500

/**
 * Owns a grpc-js server. Add every service before `start`. A service with long streams also says, by `beforeClose`, how to end them:
 * a shutdown waits for streams, so one that nobody ends would hold it up to the grace period.
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
      throw new RaftError('ERR_RAFT_OPTIONS', `'${options.listen}' names no address that others could connect to`, {
        hint: 'give `advertise` too: the address at which the others reach this node',
      })
    this.#options = options
    this.#server = new Server(options.options ?? {})
  }

  /** The address others reach this server at; '' before it listens. */
  get address(): string {
    return this.#address
  }

  /** Adds a service; only before `start`. */
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    if (this.#started !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'a service was added after the start')
    this.#server.addService(definition, implementation)
  }

  /** Called once, first of all, when the server closes: end your streams here. */
  beforeClose(end: () => void): void {
    this.#beforeClose.push(end)
  }

  /** Listens. Rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN, saying the address. */
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

  /** Ends the services' streams, lets calls under way finish for the grace period, then cuts them. Idempotent. */
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
