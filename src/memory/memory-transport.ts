/** The Transport contract inside one process, without sockets, for tests and for clusters in one process. */
import type { PeerIdentity, PeerMessage, Refusal, Transport, TransportHost } from '../contracts/transport.ts'
import { messageBytes } from '../contracts/transport.ts'
import type { NodeId } from '../core/types.ts'
import type { ErrorCode } from '../errors.ts'
import { ERROR_CODES, isRaftError, RaftError } from '../errors.ts'
import { defer } from '../platform/turns.ts'

/** The options of MemoryNetwork. */
export interface MemoryNetworkOptions {
  /** Runs a callback in a later turn. Default: `setImmediate`, or a message in a browser. */
  readonly defer?: ((callback: () => void) => void) | undefined
  /** The most bytes in flight from one node to another. A message that does not fit is dropped, unless nothing is in flight. */
  readonly windowBytes?: number | undefined
  /** How long a node waits after a refused connection before it tries again, in milliseconds. */
  readonly refusalPauseMs?: number | undefined
}

/** The messages in flight from one node to another. */
interface OutgoingLink {
  readonly to: MemoryTransport
  readonly messages: PeerMessage[]
  bytes: number
}

/** An in-process network: it creates transports, and can cut or stall the link between two addresses. */
export class MemoryNetwork {
  readonly defer: (callback: () => void) => void
  readonly windowBytes: number
  readonly refusalPauseMs: number
  readonly #transports = new Map<string, MemoryTransport>()
  readonly #cuts = new Set<string>()
  readonly #stalls = new Set<string>()
  #addressCount = 0

  constructor(options: MemoryNetworkOptions = {}) {
    this.defer = options.defer ?? defer
    this.windowBytes = options.windowBytes ?? 8 * 1024 * 1024
    this.refusalPauseMs = options.refusalPauseMs ?? 1000
  }

  /** Creates a transport at an address of this network. Default: a new address. */
  transport(address = `memory:${++this.#addressCount}`): MemoryTransport {
    return new MemoryTransport(this, address)
  }

  /** Breaks the link between two addresses until `heal`. */
  cut(one: string, other: string): void {
    this.#cuts.add(linkKey(one, other))
    this.#transports.get(one)?.disconnect(other, 'the link was cut')
    this.#transports.get(other)?.disconnect(one, 'the link was cut')
  }

  /** Ends a `cut`: both nodes connect again. */
  heal(one: string, other: string): void {
    this.#cuts.delete(linkKey(one, other))
    this.connectAll()
  }

  /** Holds all messages between two addresses back until `resume`; the link stays connected. */
  stall(one: string, other: string): void {
    this.#stalls.add(linkKey(one, other))
  }

  /** Ends a `stall` and delivers the messages that were held back. */
  resume(one: string, other: string): void {
    this.#stalls.delete(linkKey(one, other))
    for (const address of [one, other]) this.#transports.get(address)?.deliverAll()
  }

  isStalled(one: string, other: string): boolean {
    return this.#stalls.has(linkKey(one, other))
  }

  /** Called by a transport when it starts. */
  join(transport: MemoryTransport): void {
    if (this.#transports.has(transport.address))
      throw new RaftError('ERR_RAFT_PORT_IN_USE', `${transport.address} is in use by another node of this network`, {
        hint: 'use a different address for each node',
      })
    this.#transports.set(transport.address, transport)
    this.connectAll()
  }

  /** Called by a transport when it closes. */
  leave(transport: MemoryTransport): void {
    if (this.#transports.get(transport.address) !== transport) return
    this.#transports.delete(transport.address)
    for (const other of this.#transports.values()) other.disconnect(transport.address, 'the peer has closed')
  }

  /** The transport at `to`, unless it is cut off from `from`. */
  reachable(from: string, to: string): MemoryTransport | undefined {
    return this.#cuts.has(linkKey(from, to)) ? undefined : this.#transports.get(to)
  }

  /** Makes all transports connect to their reachable peers, in a later turn. */
  connectAll(): void {
    this.defer(() => {
      for (const transport of this.#transports.values()) transport.connect()
    })
  }
}

function linkKey(one: string, other: string): string {
  return one < other ? `${one} ${other}` : `${other} ${one}`
}

/** A Transport of a MemoryNetwork. */
export class MemoryTransport implements Transport {
  readonly address: string
  readonly #network: MemoryNetwork
  #host: TransportHost | undefined
  /** The addresses of each peer, in the order to try. */
  #peers: ReadonlyMap<NodeId, readonly string[]> = new Map()
  readonly #links = new Map<NodeId, OutgoingLink>()
  readonly #retryTimers = new Map<NodeId, NodeJS.Timeout>()
  readonly #closing = new AbortController()

  constructor(network: MemoryNetwork, address: string) {
    this.#network = network
    this.address = address
  }

  async start(host: TransportHost): Promise<void> {
    if (this.#isClosed) throw closedError()
    if (this.#host !== undefined) throw new RaftError('ERR_RAFT_INTERNAL', 'the transport was started twice')
    this.#network.join(this)
    this.#host = host
  }

  setPeers(addresses: ReadonlyMap<NodeId, string>, alternatives?: ReadonlyMap<NodeId, readonly string[]>): void {
    this.#peers = new Map(
      [...addresses].map(([peer, address]) => [peer, [address, ...(alternatives?.get(peer) ?? [])]]),
    )
    for (const [peer, { to }] of [...this.#links])
      if (this.#peers.get(peer)?.includes(to.address) !== true) {
        this.disconnect(to.address, 'no longer a peer')
        to.disconnect(this.address, 'the peer has closed the link')
      }
    this.#network.connectAll()
  }

  send(to: NodeId, message: PeerMessage): boolean {
    const link = this.#links.get(to)
    const bytes = messageBytes(message)
    if (link === undefined || (link.bytes > 0 && link.bytes + bytes > this.#network.windowBytes)) return false
    link.bytes += bytes
    link.messages.push(message)
    if (link.messages.length === 1) this.#network.defer(() => this.#deliver(to, link))
    return true
  }

  async *fetchSnapshot(
    from: NodeId,
    id: string,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void> {
    const stopped = AbortSignal.any([signal, this.#closing.signal])
    stopped.throwIfAborted()
    const address = this.#links.get(from)?.to.address ?? this.#peers.get(from)?.[0]
    const source = address === undefined ? undefined : this.#network.reachable(this.address, address)
    if (source === undefined || this.#host === undefined) throw unreachableError(from)
    try {
      for await (const chunk of source.#read(this.#host.identity, id, offset)) {
        stopped.throwIfAborted()
        if (this.#network.reachable(this.address, source.address) !== source) throw unreachableError(from)
        yield chunk
      }
    } catch (error) {
      throw isRaftError(error) || stopped.aborted ? error : unreachableError(from, error)
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#closing.abort(closedError())
    for (const timer of this.#retryTimers.values()) clearTimeout(timer)
    this.#network.leave(this)
    for (const { to } of [...this.#links.values()]) this.disconnect(to.address, 'closed')
  }

  /** Connects to every configured peer that is reachable and not connected. Called by the network. */
  connect(): void {
    const host = this.#host
    if (host === undefined || this.#isClosed) return
    for (const [id, addresses] of this.#peers) {
      if (id === host.identity.nodeId || this.#links.has(id) || this.#retryTimers.has(id)) continue
      const peers = addresses.flatMap((address) => this.#network.reachable(this.address, address) ?? [])
      const peer = peers.find((each) => each.#host?.identity.nodeId === id) ?? peers[0]
      if (peer !== undefined) this.#connectTo(id, host, peer)
    }
  }

  /** Drops the link to an address and the messages in flight on it. */
  disconnect(address: string, reason: string): void {
    for (const [peer, { to }] of [...this.#links])
      if (to.address === address) {
        this.#links.delete(peer)
        this.#host?.peerLost(peer, reason)
      }
  }

  /** Reads a snapshot of this node for a peer. */
  async *#read(requester: PeerIdentity, id: string, offset: number): AsyncGenerator<Uint8Array, void> {
    const host = this.#host
    if (host === undefined || this.#isClosed) throw unreachableError(this.address)
    const refusal = host.admit(requester)
    if (refusal !== undefined) throw refusedError(host.identity.nodeId, refusal)
    for await (const chunk of host.readSnapshot(id, offset)) {
      if (this.#isClosed) throw unreachableError(host.identity.nodeId)
      yield chunk
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #connectTo(id: NodeId, host: TransportHost, peer: MemoryTransport): void {
    const peerHost = peer.#host
    if (peerHost === undefined) return
    const caller = { ...host.identity, address: this.address, reachedAt: peer.address }
    const refusedBy = checkConnection(caller, id, peerHost)
    const callee = { ...peerHost.identity, address: peer.address }
    const ownRefusal = refusedBy === undefined ? host.admit(callee) : undefined
    if (refusedBy !== undefined) host.refusedBy(id, refusedBy)
    if (ownRefusal !== undefined) peerHost.refusedBy(host.identity.nodeId, ownRefusal)
    if (refusedBy !== undefined || ownRefusal !== undefined) return this.#retryLater(id)
    this.#replaceLink(id, peer)
    peer.#replaceLink(host.identity.nodeId, this)
    // A host may close its transport in any of these calls.
    if (this.#isClosed || peer.#isClosed) return
    this.#links.set(id, { to: peer, messages: [], bytes: 0 })
    host.peerConnected(id)
    if (this.#isClosed) return
    peer.#links.set(host.identity.nodeId, { to: this, messages: [], bytes: 0 })
    peerHost.peerConnected(host.identity.nodeId)
  }

  /** Ends the link to an earlier process of the peer. */
  #replaceLink(peer: NodeId, next: MemoryTransport): void {
    const earlier = this.#links.get(peer)?.to
    if (earlier === undefined || earlier === next) return
    this.disconnect(earlier.address, 'the peer has restarted')
    earlier.disconnect(this.address, 'replaced by a newer process of this node')
  }

  #retryLater(peer: NodeId): void {
    const timer = setTimeout(() => {
      this.#retryTimers.delete(peer)
      this.#network.connectAll()
    }, this.#network.refusalPauseMs)
    timer.unref()
    this.#retryTimers.set(peer, timer)
  }

  /** Delivers the messages that were held back. Called by the network. */
  deliverAll(): void {
    for (const [to, link] of this.#links) this.#network.defer(() => this.#deliver(to, link))
  }

  #deliver(to: NodeId, link: OutgoingLink): void {
    if (this.#network.isStalled(this.address, link.to.address)) return
    const own = this.#host?.identity.nodeId
    const receiver = link.to.#host
    for (const message of link.messages.splice(0)) {
      link.bytes -= messageBytes(message)
      if (own !== undefined && this.#links.get(to) === link) receiver?.receive(own, message)
    }
  }
}

/** Returns why the host rejects a node that meant to reach `expected`, or undefined. */
function checkConnection(caller: PeerIdentity, expected: NodeId, host: TransportHost): Refusal | undefined {
  const { nodeId, clusterId } = host.identity
  const mismatch =
    nodeId === expected ? undefined : { code: 'ERR_RAFT_NODE_MISMATCH', message: `this is ${nodeId}, not ${expected}` }
  if (mismatch !== undefined && caller.clusterId === clusterId) return mismatch
  return host.admit(caller) ?? mismatch
}

function refusedError(peer: NodeId, { code, message }: Refusal): RaftError {
  const knownCode = Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'ERR_RAFT_UNREACHABLE'
  return new RaftError(knownCode, `${peer} refused to send its snapshot: ${message}`)
}

function unreachableError(peer: NodeId, cause?: unknown): RaftError {
  return new RaftError('ERR_RAFT_UNREACHABLE', `fetching a snapshot from ${peer} was interrupted`, { cause })
}

function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the transport is closed')
}
