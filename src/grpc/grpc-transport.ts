/** The peer transport over gRPC: one server, one link per peer, and snapshot transfers. */
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import { ChannelCredentials, status } from '@grpc/grpc-js'
import type { PeerMessage, Transport, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { withDefaults } from '../platform/options.ts'
import { reportFewDescriptors } from './connection-report.ts'
import { GrpcServer } from './grpc-server.ts'
import { makeHello } from './peer/handshake.ts'
import { PeerAcceptor } from './peer/peer-acceptor.ts'
import { PeerDialer } from './peer/peer-dialer.ts'
import { PeerLink } from './peer/peer-link.ts'
import { peerProto } from './peer/peer-proto.ts'
import { fetchSnapshot } from './peer/snapshot-fetch.ts'
import { SnapshotServer } from './peer/snapshot-server.ts'
import type { GrpcTransportLimits, GrpcTransportOptions } from './peer/transport-options.ts'
import { checkTransportOptions, GRPC_TRANSPORT_DEFAULTS, serverOptions } from './peer/transport-options.ts'

/**
 * Connects the nodes of a cluster over gRPC (proto/quorate/v1/peer.proto). Traffic is plain text unless `credentials` are given.
 * Other services can share the port: call `transport.server.addService(…)` before the node starts.
 *
 *     const transport = new GrpcTransport({ listen: '0.0.0.0:7001', advertise: 'n1.example:7001' })
 *
 * `start` rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN if the port cannot be bound.
 */
export class GrpcTransport implements Transport {
  readonly server: GrpcServer
  readonly #limits: GrpcTransportLimits
  readonly #credentials: ChannelCredentials
  readonly #links = new Map<NodeId, PeerLink>()
  readonly #dialers = new Map<NodeId, PeerDialer>()
  /** The addresses of each peer, in the order to try. */
  #addresses: ReadonlyMap<NodeId, readonly string[]> = new Map()
  #host: TransportHost | undefined
  #acceptor: PeerAcceptor | undefined
  #snapshotServer: SnapshotServer | undefined
  #isListening = false
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  /** Throws ERR_RAFT_OPTIONS that names every invalid option. */
  constructor(options: GrpcTransportOptions) {
    checkTransportOptions(options)
    this.#limits = withDefaults(GRPC_TRANSPORT_DEFAULTS, options)
    this.#credentials = options.credentials?.channel ?? ChannelCredentials.createInsecure()
    this.server = new GrpcServer({
      listen: options.listen,
      advertise: options.advertise,
      credentials: options.credentials?.server,
      options: serverOptions(this.#limits),
      shutdownGraceMs: this.#limits.shutdownGraceMs,
      connections: this.#limits,
      onCondition: (code, facts) => {
        if (this.#closed === undefined) this.#host?.condition(code, facts)
      },
    })
  }

  get address(): string {
    return this.server.address
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#closed !== undefined) throw closedError()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    this.#host = host
    const limits = this.#limits
    const acceptor = new PeerAcceptor({
      host,
      address: () => this.address,
      link: (peer) => this.#link(host, peer),
      onAccepted: (peer, call) => {
        this.server.markPeer(call)
        this.#dialers.get(peer)?.retryNow()
      },
      limits,
    })
    const snapshots = new SnapshotServer({
      host,
      checkHello: (hello) => acceptor.checkHello(hello),
      onAccepted: (call) => this.server.markPeer(call),
      limits,
    })
    this.#acceptor = acceptor
    this.#snapshotServer = snapshots
    const { link, fetchSnapshot: fetch } = peerProto()
    this.server.addService(
      { link, fetch },
      {
        link: (call: ServerDuplexStream<Buffer, Buffer>) => acceptor.accept(call),
        fetch: (call: ServerWritableStream<Buffer, Buffer>) => snapshots.serve(call),
      },
    )
    await this.server.start()
    reportFewDescriptors((code, facts) => host.condition(code, facts))
    this.#isListening = true
    this.#dialMissing()
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void {
    this.#addresses = new Map(
      [...addresses].map(([peer, address]) => [peer, [...new Set([address, ...(alternatives?.get(peer) ?? [])])]]),
    )
    for (const [peer, dialer] of this.#dialers) {
      const next = this.#addresses.get(peer)
      if (next !== undefined && dialer.setAddresses(next)) continue
      this.#dialers.delete(peer)
      dialer.close()
    }
    for (const [peer, link] of this.#links)
      if (!this.#addresses.has(peer)) {
        this.#links.delete(peer)
        link.close(status.CANCELLED, 'no longer a peer')
      }
    this.#dialMissing()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    return this.#links.get(to)?.send(message) ?? false
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const known = this.#dialers.get(from)?.reachedAddress ?? this.#addresses.get(from)?.[0]
    const address = known ?? this.#links.get(from)?.address
    if (this.#host === undefined || this.#closed !== undefined) return failingIterable(closedError())
    if (address === undefined)
      return failingIterable(
        new RaftError('ERR_RAFT_UNREACHABLE', `cannot fetch a snapshot from ${from}: its address is unknown`),
      )
    const hello = makeHello(this.#host, this.address, from, address)
    return fetchSnapshot({
      from,
      address,
      request: { hello, id, offset },
      credentials: this.#credentials,
      limits: this.#limits,
      signal: AbortSignal.any([signal, this.#closing.signal]),
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  async #shutdown(): Promise<void> {
    this.#closing.abort(closedError())
    for (const dialer of this.#dialers.values()) dialer.close()
    this.#dialers.clear()
    this.#acceptor?.close()
    for (const link of this.#links.values()) link.close(status.UNAVAILABLE, 'this node is closing')
    this.#links.clear()
    await Promise.all([this.#snapshotServer?.close(), this.server.close()])
  }

  /** Opens a link to every peer that has none. */
  #dialMissing(): void {
    const host = this.#host
    if (host === undefined || !this.#isListening || this.#closed !== undefined) return
    for (const [peer, addresses] of this.#addresses) {
      if (peer === host.identity.nodeId || this.#dialers.has(peer)) continue
      const link = this.#link(host, peer)
      const parts = { peer, addresses, ownAddress: this.address, host, link }
      this.#dialers.set(peer, new PeerDialer({ ...parts, credentials: this.#credentials, limits: this.#limits }))
    }
  }

  #link(host: TransportHost, peer: NodeId): PeerLink {
    const existing = this.#links.get(peer)
    if (existing !== undefined) return existing
    const link = new PeerLink({
      peer,
      host,
      onRejected: () => this.#dialers.get(peer)?.onRejected(),
      failoverDelayMs: this.#limits.reconnectMinMs,
    })
    this.#links.set(peer, link)
    return link
  }
}

function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}

function failingIterable(error: RaftError): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }
}
