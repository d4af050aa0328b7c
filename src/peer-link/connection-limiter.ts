/**
 * Bounds the incoming connections of a port, so that strangers and idle connections cannot take the descriptors of the storage and the
 * places of the peers. A connection is new until a peer greets on it or a client calls on it.
 */
import type { Socket } from 'node:net'
import { descriptorLimit } from '../platform/descriptor-limit.ts'

/** Why a connection was closed, or the calls of a client rejected. */
export type ClosingReason = 'full' | 'silent' | 'tooManyClients'

/** Limits of the incoming connections of a port; times in milliseconds. */
export interface ConnectionLimits {
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  readonly peerConnectionsReserved: number
  readonly greetingTimeoutMs: number
}

type Kind = 'new' | 'client' | 'peer'

interface Connection {
  readonly socket: Socket
  readonly address: string
  readonly timeout: NodeJS.Timeout
  kind: Kind
  /** The other end has begun to speak HTTP/2. */
  isHttp2: boolean
}

/** The storage and the connections to other nodes need the other descriptors of the process. */
const DESCRIPTORS_SHARE = 2

export class ConnectionLimiter {
  readonly #limits: ConnectionLimits
  readonly #connectionsMax: number
  readonly #clientsMax: number
  /** By remote address and port, the oldest first. */
  readonly #connections = new Map<string, Connection>()
  readonly #clientsByAddress = new Map<string, number>()
  readonly #onClosed: (reason: ClosingReason, address: string) => void
  #clients = 0

  constructor(
    limits: ConnectionLimits,
    onClosed: (reason: ClosingReason, address: string) => void = () => undefined,
    descriptors: number = descriptorLimit(),
  ) {
    this.#limits = limits
    this.#onClosed = onClosed
    this.#connectionsMax = Math.min(limits.connectionsMax, Math.max(1, Math.floor(descriptors / DESCRIPTORS_SHARE)))
    const reserved = Math.min(limits.peerConnectionsReserved, Math.floor(this.#connectionsMax / 2))
    this.#clientsMax = this.#connectionsMax - reserved
  }

  get connectionsMax(): number {
    return this.#connectionsMax
  }

  /** Takes a connection, or closes it and returns false. If there is no place, the oldest connection that is still new loses its own. */
  admit(socket: Socket): boolean {
    const { remoteAddress: address, remotePort } = socket
    // Undefined: it is closed already.
    if (address === undefined) {
      socket.destroy()
      return false
    }
    if (this.#connections.size >= this.#connectionsMax && !this.#evictOldestNew()) {
      this.#onClosed('full', address)
      socket.destroy()
      return false
    }
    const key = `${address}:${remotePort}`
    const timeout = setTimeout(() => {
      // A gRPC channel connects again to a node that was away, and may have no call for it: that is no reason for an alarm.
      if (!connection.isHttp2) this.#onClosed('silent', address)
      socket.destroy()
    }, this.#limits.greetingTimeoutMs)
    timeout.unref()
    const connection: Connection = { socket, address, timeout, kind: 'new', isHttp2: false }
    this.#connections.set(key, connection)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#remove(key, connection))
    return true
  }

  /** The connection has begun with the preface of HTTP/2. `key` is its remote address and port. */
  onHttp2(key: string): void {
    const connection = this.#connections.get(key)
    if (connection !== undefined) connection.isHttp2 = true
  }

  /** A peer has greeted on the connection. `key` is its remote address and port. */
  onPeer(key: string): void {
    const connection = this.#connections.get(key)
    if (connection !== undefined) this.#setKind(connection, 'peer')
  }

  /** A client calls on the connection. Returns why it may not, or undefined. */
  onClientCall(key: string): string | undefined {
    const connection = this.#connections.get(key)
    if (connection === undefined || connection.kind !== 'new') return undefined
    const problem = this.#problemOfClient(connection)
    if (problem === undefined) this.#setKind(connection, 'client')
    else this.#onClosed('tooManyClients', connection.address)
    return problem
  }

  #problemOfClient({ address }: Connection): string | undefined {
    const { connectionsPerAddressMax } = this.#limits
    if (this.#clients >= this.#clientsMax)
      return `this node has ${this.#clients} connections of clients, which is its limit`
    const ofAddress = this.#clientsByAddress.get(address) ?? 0
    if (ofAddress >= connectionsPerAddressMax)
      return `${address} has ${ofAddress} connections to this node; the limit is ${connectionsPerAddressMax}`
    return undefined
  }

  /** Closes every connection that is still new: no call is in progress on it. */
  closeNew(): void {
    for (const { kind, socket } of this.#connections.values()) if (kind === 'new') socket.destroy()
  }

  #evictOldestNew(): boolean {
    for (const [key, connection] of this.#connections)
      if (connection.kind === 'new') {
        this.#onClosed('full', connection.address)
        this.#remove(key, connection)
        connection.socket.destroy()
        return true
      }
    return false
  }

  #remove(key: string, connection: Connection): void {
    if (this.#connections.get(key) !== connection) return
    this.#setKind(connection, 'new')
    this.#connections.delete(key)
  }

  #setKind(connection: Connection, kind: Kind): void {
    clearTimeout(connection.timeout)
    const change = Number(kind === 'client') - Number(connection.kind === 'client')
    connection.kind = kind
    this.#clients += change
    const ofAddress = (this.#clientsByAddress.get(connection.address) ?? 0) + change
    if (ofAddress === 0) this.#clientsByAddress.delete(connection.address)
    else this.#clientsByAddress.set(connection.address, ofAddress)
  }
}
