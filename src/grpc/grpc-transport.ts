/** The peer transport over gRPC: one server, one link per peer, and snapshot transfers. */

import type { Socket } from 'node:net'
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js'
import { ChannelCredentials } from '@grpc/grpc-js'
import type { CallAccess } from '../access/call-access.ts'
import type { Caller } from '../access/caller.ts'
import type { PeerMessage, PortProtection, Transport, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { reportFewDescriptors } from '../peer-link/connection-report.ts'
import type { PeerProtocol } from '../peer-link/peer-call.ts'
import { PeerNetwork } from '../peer-link/peer-network.ts'
import { remoteOf } from '../peer-link/port.ts'
import { readPreface } from '../peer-link/preface.ts'
import type { SharedPort } from '../peer-link/shared-port.ts'
import type { ConnectionTaker } from '../peer-link/tls.ts'
import { takingTls } from '../peer-link/tls.ts'
import { protectionOf } from '../peer-link/tls-options.ts'
import { withDefaults } from '../platform/options.ts'
import type { GrpcServerOptions } from './grpc-server.ts'
import { GrpcServer } from './grpc-server.ts'
import { GrpcConnector } from './peer/grpc-connector.ts'
import { acceptedCall } from './peer/peer-call.ts'
import { peerProto } from './peer/peer-proto.ts'
import { GrpcSnapshotCall } from './peer/snapshot-call.ts'
import { fetchSnapshot } from './peer/snapshot-fetch.ts'
import type { GrpcTransportOptions } from './peer/transport-options.ts'
import { accessOf, checkTransportOptions, GRPC_TRANSPORT_DEFAULTS, serverOptions } from './peer/transport-options.ts'
import { tlsCredentials } from './shared/channel-credentials.ts'

/**
 * Connects the nodes of a cluster over gRPC (proto/quorate/v1/peer.proto). Traffic is plain text unless `credentials` are given.
 * Other services can share the port: call `transport.server.addService(…)` before the node starts.
 *
 *     const transport = new GrpcTransport({ listen: '0.0.0.0:7001', advertise: 'n1.example:7001' })
 *
 * `start` rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN if the port cannot be bound.
 */
export class GrpcTransport implements Transport {
  readonly name: string
  readonly protection: PortProtection
  readonly server: GrpcServer
  readonly #shared: SharedPort | undefined
  readonly #access: CallAccess
  readonly #network: PeerNetwork
  #closed: Promise<void> | undefined

  /** `shared` is another peer protocol at the same port. Throws ERR_RAFT_OPTIONS that names every invalid option. */
  constructor(options: GrpcTransportOptions, shared?: SharedPort) {
    checkTransportOptions(options)
    this.#shared = shared
    this.name = shared?.isDialled === true ? shared.protocol.name : 'grpc'
    this.protection = protectionOf(options)
    const limits = withDefaults(GRPC_TRANSPORT_DEFAULTS, options)
    const credentials = channelCredentials(options)
    this.#access = accessOf(options)
    const serverSettings = {
      listen: options.listen,
      advertise: options.advertise,
      credentials: options.credentials?.server,
      options: serverOptions(limits),
      shutdownGraceMs: limits.shutdownGraceMs,
      connections: limits,
      access: this.#access,
      onCondition: (code, facts) => this.#network.openHost?.condition(code, facts),
    } satisfies GrpcServerOptions
    this.server = new GrpcServer(serverSettings, (pass) =>
      takingTls(options.tls, (socket, caller) => this.#onConnection(socket, caller, pass), shared?.protocol),
    )
    const grpc: PeerProtocol = {
      name: 'grpc',
      connector: () => new GrpcConnector(credentials, limits, options.tls),
      fetchSnapshot: (fetch) => fetchSnapshot({ ...fetch, credentials, limits, tls: options.tls }),
    }
    const protocol = shared?.isDialled === true ? shared.protocol : grpc
    this.#network = new PeerNetwork({
      limits,
      tls: options.tls,
      address: () => this.address,
      protocol,
      routes: options.routes,
    })
  }

  get certificateExpiresAt(): number | undefined {
    return this.#network.certificateExpiresAt
  }

  get address(): string {
    return this.server.address
  }

  async start(host: TransportHost): Promise<void> {
    const network = this.#network
    network.start(host)
    this.#access.clusterId = host.identity.clusterId
    const { link, fetchSnapshot: fetch } = peerProto()
    this.server.addService(
      { link, fetch },
      {
        link: (call: ServerDuplexStream<Buffer, Buffer>) =>
          network.accept(acceptedCall(call, this.server.callerOf(call)), () => this.server.markPeer(call)),
        fetch: (call: ServerWritableStream<Buffer, Buffer>) =>
          network.serveSnapshot(new GrpcSnapshotCall(call, this.server.callerOf(call)), () =>
            this.server.markPeer(call),
          ),
      },
    )
    await this.server.start()
    reportFewDescriptors((code, facts) => host.condition(code, facts))
    network.connect()
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void {
    this.#network.setPeers(addresses, alternatives)
  }

  send(to: NodeId, message: PeerMessage): boolean {
    return this.#network.send(to, message)
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#network.fetchSnapshot(from, id, offset, signal)
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  async #shutdown(): Promise<void> {
    await Promise.all([this.#network.close(), this.server.close()])
    // The last frames of the links are on their way.
    await new Promise((resolve) => setImmediate(resolve))
    this.#shared?.protocol.close()
  }

  #onConnection(socket: Socket, caller: Caller, pass: ConnectionTaker): void {
    const protocol = this.#shared?.protocol
    if (protocol === undefined || caller.kind === 'plain text') return pass(socket, caller)
    const remote = remoteOf(socket)
    const markPeer = (): void => this.server.markPeer({ getPeer: () => remote })
    readPreface(
      socket,
      protocol.prefaceBytes,
      (preface) => protocol.accept(socket, caller, preface, this.#network, markPeer),
      () => pass(socket, caller),
    )
  }
}

function channelCredentials({ tls, credentials }: GrpcTransportOptions): ChannelCredentials {
  return tls === undefined ? (credentials?.channel ?? ChannelCredentials.createInsecure()) : tlsCredentials(tls)
}
