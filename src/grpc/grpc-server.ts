/** One gRPC port, shared by the services for peers, clients and operators, with an orderly shutdown. */
import type { Socket } from 'node:net'
import type {
  ServerInterceptingCallInterface,
  ServerInterceptor,
  ServerOptions,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { Server, ServerCredentials, ServerInterceptingCall } from '@grpc/grpc-js'
import { CallAccess } from '../access/call-access.ts'
import type { Caller } from '../access/caller.ts'
import { UNIDENTIFIED } from '../access/caller.ts'
import { roleOfRpc } from '../access/rpc-roles.ts'
import type { TransportHost } from '../contracts/transport.ts'
import { RaftError } from '../errors.ts'
import type { ConnectionLimits } from '../peer-link/connection-limiter.ts'
import { Port, remoteOf } from '../peer-link/port.ts'
import { HTTP2_PREFACE, readPreface } from '../peer-link/preface.ts'
import type { ConnectionTaker } from '../peer-link/tls.ts'
import { withDefaults } from '../platform/options.ts'
import { GRPC_TRANSPORT_DEFAULTS } from './peer/transport-options.ts'
import { servedAtAdminPort } from './shared/admin-address.ts'
import { ignoreResetStreams } from './shared/reset-streams.ts'
import { toStatus } from './shared/status-codes.ts'

/** Takes a connection. */
type Acceptor = (socket: Socket) => void
type Call = { getPeer(): string }

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
  /** Which calls a caller may make at a port with TLS. By default those of a client, without a certificate too. */
  readonly access?: CallAccess | undefined
  /** Limits of the incoming connections. The defaults are those of GrpcTransport. */
  readonly connections?: Partial<ConnectionLimits> | undefined
  /** Called when connections were closed because of the limits, and with undefined once that has ended. */
  readonly onCondition?: TransportHost['condition'] | undefined
}

const SHUTDOWN_GRACE_MS = 500

/** Calls of this package are between nodes; they greet with a hello. */
const PEER_PATH = /^\/quorate\.v1\.Peer/

/**
 * Owns a grpc-js server. Add every service before `start`. A service with long streams also registers `beforeClose` to end them:
 * a shutdown waits for open streams up to the grace period.
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Server
  readonly #port: Port
  /** Which calls a caller may make. */
  readonly access: CallAccess
  /** Where this port reports its conditions. */
  readonly onCondition: TransportHost['condition']
  readonly #callers = new Map<string, Caller>()
  readonly #beforeClose: (() => void)[] = []
  #adminPort: GrpcServer | undefined
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined

  /** `wrap` makes the acceptor of the port from that of gRPC, for a port with TLS or with other protocols. */
  constructor(
    options: GrpcServerOptions,
    wrap: (grpc: ConnectionTaker) => Acceptor = (grpc) => (socket) => grpc(socket, UNIDENTIFIED),
  ) {
    this.#options = options
    this.access = options.access ?? new CallAccess({ verifyClients: false })
    this.onCondition = options.onCondition ?? (() => undefined)
    const interceptors = [...(options.options?.interceptors ?? []), this.#checkCaller, this.#countClient]
    this.#server = new Server({ ...options.options, interceptors })
    ignoreResetStreams(this.#server)
    // grpc-js cannot bound the connections that it accepts itself.
    const injector = this.#server.createConnectionInjector(options.credentials ?? ServerCredentials.createInsecure())
    this.#port = new Port({
      listen: options.listen,
      advertise: options.advertise,
      limits: withDefaults<ConnectionLimits>(GRPC_TRANSPORT_DEFAULTS, options.connections ?? {}),
      onCondition: this.onCondition,
      onConnection: wrap((socket, caller) => {
        this.#remember(socket, caller)
        readPreface(
          socket,
          HTTP2_PREFACE.length,
          (preface) => {
            if (preface.toString('latin1') === HTTP2_PREFACE) this.#port.markHttp2(remoteOf(socket))
            return false
          },
          () => injector.injectConnection(socket),
        )
      }),
    })
  }

  /** The address at which others reach this server; '' before it listens. */
  get address(): string {
    return this.#port.address
  }

  /** Adds a service. Throws ERR_RAFT_INTERNAL after `start`. */
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    if (this.#started !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'a service was added after the start')
    this.#server.addService(definition, implementation)
  }

  /** The calls that need the role admin are served only at this other port, which is opened and closed with this one. */
  serveAdminsAt(port: GrpcServer): void {
    this.#adminPort = port
  }

  /** Gives the connection of an incoming call a place of its own: a peer has greeted on it. */
  markPeer(call: Call): void {
    this.#port.markPeer(call.getPeer())
  }

  /** Who makes an incoming call. A connection that is not known may be anybody's. */
  callerOf(call: Call): Caller {
    return this.#callers.get(call.getPeer()) ?? { kind: 'plain text' }
  }

  /** Registers a function that `close` calls first, once: end long streams in it. */
  beforeClose(end: () => void): void {
    this.#beforeClose.push(end)
  }

  /** Starts to listen. Rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN; the message contains the address. */
  start(): Promise<void> {
    this.#started ??= this.#open()
    return this.#started
  }

  async #open(): Promise<void> {
    await this.#port.start()
    await this.#adminPort?.start()
  }

  /** Why a call is refused, or undefined. */
  #refusal(path: string, caller: Caller, authorization: string | undefined): RaftError | undefined {
    const refusal = this.access.refusal(path, caller, authorization)
    if (refusal !== undefined || this.#adminPort === undefined || roleOfRpc(path) !== 'admin') return refusal
    return servedAtAdminPort(path, this.#adminPort.address)
  }

  /** By remote address and port. */
  #remember(socket: Socket, caller: Caller): void {
    const remote = remoteOf(socket)
    this.#callers.set(remote, caller)
    socket.once('close', () => {
      if (this.#callers.get(remote) === caller) this.#callers.delete(remote)
    })
  }

  /** Rejects the calls that a caller may not make; their handlers do not run. The calls of peers are checked with their hello. */
  readonly #checkCaller: ServerInterceptor = ({ path }, call) => {
    let isRefused = false
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const refusal = this.#refusal(path, this.callerOf(call), metadata.get('authorization')[0]?.toString())
            if (refusal === undefined) return pass(metadata)
            isRefused = true
            call.sendStatus(toStatus(refusal))
          },
          onReceiveMessage: (message, pass) => {
            if (!isRefused) pass(message)
          },
          onReceiveHalfClose: (pass) => {
            if (!isRefused) pass()
          },
          onCancel: () => undefined,
        }),
    })
  }

  /** Rejects the calls of a client whose connection is one too many; their handlers do not run. */
  readonly #countClient: ServerInterceptor = ({ path }, call) => {
    const problem = PEER_PATH.test(path) ? undefined : this.#port.onClientCall(call.getPeer())
    if (problem === undefined) return new ServerInterceptingCall(call)
    const hint = 'use fewer connections, or another node'
    return refuse(call, new RaftError('ERR_RAFT_OVERLOADED', problem, { hint }))
  }

  /** Ends the streams of the services, waits for calls in progress up to the grace period, then cancels them. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  async #shutdown(): Promise<void> {
    const portClosed = this.#port.close()
    await this.#started?.catch(() => undefined)
    for (const end of this.#beforeClose) end()
    const adminPortClosed = this.#adminPort?.close()
    await portClosed
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
    await adminPortClosed
  }
}

/** Ends the call with the error; its handler does not run. */
function refuse(call: ServerInterceptingCallInterface, error: RaftError): ServerInterceptingCall {
  call.sendStatus(toStatus(error))
  return new ServerInterceptingCall(call, { start: () => undefined })
}
