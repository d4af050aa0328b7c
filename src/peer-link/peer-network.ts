/** The links to all peers, and the snapshot transfers, over one or several peer protocols. A transport adds the port. */
import type { Caller } from '../access/caller.ts'
import type { NamedNode } from '../access/peer-certificate.ts'
import { peerRefusal } from '../access/peer-certificate.ts'
import type { PeerMessage, Refusal, TransportHost } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import { RaftError } from '../errors.ts'
import { CertificateWatch } from './certificate-watch.ts'
import type { Hello } from './frames.ts'
import { makeHello } from './handshake.ts'
import type { PeerLinkLimits } from './limits.ts'
import { PeerAcceptor } from './peer-acceptor.ts'
import type { PeerCall, PeerConnector, PeerProtocol } from './peer-call.ts'
import { PeerDialer } from './peer-dialer.ts'
import { PeerLink } from './peer-link.ts'
import { RefusalReport } from './refusal-report.ts'
import { connectorVia } from './routes.ts'
import type { SharedSecret } from './secret-tls.ts'
import { hasSecret } from './secret-tls.ts'
import type { SnapshotCall } from './snapshot-server.ts'
import { SnapshotServer } from './snapshot-server.ts'
import type { TlsOptions } from './tls-options.ts'
import { assertOwnCertificate } from './tls-options.ts'

export interface PeerNetworkParts {
  readonly limits: PeerLinkLimits
  /** The address at which peers reach this node, once it listens. */
  readonly address: () => string
  /** How this node connects to its peers. It accepts the calls of every protocol. */
  readonly protocol: PeerProtocol
  /** Those of the port and of the connections to peers, if they have TLS. */
  readonly tls: TlsOptions | SharedSecret | undefined
  /** By peer: where to connect to instead of its addresses. */
  readonly routes?: Readonly<Record<NodeId, string>> | undefined
}

export class PeerNetwork {
  readonly #parts: PeerNetworkParts
  readonly #routes: ReadonlyMap<NodeId, string>
  readonly #links = new Map<NodeId, PeerLink>()
  readonly #dialers = new Map<NodeId, PeerDialer>()
  /** The addresses of each peer, in the order to try. */
  #addresses: ReadonlyMap<NodeId, readonly string[]> = new Map()
  #host: TransportHost | undefined
  #acceptor: PeerAcceptor | undefined
  #snapshotServer: SnapshotServer | undefined
  #refusalReport: RefusalReport | undefined
  #certificate: CertificateWatch | undefined
  #isListening = false
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(parts: PeerNetworkParts) {
    this.#parts = parts
    this.#routes = new Map(Object.entries(parts.routes ?? {}))
  }

  /** The host to tell about a condition; undefined before `start` and after `close`. */
  get openHost(): TransportHost | undefined {
    return this.#closed === undefined ? this.#host : undefined
  }

  /** When the certificate of this node expires, in milliseconds since 1970; undefined before `start` and without one. */
  get certificateExpiresAt(): number | undefined {
    return this.#certificate?.expiresAt
  }

  /** From now on, calls are accepted. Throws ERR_RAFT_CLOSED after `close`. */
  start(host: TransportHost): void {
    if (this.#closed !== undefined) throw closedError()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    const { limits, address, tls } = this.#parts
    if (tls !== undefined && !hasSecret(tls)) assertOwnCertificate(tls, host.identity)
    this.#host = host
    const report = new RefusalReport((code, facts) => this.openHost?.condition(code, facts))
    this.#refusalReport = report
    const acceptor = new PeerAcceptor({
      ...{ host, address, limits },
      identityRefusal: (caller, hello) => {
        const refusal = this.#identityRefusal(caller, hello)
        if (refusal !== undefined) report.onRefused(hello.nodeId, hello.address, refusal)
        return refusal
      },
      link: (peer) => this.#link(host, peer),
      onAccepted: (peer) => this.#dialers.get(peer)?.retryNow(),
    })
    this.#acceptor = acceptor
    this.#snapshotServer = new SnapshotServer({
      host,
      limits,
      checkHello: (hello, caller) => acceptor.checkHello(hello, caller),
    })
  }

  /** Connects to the peers: this node listens. */
  connect(): void {
    this.#isListening = true
    this.#watchCertificate()
    this.#dialMissing()
  }

  /** Takes an incoming call. `onGreeted` is called when a peer has been accepted on it. */
  accept(call: PeerCall, onGreeted: () => void): void {
    this.#acceptor?.accept(call, onGreeted)
  }

  /** Answers a peer that fetches a snapshot. `onGreeted` is called when the peer has been accepted. */
  serveSnapshot(call: SnapshotCall, onGreeted: () => void): void {
    this.#snapshotServer?.serve(call, onGreeted)
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
        link.close('cancelled', 'no longer a peer')
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
    const hello = makeHello(this.#host, this.#parts.address(), from, address)
    return this.#parts.protocol.fetchSnapshot({
      from,
      address: this.#routes.get(from) ?? address,
      request: { hello, id, offset },
      sourceRefusal: (source) => this.#identityRefusal(source, { clusterId: hello.clusterId, nodeId: from }),
      signal: AbortSignal.any([signal, this.#closing.signal]),
    })
  }

  /** After it resolves, the host is no longer called. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutdown()
    return this.#closed
  }

  async #shutdown(): Promise<void> {
    this.#closing.abort(closedError())
    for (const dialer of this.#dialers.values()) dialer.close()
    this.#dialers.clear()
    this.#acceptor?.close()
    this.#refusalReport?.close()
    this.#certificate?.close()
    for (const link of this.#links.values()) link.close('closing', 'this node is closing')
    this.#links.clear()
    await this.#snapshotServer?.close()
  }

  /** A node that joins may not know its cluster yet. */
  #identityRefusal(caller: Caller, { clusterId, nodeId }: NamedNode): Refusal | undefined {
    const { tls } = this.#parts
    if (tls === undefined || (hasSecret(tls) && caller.kind !== 'plain text')) return undefined
    const own = this.#host?.identity.clusterId ?? ''
    return peerRefusal(
      caller,
      { clusterId: clusterId === '' ? own : clusterId, nodeId },
      hasSecret(tls) ? undefined : tls.nodeDnsNames,
    )
  }

  #watchCertificate(): void {
    const { tls, limits } = this.#parts
    const host = this.openHost
    if (tls === undefined || hasSecret(tls) || host === undefined) return
    const check = (next: TlsOptions): void => assertOwnCertificate(next, host.identity)
    const tell: TransportHost['condition'] = (code, facts) => this.openHost?.condition(code, facts)
    this.#certificate = new CertificateWatch({ tls, check, tell, limits })
  }

  /** Opens a link to every peer that has none. */
  #dialMissing(): void {
    const host = this.#host
    if (host === undefined || !this.#isListening || this.#closed !== undefined) return
    const { limits, address } = this.#parts
    const identityRefusal = (caller: Caller, hello: Hello): Refusal | undefined => this.#identityRefusal(caller, hello)
    for (const [peer, addresses] of this.#addresses) {
      if (peer === host.identity.nodeId || this.#dialers.has(peer)) continue
      const parts = { peer, addresses, ownAddress: address(), host, link: this.#link(host, peer), identityRefusal }
      this.#dialers.set(peer, new PeerDialer({ ...parts, connector: this.#connectorTo(peer), limits }))
    }
  }

  /** A peer at a route is still greeted at its own address, which is the one that others may use. */
  #connectorTo(peer: NodeId): PeerConnector {
    const connector = this.#parts.protocol.connector()
    const route = this.#routes.get(peer)
    return route === undefined ? connector : connectorVia(route, connector)
  }

  #link(host: TransportHost, peer: NodeId): PeerLink {
    const existing = this.#links.get(peer)
    if (existing !== undefined) return existing
    const link = new PeerLink({
      peer,
      host,
      onRejected: () => this.#dialers.get(peer)?.onRejected(),
      failoverDelayMs: this.#parts.limits.reconnectMinMs,
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
