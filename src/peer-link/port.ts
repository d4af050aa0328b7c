/** The listening port of a node: bounds the incoming connections, and passes them on. */
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { TransportHost } from '../contracts/transport.ts'
import { RaftError } from '../errors.ts'
import type { ConnectionLimits } from './connection-limiter.ts'
import { ConnectionLimiter } from './connection-limiter.ts'
import { ConnectionReport } from './connection-report.ts'
import type { ListenAddress } from './listen-address.ts'
import { formatAddress, isWildcard, listenError, parseListenAddress, probeListen } from './listen-address.ts'

export interface PortOptions {
  /** The address to listen on: 'host:port' or '[v6]:port'; port 0 picks a free port. */
  readonly listen: string
  readonly advertise: string | undefined
  readonly limits: ConnectionLimits
  readonly onCondition: TransportHost['condition']
  readonly onConnection: (socket: Socket) => void
}

/** The remote address and port of a connection, as grpc-js names them too. */
export function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}

export class Port {
  readonly #options: PortOptions
  readonly #limiter: ConnectionLimiter
  readonly #report: ConnectionReport
  #listener: Server | undefined
  #address = ''
  #started: Promise<void> | undefined
  #isClosed = false

  /** Throws ERR_RAFT_LISTEN or ERR_RAFT_OPTIONS. */
  constructor(options: PortOptions) {
    if (isWildcard(parseListenAddress(options.listen)) && options.advertise === undefined)
      throw new RaftError(
        'ERR_RAFT_OPTIONS',
        `others cannot connect to '${options.listen}': it means every interface`,
        {
          hint: 'set `advertise` (or its entry in `peers`) to the address at which others reach this node',
        },
      )
    this.#options = options
    this.#report = new ConnectionReport(options.onCondition)
    this.#limiter = new ConnectionLimiter(options.limits, (reason, address) => {
      const { connectionsMax } = this.#limiter
      this.#report.onClosed(reason, address, { ...options.limits, connectionsMax })
    })
  }

  /** The address at which others reach this port; '' before it listens. */
  get address(): string {
    return this.#address
  }

  /** Starts to listen. Rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN; the message contains the address. */
  start(): Promise<void> {
    this.#started ??= this.#listen()
    return this.#started
  }

  async #listen(): Promise<void> {
    const listen = parseListenAddress(this.#options.listen)
    const bound = await probeListen(listen)
    if (this.#isClosed) throw new RaftError('ERR_RAFT_CLOSED', 'closed while starting')
    const port = await this.#bind(bound).catch((cause: unknown) => Promise.reject(listenError(listen, cause)))
    this.#address = this.#options.advertise ?? formatAddress({ host: listen.host, port })
  }

  async #bind({ host, port }: ListenAddress): Promise<number> {
    const listener = createServer({ noDelay: true, keepAlive: true }, (socket) => {
      if (this.#limiter.admit(socket)) this.#options.onConnection(socket)
    })
    this.#listener = listener
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen({ host, port, exclusive: true }, resolve)
    })
    listener.on('error', () => undefined)
    return (listener.address() as AddressInfo).port
  }

  /** Gives the connection with this remote address and port a place of its own: a peer has greeted on it. */
  markPeer(remote: string): void {
    this.#limiter.onPeer(remote)
  }

  /** The connection with this remote address and port has begun with the preface of HTTP/2. */
  markHttp2(remote: string): void {
    this.#limiter.onHttp2(remote)
  }

  /** A client calls on the connection with this remote address and port. Returns why it may not, or undefined. */
  onClientCall(remote: string): string | undefined {
    return this.#limiter.onClientCall(remote)
  }

  /** Accepts no more connections, and closes those without a hello or a call. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#started?.catch(() => undefined)
    this.#listener?.close()
    this.#report.close()
    this.#limiter.closeNew()
  }
}
