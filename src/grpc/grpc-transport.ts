/** The network between nodes, over gRPC: one server, one link per peer. Bytes are codec.ts's matter, streams peer-stream.ts's. */
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import { ChannelCredentials, status } from '@grpc/grpc-js'
import type { PeerMessage, Transport, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { GrpcServer } from './grpc-server.ts'
import { greeting } from './handshake.ts'
import { PeerAcceptor } from './peer-acceptor.ts'
import { PeerDialer } from './peer-dialer.ts'
import { PeerLink } from './peer-link.ts'
import { peerProto } from './peer-proto.ts'
import { fetchSnapshot } from './snapshot-fetch.ts'
import { SnapshotSource } from './snapshot-source.ts'
import type { GrpcTransportLimits, GrpcTransportOptions } from './transport-options.ts'
import { limitsOf, serverOptions } from './transport-options.ts'

/**
 * Plain text unless `credentials` are given. Other services of the node may share its port: `transport.server.addService(…)`
 * before the start.
 */
export class GrpcTransport implements Transport {
  readonly server: GrpcServer
  readonly #limits: GrpcTransportLimits
  readonly #credentials: ChannelCredentials
  readonly #links = new Map<NodeId, PeerLink>()
  readonly #dialers = new Map<NodeId, PeerDialer>()
  #addresses: ReadonlyMap<NodeId, string> = new Map()
  #host: TransportHost | undefined
  #acceptor: PeerAcceptor | undefined
  #snapshots: SnapshotSource | undefined
  #isListening = false
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(options: GrpcTransportOptions) {
    this.#limits = limitsOf(options)
    this.#credentials = options.credentials?.channel ?? ChannelCredentials.createInsecure()
    this.server = new GrpcServer({
      listen: options.listen,
      advertise: options.advertise,
      credentials: options.credentials?.server,
      options: serverOptions(this.#limits),
      shutdownGraceMs: this.#limits.shutdownGraceMs,
    })
  }

  get address(): string {
    return this.server.address
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#closed !== undefined) throw closed()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    this.#host = host
    const limits = this.#limits
    const acceptor = new PeerAcceptor({
      host,
      address: () => this.address,
      link: (peer) => this.#link(host, peer),
      limits,
    })
    const snapshots = new SnapshotSource({ host, judge: (hello) => acceptor.judge(hello), limits })
    this.#acceptor = acceptor
    this.#snapshots = snapshots
    const { link, fetchSnapshot: fetch } = peerProto()
    this.server.addService(
      { link, fetch },
      {
        link: (call: ServerDuplexStream<Buffer, Buffer>) => acceptor.accept(call),
        fetch: (call: ServerWritableStream<Buffer, Buffer>) => snapshots.serve(call),
      },
    )
    await this.server.start()
    this.#isListening = true
    this.#dial()
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    this.#addresses = new Map(addresses)
    for (const [peer, dialer] of this.#dialers)
      if (this.#addresses.get(peer) !== dialer.address) {
        this.#dialers.delete(peer)
        dialer.close()
      }
    for (const [peer, link] of this.#links)
      if (!this.#addresses.has(peer)) {
        this.#links.delete(peer)
        link.close(status.CANCELLED, 'no longer a peer')
      }
    this.#dial()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    return this.#links.get(to)?.send(message) ?? false
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const address = this.#addresses.get(from) ?? this.#links.get(from)?.address
    if (this.#host === undefined || this.#closed !== undefined) return failing(closed())
    if (address === undefined)
      return failing(new RaftError('ERR_RAFT_UNREACHABLE', `no address of ${from} is known to fetch a snapshot from`))
    const hello = greeting(this.#host, this.address, from)
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
    this.#closing.abort(closed())
    for (const dialer of this.#dialers.values()) dialer.close()
    this.#dialers.clear()
    this.#acceptor?.close()
    for (const link of this.#links.values()) link.close(status.UNAVAILABLE, 'this node is closing')
    this.#links.clear()
    await Promise.all([this.#snapshots?.close(), this.server.close()])
  }

  /** Opens a link to every peer that has none. */
  #dial(): void {
    const host = this.#host
    if (host === undefined || !this.#isListening || this.#closed !== undefined) return
    for (const [peer, address] of this.#addresses) {
      if (peer === host.identity.nodeId || this.#dialers.has(peer)) continue
      const link = this.#link(host, peer)
      const parts = { peer, address, ownAddress: this.address, host, link }
      this.#dialers.set(peer, new PeerDialer({ ...parts, credentials: this.#credentials, limits: this.#limits }))
    }
  }

  #link(host: TransportHost, peer: NodeId): PeerLink {
    const known = this.#links.get(peer)
    if (known !== undefined) return known
    const link = new PeerLink({
      peer,
      host,
      refused: () => this.#dialers.get(peer)?.refused(),
      doubtMs: this.#limits.reconnectMinMs,
    })
    this.#links.set(peer, link)
    return link
  }
}

function closed(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}

function failing(error: RaftError): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) }
}
