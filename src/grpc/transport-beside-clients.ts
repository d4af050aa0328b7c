/** A transport of any kind, and beside it a gRPC port at which clients and operators are served. */

import type { CallAccess } from '../access/call-access.ts'
import type { PeerMessage, PortProtection, Transport, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { CertificateWatch } from '../peer-link/certificate-watch.ts'
import { PEER_LINK_DEFAULTS } from '../peer-link/limits.ts'
import { hasSecret } from '../peer-link/secret-tls.ts'
import { takingTls } from '../peer-link/tls.ts'
import { protectionOf } from '../peer-link/tls-options.ts'
import { withDefaults } from '../platform/options.ts'
import { GrpcServer } from './grpc-server.ts'
import type { GrpcTransportOptions } from './peer/transport-options.ts'
import { accessOf, GRPC_TRANSPORT_DEFAULTS, serverOptions } from './peer/transport-options.ts'

/** Where clients are served. */
export interface ClientPortOptions extends Pick<GrpcTransportOptions, 'tls' | 'credentials' | 'tokens'> {
  readonly listen: string
  readonly messageBytesMax: number
}

export class TransportBesideClients implements Transport {
  readonly protection: PortProtection
  readonly server: GrpcServer
  readonly #peers: Transport
  readonly #access: CallAccess
  readonly #tls: GrpcTransportOptions['tls']
  #certificate: CertificateWatch | undefined
  #host: TransportHost | undefined

  constructor(peers: Transport, { listen, tls, credentials, tokens, messageBytesMax }: ClientPortOptions) {
    this.#access = accessOf({ tls, tokens })
    this.#peers = peers
    this.#tls = tls
    this.protection = protectionOf({ tls, credentials })
    const onCondition: TransportHost['condition'] = (code, facts) => this.#host?.condition(code, facts)
    // The address of a node is that of its transport, so the port needs none to advertise.
    const settings = {
      listen,
      advertise: listen,
      credentials: credentials?.server,
      options: serverOptions(withDefaults(GRPC_TRANSPORT_DEFAULTS, { messageBytesMax })),
      onCondition,
      access: this.#access,
    }
    this.server = new GrpcServer(settings, (pass) => takingTls(tls, pass))
  }

  get name(): string | undefined {
    return this.#peers.name
  }

  get certificateExpiresAt(): number | undefined {
    return this.#certificate?.expiresAt
  }

  get address(): string {
    return this.#peers.address
  }

  /** Serves clients once the transport has started. */
  async start(host: TransportHost): Promise<void> {
    this.#host = host
    this.#access.clusterId = host.identity.clusterId
    await this.#peers.start(host)
    await this.server.start()
    const tls = this.#tls
    if (tls !== undefined && !hasSecret(tls)) {
      const tell: TransportHost['condition'] = (code, facts) => this.#host?.condition(code, facts)
      this.#certificate = new CertificateWatch({ tls, check: () => undefined, tell, limits: PEER_LINK_DEFAULTS })
    }
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void {
    this.#peers.setPeers(addresses, alternatives)
  }

  send(to: NodeId, message: PeerMessage): boolean {
    return this.#peers.send(to, message)
  }

  fetchSnapshot(from: NodeId, id: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#peers.fetchSnapshot(from, id, offset, signal)
  }

  async close(): Promise<void> {
    this.#certificate?.close()
    await Promise.all([this.#peers.close(), this.server.close()])
    this.#host = undefined
  }
}
