/** The peer transport over TCP: a port of its own, links to peers, and snapshot transfers. */

import type { Socket } from 'node:net'
import type { Caller } from '../access/caller.ts'
import type { PeerMessage, PortProtection, Transport, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { reportFewDescriptors } from '../peer-link/connection-report.ts'
import { PEER_LINK_DEFAULTS } from '../peer-link/limits.ts'
import { PeerNetwork } from '../peer-link/peer-network.ts'
import { Port, remoteOf } from '../peer-link/port.ts'
import { readPreface } from '../peer-link/preface.ts'
import { takingTls } from '../peer-link/tls.ts'
import { protectionOf } from '../peer-link/tls-options.ts'
import { withDefaults } from '../platform/options.ts'
import { encodeRefusal } from './control-frames.ts'
import { LINK_PREFACE } from './frame-format.ts'
import type { TcpTransportOptions } from './options.ts'
import { checkTcpOptions } from './options.ts'
import { TcpProtocol } from './tcp-protocol.ts'

/**
 * Connects the nodes of a cluster with frames over TCP (docs/reference/peer-protocol.md), and listens for peers only. A node that
 * `startNode` starts accepts peers, clients and operators at one port, and connects to its peers this way with `peerTransport: 'tcp'`.
 *
 *     const transport = new TcpTransport({ listen: '0.0.0.0:7001', advertise: 'n1.example:7001' })
 *
 * `start` rejects with ERR_RAFT_PORT_IN_USE or ERR_RAFT_LISTEN if the port cannot be bound.
 */
export class TcpTransport implements Transport {
  readonly name: string = 'tcp'
  readonly protection: PortProtection
  readonly #port: Port
  readonly #protocol: TcpProtocol
  readonly #network: PeerNetwork
  #closed: Promise<void> | undefined

  /** Throws ERR_RAFT_OPTIONS that names every invalid option. */
  constructor(options: TcpTransportOptions) {
    checkTcpOptions(options)
    this.protection = protectionOf(options)
    const limits = withDefaults(PEER_LINK_DEFAULTS, options)
    this.#protocol = new TcpProtocol(limits, options.tls)
    this.#network = new PeerNetwork({ limits, tls: options.tls, address: () => this.address, protocol: this.#protocol })
    this.#port = new Port({
      ...{ listen: options.listen, advertise: options.advertise, limits },
      onCondition: (code, facts) => this.#network.openHost?.condition(code, facts),
      onConnection: takingTls(options.tls, (socket, caller) => this.#onConnection(socket, caller), this.#protocol),
    })
  }

  get certificateExpiresAt(): number | undefined {
    return this.#network.certificateExpiresAt
  }

  get address(): string {
    return this.#port.address
  }

  async start(host: TransportHost): Promise<void> {
    this.#network.start(host)
    await this.#port.start()
    reportFewDescriptors((code, facts) => host.condition(code, facts))
    this.#network.connect()
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
    await Promise.all([this.#network.close(), this.#port.close()])
    // The last frames of the links are on their way.
    await new Promise((resolve) => setImmediate(resolve))
    this.#protocol.close()
  }

  #onConnection(socket: Socket, caller: Caller): void {
    const remote = remoteOf(socket)
    readPreface(
      socket,
      this.#protocol.prefaceBytes,
      (preface) => this.#protocol.accept(socket, caller, preface, this.#network, () => this.#port.markPeer(remote)),
      () => refuse(socket),
    )
  }
}

/** Another protocol: the answer says what this port speaks, as text. */
function refuse(socket: Socket): void {
  const message =
    'this port speaks the TCP peer protocol of quorate only: clients and gRPC peers need the port of GrpcTransport'
  socket.end(Buffer.concat([Buffer.from(LINK_PREFACE), ...encodeRefusal({ code: 'ERR_RAFT_PROTOCOL', message })]))
  socket.destroySoon()
}
